import { componentPath, documentedPath } from './contents'

/**
 * Benthos writes its documents in a mixture of Markdown, AsciiDoc and Docusaurus. What is not Markdown becomes Markdown here;
 * what cannot be shown becomes plain words.
 */

const FENCE = /^ {0,3}(```+|~~~+)/
const NOTE = /^(NOTE|TIP|IMPORTANT|WARNING|CAUTION): +/

/** The whole text as Markdown. Notes may stand in notes, *depth* of them. */
export function fromAsciidoc(text: string, depth = 3): string {
  const lines = text.replaceAll('\r\n', '\n').split('\n')
  const out: string[] = []
  for (let at = 0; at < lines.length; ) at = block(lines, at, out, depth)
  return out.join('\n')
}

/** Translates the block that begins in line *at* and tells where the next one begins. */
function block(lines: readonly string[], at: number, out: string[], depth: number): number {
  const line = lines[at] ?? ''
  const fence = FENCE.exec(line)?.[1]
  if (fence) return copied(lines, at, out, (other) => other.trim().startsWith(fence))

  const source = /^\[source(?:,\s*([\w-]*))?.*\]$/.exec(line)
  const opens = lines[source ? at + 1 : at]
  if (opens !== undefined && /^-{4,}$/.test(opens) && (source || lines[at - 1]?.trim() === '' || at === 0)) {
    const from = source ? at + 2 : at + 1
    const end = lines.indexOf(opens, from)
    if (end > 0) {
      const content = lines.slice(from, end)
      const ticks = content.some((each) => each.includes('```')) ? '````' : '```'
      out.push(ticks + (source?.[1] ?? ''), ...content, ticks)
      return end + 1
    }
  }
  if (source) return at + 1

  const boxed = /^\[(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]$/.exec(line)
  const docusaurus = /^:::\s*(note|tip|info|important|warning|caution|danger)\b\s*(.*)$/i.exec(line)
  if (depth > 0 && boxed && lines[at + 1] === '====') return quoted(lines, at + 2, '====', noteWord(boxed[1] ?? ''), out, depth)
  if (depth > 0 && docusaurus) return quoted(lines, at + 1, ':::', docusaurus[2] || noteWord(docusaurus[1] ?? ''), out, depth)

  if (line === '|===') return table(lines, at, out)
  // Attributes of the next block, a place to link to, a comment: nothing to read.
  if (/^\[(?:%|cols|options|id=|#|\[|discrete|\.)[^\]]*\]\]?$/.test(line) || /^\/\/ /.test(line) || /^ifn?def::|^endif::/.test(line)) return at + 1

  out.push(inLine(started(line)))
  return at + 1
}

function copied(lines: readonly string[], at: number, out: string[], ends: (line: string) => boolean): number {
  const end = lines.findIndex((line, index) => index > at && ends(line))
  const next = end < 0 ? lines.length : end + 1
  out.push(...lines.slice(at, next))
  return next
}

function quoted(lines: readonly string[], from: number, mark: string, title: string, out: string[], depth: number): number {
  const found = lines.findIndex((line, index) => index >= from && line.trim() === mark)
  const end = found < 0 ? lines.length : found
  const content = fromAsciidoc(lines.slice(from, end).join('\n'), depth - 1).split('\n')
  out.push('', `> **${title}**`, '>', ...content.map((line) => `> ${line}`), '')
  return end + 1
}

function noteWord(kind: string): string {
  return kind.charAt(0).toUpperCase() + kind.slice(1).toLowerCase()
}

/** Rows may be in one line or one cell in each: as many cells as the first line has make a row. */
function table(lines: readonly string[], at: number, out: string[]): number {
  const found = lines.indexOf('|===', at + 1)
  const end = found < 0 ? lines.length : found
  const content = lines.slice(at + 1, end).filter((line) => line.trim() !== '')
  const cellsOf = (line: string): string[] => line.split('|').slice(1).map((cell) => inLine(cell.trim()))
  const cells = content.flatMap(cellsOf)
  const width = cellsOf(content[0] ?? '').length
  if (width === 0) return end + 1
  const row = (from: number): string => `| ${cells.slice(from, from + width).join(' | ')} |`
  out.push('', row(0), `|${' --- |'.repeat(width)}`)
  for (let from = width; from < cells.length; from += width) out.push(row(from))
  out.push('')
  return end + 1
}

/** What the beginning of a line means: headings, notes, numbered and nested items. */
function started(line: string): string {
  const heading = /^(={1,6}) +(\S.*)$/.exec(line)
  if (heading) return `${'#'.repeat(heading[1]?.length ?? 1)} ${heading[2]}`
  const note = NOTE.exec(line)
  if (note) return `> **${noteWord(note[1] ?? '')}:** ${line.slice(note[0].length)}`
  const item = /^(\*{2,5}|\.{1,5}) +(\S.*)$/.exec(line)
  if (!item) return line
  const depth = (item[1] ?? '').length - 1
  return `${'   '.repeat(depth)}${line.startsWith('.') ? '1.' : '-'} ${item[2]}`
}

// Code comes first, so that nothing in it is changed. Every repetition has a bound: texts of strangers must not cost time.
const WORDS_IN_BRACKETS = String.raw`\[((?:[^\]` + '`' + String.raw`]|` + '`[^`]{0,200}`' + String.raw`){0,400})\]`
const INLINE = new RegExp(
  [
    '(?<!`)(`{1,5})(?!`).{0,1000}?[^`]\\1(?!`)',
    String.raw`xref:([^[\s]{0,300})${WORDS_IN_BRACKETS}`,
    String.raw`<<([\w.-]{1,200})(?:,\s*([^>]{0,200}))?>>`,
    String.raw`(?:link:)?((?:https?:|mailto:)[^\s[\]<>()]{1,800}|(?<=link:)[^\s[]{1,800})${WORDS_IN_BRACKETS}`,
  ].join('|'),
  'g',
)

function inLine(line: string): string {
  return line.replaceAll(INLINE, (all: string, code?: string, xref?: string, named?: string, id?: string, idText?: string, url?: string, text?: string) => {
    if (code) return all
    if (xref !== undefined) return reference(xref, named ?? '')
    if (id !== undefined) return `[${idText?.trim() || id}](#field-${id})`
    const words = (text ?? '').replace(/\^$/, '').replace(/,\s*window=.*$/, '')
    return `[${words || url}](${url})`
  })
}

/** `components:processors/try.adoc` has a page here; of the other documents only the words are left. */
function reference(target: string, words: string): string {
  const [path = '', place = ''] = target.split('#')
  const last = (path.split(/[/:]/).pop() ?? '').replace(/\.adoc$/, '')
  const component = /^components:([\w-]+s)\/([\w-]+)\.adoc$/.exec(path)
  const text = words.replace(/\^$/, '') || (last === 'about' ? (path.split(/[/:]/).at(-2) ?? last) : last).replaceAll('_', ' ')
  if (component && component[2] !== 'about') return `[${text}](${documentedPath(component[1] ?? '', component[2] ?? '')})`
  const bloblang = /^guides:bloblang\/(function|method)s\.adoc$/.exec(path)
  if (bloblang && place !== '') return `[${text}](${componentPath(`bloblang-${bloblang[1]}`, place)})`
  return text
}

/** One line of plain words, for summaries in lists. */
export function plainWords(text: string): string {
  return fromAsciidoc(text)
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/(\*\*|__|`+)/g, '')
    .replaceAll(/^[#>\s]+|\s+/gm, ' ')
    .trim()
}
