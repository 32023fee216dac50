import { client, cursorOf, unwrap } from './client'
import type { components } from './schema'

export type Builder = components['schemas']['BuilderWorkView']
export type BuilderDetail = components['schemas']['BuilderDetailView']

/** Builders that show signs of life, each with what it builds now. */
export async function getBuilders(signal?: AbortSignal): Promise<Builder[]> {
  const found: Builder[] = []
  let cursor = ''
  do {
    const query = cursor === '' ? {} : { cursor }
    const page = await unwrap(client.GET('/api/v1/builders', { params: { query }, signal: signal ?? null }))
    found.push(...page.items)
    cursor = cursorOf(page.next)
  } while (cursor !== '')
  return found
}

/** One builder by its name: what it does and what it did. */
export function getBuilder(name: string, signal?: AbortSignal): Promise<BuilderDetail> {
  return unwrap(client.GET('/api/v1/builders/{builder}', { params: { path: { builder: name } }, signal: signal ?? null }))
}
