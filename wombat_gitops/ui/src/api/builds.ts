import { client, unwrap } from './client'
import type { components } from './schema'

export type QueueEntry = components['schemas']['QueueEntryView']
export type Queue = components['schemas']['QueueView']
export type LogRange = components['schemas']['LogRange']
export type LogMatches = components['schemas']['LogMatches']

const signalOf = (signal?: AbortSignal): { signal: AbortSignal | null } => ({ signal: signal ?? null })

/** Builds that wait, behind a position. */
export function getQueue(after: number, limit: number, signal?: AbortSignal): Promise<Queue> {
  return unwrap(client.GET('/api/v1/queue', { params: { query: { after, limit } }, ...signalOf(signal) }))
}

/** Lines of a log by their numbers. */
export function getLines(build: string, attempt: number, from: number, limit: number, signal?: AbortSignal): Promise<LogRange> {
  const params = { path: { build }, query: { attempt, from, limit } }
  return unwrap(client.GET('/api/v1/builds/{build}/log/lines', { params, ...signalOf(signal) }))
}

/** Lines of a log that hold a text. */
export function findLines(build: string, attempt: number, q: string, after: number, limit: number, signal?: AbortSignal): Promise<LogMatches> {
  const params = { path: { build }, query: { attempt, q, after, limit } }
  return unwrap(client.GET('/api/v1/builds/{build}/log/search', { params, ...signalOf(signal) }))
}
