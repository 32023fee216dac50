/** "41.2 MB", in powers of 1000 as download pages and file managers count. */
export function bytes(size: number): string {
  if (size < 1000) return `${size} B`
  let value = size
  for (const unit of ['kB', 'MB', 'GB']) {
    value /= 1000
    if (value < 999.95) return `${value.toFixed(1)} ${unit}`
  }
  return `${(value / 1000).toFixed(1)} TB`
}

/** The first 12 digits of a build id or digest. */
export function shortId(id: string): string {
  return id.slice(0, 12)
}

/** The first 7 digits of a commit; a `+` behind it says that the work tree differs. */
export function shortRevision(revision: string): string {
  return revision.slice(0, 7) + (revision.endsWith('+') ? '+' : '')
}

/** A package as manifests name it: `kafka` of `github.com/redpanda-data/connect/public/components/kafka`. */
export function shortPackage(path: string): string {
  const folder = '/public/components/'
  const at = path.indexOf(folder)
  return at < 0 ? path : path.slice(at + folder.length)
}

/** "3 builds", "1 build". */
export function count(number: number, word: string): string {
  return `${number.toLocaleString('en')} ${word}${number === 1 ? '' : 's'}`
}
