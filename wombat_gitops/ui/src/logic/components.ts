import { mdiAlertOutline, mdiCheckCircle, mdiFlaskOutline, mdiProgressWrench } from '@mdi/js'
import type { ComponentField, ComponentKind, ComponentStatus } from '@/api/components'
import type { Look } from './status'

/** Kinds in the order in which the API has them. */
export const COMPONENT_KINDS = [
  'input',
  'output',
  'processor',
  'cache',
  'rate-limit',
  'buffer',
  'metric',
  'tracer',
  'scanner',
  'bloblang-function',
  'bloblang-method',
] as const satisfies readonly ComponentKind[]

export const COMPONENT_STATUSES = ['stable', 'beta', 'experimental', 'deprecated'] as const satisfies readonly ComponentStatus[]

/** The kind, where it is one that there is; an old link may have another. */
export const knownKind = (kind: string): ComponentKind | undefined => COMPONENT_KINDS.find((known) => known === kind)
export const knownStatus = (status: string): ComponentStatus | undefined => COMPONENT_STATUSES.find((known) => known === status)

/** "bloblang-method" as people read it: "Bloblang method". */
export function kindName(kind: string): string {
  const words = kind.replaceAll('-', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

const LOOKS: Record<string, Look> = {
  stable: { word: 'Stable', icon: mdiCheckCircle, color: 'success' },
  beta: { word: 'Beta', icon: mdiProgressWrench, color: 'info' },
  experimental: { word: 'Experimental', icon: mdiFlaskOutline, color: 'warning' },
  deprecated: { word: 'Deprecated', icon: mdiAlertOutline, color: 'error' },
}

export function statusLook(status: string): Look {
  return LOOKS[status] ?? { word: status, icon: mdiProgressWrench, color: 'quiet' }
}

/** Where links to a field lead. */
export const fieldId = (path: string): string => `field-${path || 'value'}`

/** "list of strings", "map of processors", "string". */
export function typeWords(field: Pick<ComponentField, 'type' | 'kind'>): string {
  const { type, kind } = field
  const many = type === 'unknown' ? 'anything' : `${type.replaceAll('_', ' ')}s`
  if (kind === 'array') return `list of ${many}`
  if (kind === '2darray') return `list of lists of ${many}`
  if (kind === 'map') return `map of ${many}`
  return type === 'unknown' ? 'anything' : type.replaceAll('_', ' ')
}

/** A field with the ones inside it. */
export interface FieldNode {
  field: ComponentField
  /** How many fields it is in. */
  depth: number
  /** It, or one it is in, is for those who know what they do. */
  advanced: boolean
  children: FieldNode[]
}

/** The tree of a flat list in which the fields of an object follow it. */
export function fieldTree(fields: readonly ComponentField[]): FieldNode[] {
  const roots: FieldNode[] = []
  const open: FieldNode[] = []
  for (const field of fields) {
    while (open.length > 0 && !isInside(field.path, open.at(-1)?.field.path ?? '')) open.pop()
    const parent = open.at(-1)
    const node = { field, depth: open.length, advanced: field.advanced || parent?.advanced === true, children: [] }
    ;(parent?.children ?? roots).push(node)
    open.push(node)
  }
  return roots
}

function isInside(path: string, of: string): boolean {
  return of !== '' && path.startsWith(of) && /^[.[{<]/.test(path.slice(of.length))
}

/** The tree as the list that is shown. */
export function flatten(nodes: readonly FieldNode[]): FieldNode[] {
  return nodes.flatMap((node) => [node, ...flatten(node.children)])
}

