/** Lines of one block: new lines make the browser lay out the last block only. */
export const BLOCK = 200
/** Lines kept on the page; the whole log is one link away. */
export const LIMIT = 20_000
/** Lines the server sends at most before it follows. */
export const BACKLOG = 500

/** The lines of a log in blocks; only the last block changes when lines come. */
export interface LogWindow {
  blocks: { first: number; lines: string[] }[]
  /** Lines received in all. */
  total: number
  /** Lines before the first one shown were dropped here or never sent. */
  cut: boolean
}

export function emptyLog(): LogWindow {
  return { blocks: [], total: 0, cut: false }
}

/** Adds lines at the end, in place, and forgets the oldest ones above the limit. */
export function append(log: LogWindow, lines: readonly string[], limit = LIMIT): void {
  if (log.total === 0 && lines.length >= BACKLOG) log.cut = true
  for (const line of lines) {
    let block = log.blocks.at(-1)
    if (!block || block.lines.length >= BLOCK) {
      log.blocks.push({ first: log.total, lines: [] })
      block = log.blocks.at(-1)
    }
    block?.lines.push(line)
    log.total += 1
  }
  while (shown(log) - (log.blocks[0]?.lines.length ?? 0) >= limit) {
    log.blocks.shift()
    log.cut = true
  }
}

export function shown(log: LogWindow): number {
  return log.total - (log.blocks[0]?.first ?? log.total)
}

/** A whole log's text as lines. */
export function fromText(text: string): LogWindow {
  const log = emptyLog()
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  append(log, lines)
  log.cut = log.total > shown(log)
  return log
}

/** Reads the data of an event `line`; anything else is no lines. */
export function linesOf(data: string): string[] {
  try {
    const value: unknown = JSON.parse(data)
    if (typeof value !== 'object' || value === null || !('lines' in value) || !Array.isArray(value.lines)) return []
    return value.lines.filter((line): line is string => typeof line === 'string')
  } catch {
    return []
  }
}

/** Does the reader look at the end? Some pixels of slack, as zoomed pages scroll in fractions. */
export function atEnd(box: { scrollTop: number; clientHeight: number; scrollHeight: number }, slack = 24): boolean {
  return box.scrollHeight - box.scrollTop - box.clientHeight <= slack
}
