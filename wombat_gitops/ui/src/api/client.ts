import createClient from 'openapi-fetch'
import type { paths } from './schema'
import type { BuildDetail, BuildList, Contents, Distribution, DistributionList, ServiceStatus } from './types'

/** Why there is no answer, in the words of the server where it gave any. */
export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 where the server could not be reached. */
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly hint: string,
    /** Where it is explained what this kind of problem means, or "". */
    readonly type = '',
  ) {
    super(detail)
  }
}

/** Asks the API; every address and answer is checked against its description. */
export const client = createClient<paths>()

type Answer<T> = { data?: T; error?: unknown; response: Response }

/** The data of an answer, or an `ApiError`. */
export async function unwrap<T>(request: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>
  try {
    answer = await request
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new ApiError(0, 'The server does not answer', 'This page shows what it last knew.', '')
  }
  if (answer.data !== undefined) return answer.data
  throw problem(answer.response.status, answer.error)
}

export function problem(status: number, body: unknown): ApiError {
  const fields: Record<string, unknown> = typeof body === 'object' && body !== null ? { ...body } : {}
  const text = (key: string): string => (typeof fields[key] === 'string' ? fields[key] : '')
  return new ApiError(status, text('title') || `The server answered ${status}`, text('detail'), text('hint'), text('type'))
}

/** Query parameters without the empty ones. */
export function given<T extends object>(query: T): T {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined && value !== '')) as T
}

export type DistributionQuery = NonNullable<paths['/api/v1/distributions']['get']['parameters']['query']>
export type BuildQuery = NonNullable<paths['/api/v1/builds']['get']['parameters']['query']>

export function getDistributions(query: DistributionQuery, signal?: AbortSignal): Promise<DistributionList> {
  return unwrap(client.GET('/api/v1/distributions', { params: { query: given(query) }, signal: signal ?? null }))
}

export function getDistribution(name: string, signal?: AbortSignal): Promise<Distribution> {
  return unwrap(client.GET('/api/v1/distributions/{name}', { params: { path: { name } }, signal: signal ?? null }))
}

export function getBuilds(query: BuildQuery, signal?: AbortSignal): Promise<BuildList> {
  return unwrap(client.GET('/api/v1/builds', { params: { query: given(query) }, signal: signal ?? null }))
}

export function getBuild(id: string, signal?: AbortSignal): Promise<BuildDetail> {
  return unwrap(client.GET('/api/v1/builds/{build}', { params: { path: { build: id } }, signal: signal ?? null }))
}

export function getContents(id: string, signal?: AbortSignal): Promise<Contents> {
  return unwrap(client.GET('/api/v1/builds/{build}/contents', { params: { path: { build: id } }, signal: signal ?? null }))
}

export function getStatus(signal?: AbortSignal): Promise<ServiceStatus> {
  return unwrap(client.GET('/api/v1/status', { signal: signal ?? null }))
}

/** The cursor in the address of a next page. */
export function cursorOf(next: string | null): string {
  return next === null ? '' : (new URL(next, 'http://localhost').searchParams.get('cursor') ?? '')
}
