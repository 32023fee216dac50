import type { Distribution } from '@/api/types'
import type { VersionDetail } from '@/api/versions'
import type { Host } from './platform'
import { suggest } from './platform'

/** Columns of the grid of versions and platforms: those of the visitor's machine first. */
export interface Columns {
  platforms: string[]
  /** The visitor's own, where it can be known; never guessed. */
  own: string
}

/** Every platform that is declared, in the manifest's order, then those that only older versions have. */
export function columnsOf(distribution: Distribution, versions: readonly VersionDetail[], host: Host | null): Columns {
  const declared = distribution.platforms.map((each) => each.platform)
  const older = versions.flatMap((version) => Object.keys(version.platforms)).filter((platform) => !declared.includes(platform))
  const all = [...new Set([...declared, ...older.sort()])]
  if (host === null) return { platforms: all, own: '' }
  const found = suggest(all, host)
  const first = found.kind === 'one' ? [found.platform] : found.kind === 'choose' ? found.platforms : []
  return {
    platforms: [...first, ...all.filter((platform) => !first.includes(platform))],
    own: found.kind === 'one' ? found.platform : '',
  }
}

type Built = VersionDetail['platforms'][string]

/** What stands where a version and a platform meet. */
export type Cell =
  | { kind: 'file'; url: string; file: string; size: number; sha256: string; last: boolean }
  | { kind: 'withdrawn'; why: string }
  | { kind: 'build'; id: string; state: string; cause: string }
  | { kind: 'none' }

/** @param last the digest of the file that is offered for the platform in place of one that is missing, or "". */
export function cellOf(built: Built | undefined, last: string): Cell {
  if (!built) return { kind: 'none' }
  const { artifact } = built
  if (artifact?.withdrawn) return { kind: 'withdrawn', why: artifact.withdrawn }
  if (artifact) {
    return { kind: 'file', url: artifact.url, file: artifact.file_name, size: artifact.size, sha256: artifact.sha256, last: artifact.sha256 === last }
  }
  return { kind: 'build', id: built.build, state: built.state, cause: built.cause }
}
