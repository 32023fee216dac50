/** Letters to change, add or drop, or neighbours to swap, that lead from one text to the other. */
export function distance(one: string, other: string): number {
  const rows: number[][] = [Array.from({ length: other.length + 1 }, (_, index) => index)]
  for (let i = 1; i <= one.length; i++) {
    const row = [i]
    for (let j = 1; j <= other.length; j++) {
      const above = rows[i - 1] ?? []
      const same = one[i - 1] === other[j - 1]
      let best = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) best = Math.min(best, (rows[i - 2]?.[j - 2] ?? 0) + 1)
      row.push(best)
    }
    rows.push(row)
  }
  return rows[one.length]?.[other.length] ?? 0
}

/** The *names* that were probably meant, the likeliest first. */
export function near(typed: string, names: readonly string[], most = 3): string[] {
  const text = typed.toLowerCase().slice(0, 64)
  return names
    .map((name) => ({ name, far: distance(text, name) }))
    .filter(({ name, far }) => far <= Math.max(1, Math.floor(Math.min(name.length, text.length) / 3)))
    .sort((one, other) => one.far - other.far)
    .slice(0, most)
    .map(({ name }) => name)
}
