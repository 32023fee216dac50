import { visible } from './escapes'

/** A piece of a line in one dress: classes, "" for none. */
export interface Piece {
  text: string
  dress: string
}

const COLOURS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white']
// eslint-disable-next-line no-control-regex
const ESCAPE = /\x1b\[([0-?]*)[ -/]*([@-~])/g

/** A line of a log: colours become classes, other control sequences (CSI) are dropped, and everything else that is hidden is escaped. */
export function pieces(line: string): Piece[] {
  if (!line.includes('\x1b')) return [{ text: visible(line), dress: '' }]
  const found: Piece[] = []
  let colour = ''
  let bold = false
  let at = 0
  const add = (text: string): void => {
    if (text !== '') found.push({ text: visible(text), dress: [colour, bold ? 'ansi-bold' : ''].filter(Boolean).join(' ') })
  }
  for (const match of line.matchAll(ESCAPE)) {
    add(line.slice(at, match.index))
    at = match.index + match[0].length
    if (match[2] !== 'm') continue
    for (const code of (match[1] || '0').split(';').map(Number)) {
      if (code === 0) [colour, bold] = ['', false]
      else if (code === 1) bold = true
      else if (code === 22) bold = false
      else if (code === 39) colour = ''
      else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) colour = `ansi-${COLOURS[code % 10]}`
    }
  }
  add(line.slice(at))
  return found
}

/** The same pieces, with what was looked for in pieces of their own that are `marked`. */
export function marked(given: readonly Piece[], wanted: string): (Piece & { marked: boolean })[] {
  const needle = wanted.toLowerCase()
  const text = given.map((piece) => piece.text).join('')
  const lowered = text.toLowerCase()
  // Where lower case is of another length, places in it are not those of the text.
  if (needle === '' || lowered.length !== text.length || !lowered.includes(needle)) return given.map((piece) => ({ ...piece, marked: false }))
  const cuts = new Set<number>()
  const inside: [number, number][] = []
  for (let at = lowered.indexOf(needle); at >= 0; at = lowered.indexOf(needle, at + needle.length)) {
    inside.push([at, at + needle.length])
    cuts.add(at).add(at + needle.length)
  }
  const result: (Piece & { marked: boolean })[] = []
  let start = 0
  for (const piece of given) {
    const end = start + piece.text.length
    const places = [start, ...[...cuts].filter((cut) => cut > start && cut < end), end]
    for (let index = 0; index + 1 < places.length; index += 1) {
      const [from, to] = [places[index] ?? start, places[index + 1] ?? end]
      result.push({ text: text.slice(from, to), dress: piece.dress, marked: inside.some(([one, other]) => from >= one && to <= other) })
    }
    start = end
  }
  return result
}
