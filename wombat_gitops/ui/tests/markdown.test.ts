import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { createVuetify } from 'vuetify'
import MarkdownText from '@/components/MarkdownText.vue'
import { fromAsciidoc, plainWords } from '@/logic/asciidoc'
import { type Node, readMarkdown } from '@/logic/markdown'

function flat(nodes: readonly Node[]): Exclude<Node, string>[] {
  return nodes.flatMap((node) => (typeof node === 'string' ? [] : [node, ...(node.kind === 'code' ? [] : flat(node.children))]))
}
const tags = (text: string): string[] => flat(readMarkdown(text)).map((node) => (node.kind === 'element' ? node.tag : node.kind))
const links = (text: string, base = ''): string[] => flat(readMarkdown(text, { base })).flatMap((node) => (node.kind === 'link' ? [node.href] : []))
const words = (nodes: readonly Node[]): string =>
  nodes.map((node) => (typeof node === 'string' ? node : node.kind === 'code' ? node.text : words(node.children))).join('')

function shown(text: string, props: object = {}) {
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:path(.*)*', component: { template: '' } }] })
  return mount(MarkdownText, { props: { text, ...props }, global: { plugins: [router, createVuetify()] } })
}

describe('Markdown', () => {
  it('becomes elements', () => {
    const text = '# A\n\nb *c* **d** `e`\n\n- f\n- g\n\n> h\n\n| i |\n|--:|\n| j |\n\n3. k\n\n---\n'
    expect(tags(text)).toEqual(
      ['h2', 'p', 'em', 'strong', 'code', 'ul', 'li', 'li', 'blockquote', 'p', 'table', 'thead', 'tr', 'th', 'tbody', 'tr', 'td', 'ol', 'li', 'hr'],
    )
    const [list, cell] = [flat(readMarkdown(text)).find((node) => 'start' in node), flat(readMarkdown(text)).find((node) => 'align' in node)]
    expect([list, cell]).toMatchObject([{ start: 3 }, { align: 'right' }])
  })
  it('keeps code as it is, with its language', () => {
    expect(readMarkdown('```yaml\na: <b>\n\n  c: 1\n```')).toEqual([{ kind: 'code', text: 'a: <b>\n\n  c: 1', language: 'yaml' }])
  })
  it('has headings one below the other, from the level of the page, with ids of their own', () => {
    const found = flat(readMarkdown('### One\n\n##### Two `x`\n\n# One\n\n## Ünï', { prefix: 'docs-', level: 3 }))
    expect(found.flatMap((node) => ('id' in node ? [[node.tag, node.id]] : []))).toEqual(
      [['h3', 'docs-one'], ['h4', 'docs-two-x'], ['h3', 'docs-one-1'], ['h4', 'docs-ünï']],
    )
  })
  it('leads to the web, to mail, to its own headings, and to nothing else', () => {
    expect(links('[a](https://x.example/y) <mailto:a@x.example> https://z.example [b](#The%20Part) [c](#field-a.b)')).toEqual(
      ['https://x.example/y', 'mailto:a@x.example', 'https://z.example', '#text-the-part', '#field-a.b'],
    )
    expect(links('[a](./docs/a.md) [b](/etc) [c](//x.example)')).toEqual([])
    expect(links('[a](./docs/a.md) [b](../b.md)', 'https://x.example/repo/tree/main/')).toEqual(
      ['https://x.example/repo/tree/main/docs/a.md', 'https://x.example/repo/tree/b.md'],
    )
    expect(links('[a](/components/input/file)')).toEqual(['/components/input/file'])
  })
  it('loads no image: words that lead to it stay', () => {
    const nodes = readMarkdown('[![build](https://x.example/b.svg)](https://x.example/ci) ![](local.png)')
    expect(tags('![logo](https://x.example/l.png)')).toEqual(['p', 'link'])
    expect(words(nodes)).toBe('build Image')
  })
})

describe('a hostile text', () => {
  it.each([
    '[a](javascript:alert(1))',
    '[a](JaVaScRiPt:alert(1))',
    '[a](java&#115;cript:alert(1))',
    '[a](&#x6A;avascript:alert(1))',
    '[a](\u0001javascript:alert(1))',
    '[a](vbscript:x) [b](data:text/html,<script>) [c](file:///etc/passwd) [d](blob:x)',
    '![a](javascript:alert(1))',
    '<javascript:alert(1)>',
    '[a]\n\n[a]: javascript:alert(1)',
    '[a](https:javascript:alert(1)) [b](http://) [c](https:///x)',
  ])('has no link: %s', (text) => {
    expect(links(text)).toEqual([])
    expect(links(text, 'https://x.example/').every((href) => href.startsWith('https://x.example/'))).toBe(true)
  })
  it('gives the browser no element of its own', () => {
    const text = '<script>alert(1)</script>\n\n<img src=x onerror=alert(1)> a <b onclick="x">b</b> <svg/onload=x>\n\n<iframe src="x">\n\n&lt;script&gt;<style>*{}</style>'
    const html = shown(text).element
    expect(html.querySelectorAll('script, img, b, svg, iframe, style, [onclick], [onerror]')).toHaveLength(0)
    expect(html.textContent).toContain('<script>') // It was written as text, and is text.
    expect(html.textContent).not.toContain('alert')
  })
  it.each([
    ['quotes', '> '.repeat(20_000) + 'x'],
    ['lists', Array.from({ length: 1000 }, (_, depth) => `${'  '.repeat(depth)}- a`).join('\n')],
    ['brackets', '['.repeat(20_000)],
    ['stars', '*a **b '.repeat(5000)],
    ['notes in notes', ':::note\n'.repeat(5000)],
    ['angles', '<'.repeat(20_000)],
    ['references', 'xref:'.repeat(10_000) + '<<'.repeat(10_000)],
    ['ticks', Array.from({ length: 400 }, (_, length) => '`'.repeat(length)).join('a')],
    ['a table', `|===\n${'|a'.repeat(5000)}\n|===`],
  ])('does not break the page with %s', (_, text) => {
    const deepest = (nodes: readonly Node[]): number => Math.max(0, ...nodes.map((node) => (typeof node === 'string' || node.kind === 'code' ? 0 : 1 + deepest(node.children))))
    expect(deepest(readMarkdown(fromAsciidoc(text)))).toBeLessThan(40)
  })
})

describe("Benthos' documents", () => {
  it('have headings, notes and listings', () => {
    const text = '== Metadata\n\nNOTE: be careful\n\n[WARNING]\n====\nhot `x`\n====\n\n:::tip Faster\nuse it\n:::\n\n[source,yaml]\n----\na: == b\n----\n'
    expect(fromAsciidoc(text)).toBe(
      '## Metadata\n\n> **Note:** be careful\n\n\n> **Warning**\n>\n> hot `x`\n\n\n\n> **Faster**\n>\n> use it\n\n\n```yaml\na: == b\n```\n',
    )
  })
  it('lead to other components, and keep the words of guides', () => {
    const text = 'a xref:components:processors/for_each.adoc[`for_each`] xref:components:rate_limits/local.adoc[] xref:guides:bloblang/about.adoc[Bloblang query] xref:configuration:error_handling.adoc[].'
    expect(fromAsciidoc(text)).toBe('a [`for_each`](/components/processor/for_each) [local](/components/rate-limit/local) Bloblang query error handling.')
    expect(fromAsciidoc('xref:guides:bloblang/methods.adoc#parse_csv[m] xref:components:http/about.adoc[]')).toBe('[m](/components/bloblang-method/parse_csv) http')
    expect(fromAsciidoc('https://x.example/a[RFC^] link:/d[D] <<size, `size` field>>')).toBe('[RFC](https://x.example/a) [D](/d) [`size` field](#field-size)')
  })
  it('have tables with a cell in each line', () => {
    expect(fromAsciidoc('|===\n|A |B\n\n|1\n|2\n|===')).toBe('\n| A | B |\n| --- | --- |\n| 1 | 2 |\n')
  })
  it('keep their code', () => {
    const code = 'use `xref:a[b]` and\n\n```\n== not a heading\n* xref:a[b]\n```'
    expect(fromAsciidoc(code)).toBe(code)
  })
  it('have nested lists', () => {
    expect(fromAsciidoc('* a\n** b\n. c')).toBe('* a\n   - b\n1. c')
  })
  it('make a summary of plain words', () => {
    expect(plainWords('\nRuns a xref:guides:bloblang/about.adoc[Bloblang] `mapping`\nof **all**.')).toBe('Runs a Bloblang mapping of all.')
  })
})

it('marks what leads to another site', () => {
  const page = shown('[here](/components/input/file) [there](https://x.example)')
  expect(page.findAll('a').map((link) => [link.attributes('href'), link.attributes('rel')])).toEqual([
    ['/components/input/file', undefined],
    ['https://x.example', 'noopener noreferrer'],
  ])
  expect(page.text()).toContain('(another site)')
})
