import MarkdownIt from 'markdown-it'

/** A piece of a text as it may be shown: only what is named here comes out of a text of strangers. */
export type Node = string | Code | Link | Element

export interface Code {
  kind: 'code'
  text: string
  language: string
}

export interface Link {
  kind: 'link'
  href: string
  /** Does it lead to another site? */
  away: boolean
  children: Node[]
}

export interface Element {
  kind: 'element'
  tag: Tag
  /** Of headings: where links lead to. */
  id?: string
  /** Of numbered lists: where they begin. */
  start?: number
  align?: 'center' | 'right'
  children: Node[]
}

const TAGS = ['p', 'h2', 'h3', 'h4', 'h5', 'h6', 'ul', 'ol', 'li', 'blockquote', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'em', 'strong', 's', 'code', 'hr', 'br'] as const
export type Tag = (typeof TAGS)[number]

export interface Reading {
  /** Stands before the ids of headings, so that they are nobody else's. */
  prefix?: string
  /** The level of the first heading. The page has its `h1` already. */
  level?: 2 | 3 | 4
  /** Where relative links begin; without it they are plain words. */
  base?: string
}

/** Texts are cut here; none that a person reads is as long. */
const LONGEST = 200_000

// Tags are parsed so that they can be left out: their words stay, and nothing is ever given to the browser as HTML.
const parser = new MarkdownIt({ html: true, linkify: true, maxNesting: 30 })
parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false })
// Addresses are judged here, in one place, when they become links.
parser.validateLink = () => true

/** The text as a tree that holds nothing but words, known elements and safe links. */
export function readMarkdown(text: string, reading: Reading = {}): Node[] {
  return new Reader(reading).read(text)
}

type Token = ReturnType<typeof parser.parse>[number]

class Reader {
  private readonly prefix: string
  private readonly level: number
  private readonly base: string
  private readonly depths: number[] = []
  private readonly ids = new Map<string, number>()

  constructor(reading: Reading) {
    this.prefix = reading.prefix ?? 'text-'
    this.level = reading.level ?? 2
    this.base = reading.base ?? ''
  }

  read(text: string): Node[] {
    return this.tree(parser.parse(text.slice(0, LONGEST), {}))
  }

  /** Tokens open and close; everything between is inside. */
  private tree(tokens: readonly Token[]): Node[] {
    const root: Node[] = []
    const open: Node[][] = [root]
    for (const [index, token] of tokens.entries()) {
      const here = open.at(-1) ?? root
      if (token.nesting < 0) {
        if (open.length > 1) open.pop()
        continue
      }
      if (token.nesting === 0) {
        here.push(...this.leaf(token))
        continue
      }
      const children: Node[] = []
      const made = this.opened(token, tokens[index + 1], children)
      if (made) here.push(made)
      open.push(made ? children : here)
    }
    return root
  }

  private leaf(token: Token): Node[] {
    switch (token.type) {
      case 'inline':
        return this.tree(token.children ?? [])
      case 'text':
      case 'text_special':
        return [token.content]
      case 'softbreak':
        return ['\n']
      case 'hardbreak':
        return [{ kind: 'element', tag: 'br', children: [] }]
      case 'hr':
        return [{ kind: 'element', tag: 'hr', children: [] }]
      case 'code_inline':
        return [{ kind: 'element', tag: 'code', children: [token.content] }]
      case 'fence':
      case 'code_block':
        return [{ kind: 'code', text: token.content.replace(/\n$/, ''), language: /^[\w+#.-]{1,30}/.exec(token.info)?.[0] ?? '' }]
      case 'image':
        return this.image(token)
      case 'html_inline':
        return /^<br\b/i.test(token.content) ? [{ kind: 'element', tag: 'br', children: [] }] : []
      case 'html_block': {
        const words = withoutTags(token.content)
        return words === '' ? [] : [{ kind: 'element', tag: 'p', children: [words] }]
      }
      default:
        return []
    }
  }

  /** No image is loaded: it would tell another site who reads this. */
  private image(token: Token): Node[] {
    const words = token.content.trim() || 'Image'
    const link = this.link(String(token.attrGet('src') ?? ''), [words])
    return [link ?? words]
  }

  private opened(token: Token, next: Token | undefined, children: Node[]): Node | undefined {
    if (token.type === 'link_open') return this.link(String(token.attrGet('href') ?? ''), children)
    if (token.hidden) return undefined
    if (token.type === 'heading_open') {
      const tag = this.heading(Number(token.tag.slice(1)))
      return { kind: 'element', tag, id: this.idOf(wordsOf(next)), children }
    }
    const tag = TAGS.find((known) => known === token.tag)
    if (!tag) return undefined
    const element: Element = { kind: 'element', tag, children }
    const start = Number(token.attrGet('start') ?? 1)
    if (tag === 'ol' && start !== 1) element.start = start
    const align = /text-align:(center|right)/.exec(String(token.attrGet('style') ?? ''))?.[1]
    if (align === 'center' || align === 'right') element.align = align
    return element
  }

  /** Levels go down one by one, whatever the text skips: people who listen to a page go by them. */
  private heading(depth: number): Tag {
    while ((this.depths.at(-1) ?? 0) >= depth) this.depths.pop()
    this.depths.push(depth)
    const level = Math.min(this.level + this.depths.length - 1, 6)
    return TAGS.find((tag) => tag === `h${level}`) ?? 'h6'
  }

  private idOf(words: string): string {
    const slug = slugOf(words)
    const before = this.ids.get(slug) ?? 0
    this.ids.set(slug, before + 1)
    return `${this.prefix}${slug}${before === 0 ? '' : `-${before}`}`
  }

  private link(href: string, children: Node[]): Link | undefined {
    const found = this.address(href)
    return found === '' ? undefined : { kind: 'link', href: found, away: !/^[/#]/.test(found), children }
  }

  /** Where a link may lead: to the web, to a mail address, within this text, to a page of this site, or nowhere. */
  private address(href: string): string {
    if (/^https?:\/\/[^/]/i.test(href) || /^mailto:/i.test(href)) return URL.canParse(href) ? href : ''
    if (href.startsWith('#field-')) return href
    if (href.startsWith('#')) return `#${this.prefix}${slugOf(decoded(href.slice(1)))}`
    if (/^\/components\/[\w-]+\/[\w%.-]+$/.test(href)) return href
    if (this.base === '' || /^[a-z][a-z0-9+.-]*:/i.test(href) || !URL.canParse(href, this.base)) return ''
    const full = new URL(href, this.base)
    return full.protocol === 'https:' || full.protocol === 'http:' ? full.href : ''
  }
}

function wordsOf(inline: Token | undefined): string {
  return (inline?.children ?? []).map((token) => (token.type === 'text' || token.type === 'code_inline' ? token.content : '')).join('')
}

function slugOf(words: string): string {
  const slug = words
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
    .trim()
    .replaceAll(/\s+/g, '-')
  return slug || 'part'
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The words between tags. What looks like a tag afterwards is shown as text, never as one. */
function withoutTags(html: string): string {
  return html
    .replaceAll(/<!--[\s\S]*?(?:-->|$)/g, '')
    .replaceAll(/<(script|style)\b[\s\S]*?(?:<\/\1>|$)/gi, '')
    .replaceAll(/<[^<>]{0,2000}>/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
}
