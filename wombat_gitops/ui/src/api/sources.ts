import { client, unwrap } from './client'
import type { components } from './schema'

export type SourceDetail = components['schemas']['SourceDetailView']
export type Diagnostic = components['schemas']['DiagnosticView']

/** A watched repository with everything that is wrong in it. */
export function getSource(id: string, signal?: AbortSignal): Promise<SourceDetail> {
  return unwrap(client.GET('/api/v1/sources/{source}', { params: { path: { source: id } }, signal: signal ?? null }))
}
