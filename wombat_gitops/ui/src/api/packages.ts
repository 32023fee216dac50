import { client, given, unwrap } from './client'
import type { components, paths } from './schema'

export type PackageList = components['schemas']['PackageList']
export type PackageSummary = components['schemas']['PackageSummary']
export type PackageDetail = components['schemas']['PackageDetail']
export type SearchAnswer = components['schemas']['SearchView']
export type SearchGroup = components['schemas']['SearchGroup']

type Query = NonNullable<paths['/api/v1/packages']['get']['parameters']['query']>

export function getPackages(query: Query, signal?: AbortSignal): Promise<PackageList> {
  return unwrap(client.GET('/api/v1/packages', { params: { query: given(query) }, signal: signal ?? null }))
}

/** @param path a full import path. */
export function getPackage(path: string, signal?: AbortSignal): Promise<PackageDetail> {
  return unwrap(client.GET('/api/v1/packages/{package}', { params: { path: { package: path } }, signal: signal ?? null }))
}

/** Distributions, packages and components that have all the words; *q* must not be blank. */
export function search(q: string, limit: number, signal?: AbortSignal): Promise<SearchAnswer> {
  return unwrap(client.GET('/api/v1/search', { params: { query: { q, limit } }, signal: signal ?? null }))
}
