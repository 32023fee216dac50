import type { Contents } from '@/api/types'

type Component = Contents['packages'][number]['components'][number]

/** "rate-limit" as people read it above a list: "Rate limits". */
export function kindWord(kind: string): string {
  const words = kind.replaceAll('-', ' ')
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}${words.endsWith('s') ? '' : 's'}`
}

/** Components by kind, in the order in which the kinds come. */
export function byKind(components: readonly Component[]): { kind: string; word: string; names: string[] }[] {
  const groups = new Map<string, string[]>()
  for (const { kind, name } of components) groups.set(kind, [...(groups.get(kind) ?? []), name])
  return [...groups].map(([kind, names]) => ({ kind, word: kindWord(kind), names }))
}
