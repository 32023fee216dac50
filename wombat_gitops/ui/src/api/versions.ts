import { client, unwrap } from './client'
import type { components } from './schema'

export type Comparison = components['schemas']['ComparisonView']
export type VersionDetail = components['schemas']['VersionDetail']

export function getVersion(name: string, version: string, signal?: AbortSignal): Promise<VersionDetail> {
  return unwrap(client.GET('/api/v1/distributions/{name}/versions/{version}', { params: { path: { name, version } }, signal: signal ?? null }))
}

export function getComparison(from: string, to: string, signal?: AbortSignal): Promise<Comparison> {
  return unwrap(client.GET('/api/v1/compare', { params: { query: { from, to } }, signal: signal ?? null }))
}
