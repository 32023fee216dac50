import { cursorOf, getDistributions } from '@/api/client'
import { type Resource, useResource } from './resource'

const PAGE = 200
const MOST = 2000

export interface Names {
  items: string[]
  /** Whether there are more than a list of choices is good for. */
  more: boolean
}

/** The names of all distributions, for lists of choices; asked for once. */
export function useNames(): Resource<Names> {
  return useResource(
    () => '',
    load,
    () => true,
  )
}

async function load(signal: AbortSignal): Promise<Names> {
  const items: string[] = []
  let cursor = ''
  do {
    const page = await getDistributions({ limit: PAGE, cursor, fields: 'name' }, signal)
    items.push(...page.items.map((each) => each.name))
    cursor = cursorOf(page.next)
  } while (cursor !== '' && items.length < MOST)
  return { items, more: cursor !== '' }
}
