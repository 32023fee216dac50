import type { Contents } from '@/api/types'

type Component = Contents['packages'][number]['components'][number]

/** "rate-limit" as people read it above a list: "Rate limits". */
export function kindWord(kind: string): string {
  const words = kind.replaceAll('-', ' ')
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}${words.endsWith('s') ? '' : 's'}`
}

/** Licences as people read them; SPDX's word for "nobody knows" is no word for people. */
export function licenseWords(licenses: readonly string[]): string {
  return licenses.map((name) => (name === 'NOASSERTION' ? 'unknown' : name)).join(', ')
}

/** Components by kind, in the order in which the kinds come. */
export function byKind(components: readonly Component[]): { kind: string; word: string; names: string[] }[] {
  const groups = new Map<string, string[]>()
  for (const { kind, name } of components) groups.set(kind, [...(groups.get(kind) ?? []), name])
  return [...groups].map(([kind, names]) => ({ kind, word: kindWord(kind), names }))
}

/** Where native code comes from, in words. */
export function nativeKinds(packages: Contents['native']): string {
  const kinds = [packages.some(({ syso }) => syso.length) && '.syso object files', packages.some(({ cgo }) => cgo.length) && 'C through cgo']
  return kinds.filter(Boolean).join(', ')
}

/** Where the page of a component is. */
export function componentPath(kind: string, name: string): string {
  return `/components/${kind}/${encodeURIComponent(name)}`
}

/** Where the page of a component is that Benthos' own documentation calls "rate_limits/local". */
export function documentedPath(kinds: string, name: string): string {
  return componentPath(kinds.slice(0, -1).replaceAll('_', '-'), name)
}

/** Where the page of what comparisons call "input kafka_franz" is. */
export function pathOfComponent(words: string): string {
  const [kind = '', name = ''] = words.split(' ')
  return componentPath(kind, name)
}
