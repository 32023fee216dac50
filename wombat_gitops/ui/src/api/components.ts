import { client, given, unwrap } from './client'
import type { components, paths } from './schema'

export type ComponentDetail = components['schemas']['ComponentDetail']
export type ComponentField = components['schemas']['FieldView']
export type ComponentList = components['schemas']['ComponentList']
export type ComponentSummary = components['schemas']['ComponentSummary']
export type Facet = components['schemas']['ValueView']

type Query = NonNullable<paths['/api/v1/components']['get']['parameters']['query']>
type One = paths['/api/v1/components/{kind}/{name}']['get']['parameters']
export type ComponentKind = One['path']['kind']
export type ComponentStatus = NonNullable<Query['status']>

export function getComponents(query: Query, signal?: AbortSignal): Promise<ComponentList> {
  return unwrap(client.GET('/api/v1/components', { params: { query: given(query) }, signal: signal ?? null }))
}

/** @param distribution whose description is wanted; "" for that of the newest Benthos. */
export function getComponent(kind: ComponentKind, name: string, distribution: string, signal?: AbortSignal): Promise<ComponentDetail> {
  const params: One = { path: { kind, name }, query: given({ distribution }) }
  return unwrap(client.GET('/api/v1/components/{kind}/{name}', { params, signal: signal ?? null }))
}
