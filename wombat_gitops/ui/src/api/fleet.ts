import { client, unwrap } from './client'
import type { components } from './schema'

export type Builder = components['schemas']['BuilderWorkView']

/** Builders that show signs of life, each with what it builds now. */
export async function getBuilders(signal?: AbortSignal): Promise<Builder[]> {
  return (await unwrap(client.GET('/api/v1/builders', { signal: signal ?? null }))).items
}
