/** Lines that are asked for, and forgotten, together. */
export const BLOCK = 100
/** Blocks kept on the page; others are asked for again when they are looked at. */
export const KEPT = 300
/** Lines of one request at most. */
export const REQUEST = 500

export interface Range {
  first: number
  limit: number
}

/** The lines of a log by their numbers, from 1, as far as they are here: live lines and ranges fill the same blocks. */
export class SparseLog {
  /** Lines that there are, here or not. */
  total = 0
  private readonly blocks = new Map<number, (string | undefined)[]>()

  put(first: number, lines: readonly string[]): void {
    lines.forEach((line, index) => {
      const number = first + index
      const key = Math.floor((number - 1) / BLOCK)
      const block = this.blocks.get(key) ?? []
      if (block.length === 0) this.blocks.set(key, block)
      block[(number - 1) % BLOCK] = line
    })
    this.grow(first + lines.length - 1)
  }

  grow(total: number): void {
    this.total = Math.max(this.total, total)
  }

  line(number: number): string | undefined {
    return this.blocks.get(Math.floor((number - 1) / BLOCK))?.[(number - 1) % BLOCK]
  }

  /** What is not here of the lines *from* to *to*, in requests that are not too large. */
  missing(from: number, to: number): Range[] {
    const ranges: Range[] = []
    for (let number = Math.max(1, from); number <= Math.min(to, this.total); number += 1) {
      if (this.line(number) !== undefined) continue
      const last = ranges.at(-1)
      if (last && last.first + last.limit === number && last.limit < REQUEST) last.limit += 1
      else ranges.push({ first: number, limit: 1 })
    }
    return ranges
  }

  /** The text of the lines *from* to *to*, or null while some of it is not here. */
  text(from: number, to: number): string | null {
    const lines = Array.from({ length: to - from + 1 }, (_, index) => this.line(from + index))
    return lines.includes(undefined) ? null : `${lines.join('\n')}\n`
  }

  /** Forgets the blocks that are farthest from *line*, beyond those that are kept. */
  forget(line: number, kept = KEPT): void {
    if (this.blocks.size <= kept) return
    const near = (key: number): number => Math.abs(key - (line - 1) / BLOCK)
    const far = [...this.blocks.keys()].sort((one, other) => near(other) - near(one))
    for (const key of far.slice(0, this.blocks.size - kept)) this.blocks.delete(key)
  }
}

/** Reads the data of an event `line`; null where it is not one. */
export function linesOf(data: string): { first: number; lines: string[] } | null {
  const value = fields(data)
  if (typeof value?.['first'] !== 'number' || !Array.isArray(value['lines'])) return null
  return { first: value['first'], lines: value['lines'].map(String) }
}

/** Reads the data of an event `end`. */
export function endOf(data: string): { total: number; kept: boolean } {
  const value = fields(data)
  return { total: typeof value?.['total'] === 'number' ? value['total'] : 0, kept: value?.['kept'] !== false }
}

function fields(data: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(data)
    return typeof value === 'object' && value !== null ? { ...value } : null
  } catch {
    return null
  }
}

/** Does the reader look at the end? Some pixels of slack, as zoomed pages scroll in fractions. */
export function atEnd(box: { scrollTop: number; clientHeight: number; scrollHeight: number }, slack = 24): boolean {
  return box.scrollHeight - box.scrollTop - box.clientHeight <= slack
}

export interface Lines {
  from: number
  to: number
}

/** The lines that `#L42` or `#L42-L50` means, or null. */
export function parseLines(hash: string): Lines | null {
  const match = /^#L(\d{1,9})(?:-L(\d{1,9}))?$/.exec(hash)
  if (!match) return null
  const one = Number(match[1])
  const other = Number(match[2] ?? match[1])
  return one < 1 || other < 1 ? null : { from: Math.min(one, other), to: Math.max(one, other) }
}

export function linesHash({ from, to }: Lines): string {
  return from === to ? `#L${from}` : `#L${from}-L${to}`
}

/** The lines that are marked after a click on *line*: with shift all from the first of those that were. */
export function picked(before: Lines | null, line: number, shift: boolean): Lines {
  if (!shift || !before) return { from: line, to: line }
  return { from: Math.min(before.from, line), to: Math.max(before.from, line) }
}
