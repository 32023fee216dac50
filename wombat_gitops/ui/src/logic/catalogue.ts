import type { DistributionList, DistributionSummary } from '@/api/types'
import { licenseWords } from './contents'
import { shortPackage } from './format'
import { type Host, platformName, suggest } from './platform'
import { healthLook, syncLook } from './status'

export type Facets = DistributionList['facets']
export type Field = keyof Facets

/** What can be filtered by: the parameter of the address, what it is called, and how its values are read. */
export const FILTERS: readonly { field: Field; label: string; any: string; word: (value: string) => string }[] = [
  { field: 'platform', label: 'Platform', any: 'Any platform', word: platformName },
  { field: 'state', label: 'Status', any: 'Any status', word: stateWord },
  { field: 'license', label: 'Licence inside', any: 'Any licence', word: (value) => licenseWords([value]) },
  { field: 'package', label: 'Package', any: 'Any package', word: shortPackage },
  { field: 'label', label: 'Label', any: 'Any label', word: (value) => value },
]

export const STATES = ['Synced', 'OutOfSync', 'Unknown', 'Healthy', 'Progressing', 'Degraded', 'Suspended', 'Missing', 'Withdrawn', 'Retired'] as const
export const SORTS = [
  { title: 'Name', value: 'name' },
  { title: 'Newest first', value: 'updated' },
  { title: 'Best match', value: 'relevance' },
] as const

/** A word of status as people read it: "Out of sync". */
export function stateWord(value: string): string {
  const [health, sync] = [healthLook(value), syncLook(value)]
  return health.word === value ? sync.word : health.word
}

/** The choices of a filter with how many each would leave; what is chosen stays there even where it leaves none. */
export function choices(
  any: string,
  values: readonly { value: string; count: number }[],
  chosen: string,
  word: (value: string) => string,
): { title: string; value: string }[] {
  const known = values.some(({ value }) => value === chosen)
  const all = chosen === '' || known ? values : [...values, { value: chosen, count: 0 }]
  return [{ title: any, value: '' }, ...all.map(({ value, count }) => ({ title: `${word(value)} (${count})`, value }))]
}

/** The platform that a visitor waits for: all that fits this machine is still being built, and nothing older is there; else "". */
export function pendingFor(item: DistributionSummary, host: Host | null): string {
  if (host === null) return ''
  const suggestion = suggest(item.platforms.map(({ platform }) => platform), host)
  if (suggestion.kind === 'none') return ''
  const fitting = new Set(suggestion.kind === 'one' ? [suggestion.platform] : suggestion.platforms)
  const states = item.platforms.filter(({ platform }) => fitting.has(platform))
  const waits = states.every(({ state, last_good }) => (state === 'queued' || state === 'running') && last_good === null)
  return waits && states[0] ? platformName(states[0].platform) : ''
}

/** The version that can be downloaded while the newest one cannot be; "" where the newest one can be or nothing can. */
export function lastGood(item: DistributionSummary): string {
  const older = item.platforms.find(({ artifact, last_good }) => last_good && (artifact === null || artifact.withdrawn !== ''))?.last_good
  const version = older?.url.match(/^\/dl\/[^/]+\/([^/]+)\/[^/]+$/)?.[1]
  return version === undefined || version === item.version ? '' : decodeURIComponent(version)
}

/** "kafka, redis and 3 more". */
export function packageWords(packages: readonly string[], most = 6): string {
  const names = packages.map(shortPackage)
  return names.length > most ? `${names.slice(0, most).join(', ')} and ${names.length - most} more` : names.join(', ')
}

/** Where the arrows lead among *count* hits, from the one at *at* or from the field (-1); null for another key. */
export function stepTo(key: string, at: number, count: number): number | null {
  if (count === 0) return null
  if (key === 'ArrowDown') return Math.min(at + 1, count - 1)
  if (key === 'ArrowUp') return at < 0 ? null : at - 1
  if (key === 'Enter' && at < 0) return 0
  return null
}
