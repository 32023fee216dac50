import { client, given, unwrap } from './client'
import type { components, paths } from './schema'

export type Comparison = components['schemas']['ComparisonView']
export type Change = components['schemas']['ChangeView']
export type Changelog = components['schemas']['ChangelogPage']
export type VersionDetail = components['schemas']['VersionDetail']
export type VersionPage = components['schemas']['VersionPage']

type Page = { limit?: number; cursor?: string }
type Pair = paths['/api/v1/compare']['get']['parameters']['query']

export function getVersions(name: string, query: Page, signal?: AbortSignal): Promise<VersionPage> {
  return unwrap(client.GET('/api/v1/distributions/{name}/versions', { params: { path: { name }, query: given(query) }, signal: signal ?? null }))
}

export function getVersion(name: string, version: string, signal?: AbortSignal): Promise<VersionDetail> {
  return unwrap(client.GET('/api/v1/distributions/{name}/versions/{version}', { params: { path: { name, version } }, signal: signal ?? null }))
}

export function getChangelog(name: string, query: Page, signal?: AbortSignal): Promise<Changelog> {
  return unwrap(client.GET('/api/v1/distributions/{name}/changelog', { params: { path: { name }, query: given(query) }, signal: signal ?? null }))
}

export function getComparison(query: Pair, signal?: AbortSignal): Promise<Comparison> {
  return unwrap(client.GET('/api/v1/compare', { params: { query: given(query) }, signal: signal ?? null }))
}

/** The Markdown beside a distribution's manifest. */
export function getReadme(name: string, signal?: AbortSignal): Promise<string> {
  return unwrap(client.GET('/api/v1/distributions/{name}/readme', { params: { path: { name } }, parseAs: 'text', signal: signal ?? null }))
}
