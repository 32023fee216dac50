import { client, unwrap } from './client'
import type { components, paths } from './schema'

export type Composition = components['schemas']['ComposeView']
export type Finding = components['schemas']['FindingView']
export type ComposedPackage = components['schemas']['ComposedPackageView']
export type Choices = components['schemas']['ComposeChoices']
export type PackageChoice = components['schemas']['PackageChoiceView']
export type Wishes = NonNullable<paths['/api/v1/compose']['get']['parameters']['query']>

export function getComposition(query: Wishes, signal?: AbortSignal): Promise<Composition> {
  return unwrap(client.GET('/api/v1/compose', { params: { query }, signal: signal ?? null }))
}

export function getChoices(signal?: AbortSignal): Promise<Choices> {
  return unwrap(client.GET('/api/v1/compose/choices', { signal: signal ?? null }))
}
