/** Lines that come into the page and leave it together. */
export const CHUNK = 20

/** Browsers lay out no page that is much higher; lines above are in the raw log. */
export const HIGHEST = 12_000_000

/** How high the chunks of a log are: measured where they were shown, and by the line elsewhere. */
export class Heights {
  private readonly measured = new Map<number, { lines: number; pixels: number }>()

  /** @param line pixels of a line that is not wrapped. */
  constructor(private readonly line: number) {}

  /** Notes a measurement; says whether it is news. */
  measure(chunk: number, lines: number, pixels: number): boolean {
    const known = this.measured.get(chunk)
    const before = known?.lines === lines ? known.pixels : lines * this.line
    this.measured.set(chunk, { lines, pixels })
    return Math.abs(before - pixels) >= 0.5
  }

  forget(): void {
    this.measured.clear()
  }

  /** Pixels above a chunk. */
  above(chunk: number): number {
    let pixels = chunk * CHUNK * this.line
    for (const [key, known] of this.measured) if (key < chunk) pixels += known.pixels - known.lines * this.line
    return pixels
  }

  /** Pixels of a log of *total* lines. */
  all(total: number): number {
    let pixels = total * this.line
    for (const known of this.measured.values()) pixels += known.pixels - known.lines * this.line
    return pixels
  }

  /** The chunk at *pixels* from the top. */
  at(pixels: number, total: number): number {
    let low = 0
    let high = Math.max(0, Math.ceil(total / CHUNK) - 1)
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (this.above(middle) <= pixels) low = middle
      else high = middle - 1
    }
    return low
  }
}
