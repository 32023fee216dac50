/** A page of matches as the server gives it. */
export interface Found {
  items: readonly { line: number }[]
  next: string | null
  total: number
  bounded: boolean
  searched: number
}

/** What a search has found so far, and at which match the reader is. */
export interface Matches {
  lines: readonly number[]
  /** Index of the match that is looked at; -1 for none. */
  at: number
  total: number
  bounded: boolean
  /** There are more matches behind those that are known. */
  more: boolean
  searched: number
}

export const NOTHING: Matches = { lines: [], at: -1, total: 0, bounded: false, more: false, searched: 0 }

/** Adds a page that was asked for behind the last known match. */
export function withPage(matches: Matches, page: Found): Matches {
  const last = matches.lines.at(-1) ?? 0
  const lines = [...matches.lines, ...page.items.map((item) => item.line).filter((line) => line > last)]
  return { ...matches, lines, total: page.total, bounded: page.bounded, more: page.next !== null, searched: page.searched }
}

/** The next match (*by* 1) or the one before (-1); round the end, unless there are more to load. */
export function stepped(matches: Matches, by: 1 | -1): Matches {
  const count = matches.lines.length
  if (count === 0) return matches
  const at = matches.at < 0 ? (by === 1 ? 0 : count - 1) : (matches.at + by + count) % count
  return { ...matches, at }
}

/** The first match at or behind a line, else the first of all. */
export function nearest(matches: Matches, line: number): Matches {
  const found = matches.lines.findIndex((match) => match >= line)
  return { ...matches, at: matches.lines.length === 0 ? -1 : Math.max(0, found) }
}

/** "3 of 120", "3 of more than 10,000", "no match". */
export function told(matches: Matches): string {
  if (matches.total === 0) return 'no match'
  const total = `${matches.bounded ? 'more than ' : ''}${matches.total.toLocaleString('en')}`
  return matches.at < 0 ? `${total} found` : `${(matches.at + 1).toLocaleString('en')} of ${total}`
}
