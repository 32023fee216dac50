import type { ComponentDetail, ComponentField } from '@/api/components'
import { type FieldNode, fieldTree } from './components'

/** Where in a configuration a kind of component stands: the lines before its name. */
const PLACES: Record<string, readonly string[]> = {
  input: ['input:', '  '],
  output: ['output:', '  '],
  processor: ['pipeline:', '  processors:', '    - '],
  cache: ['cache_resources:', '  - label: my_cache', '    '],
  'rate-limit': ['rate_limit_resources:', '  - label: my_limit', '    '],
  buffer: ['buffer:', '  '],
  metric: ['metrics:', '  '],
  tracer: ['tracer:', '  '],
  scanner: ['scanner:', '  '],
}

/**
 * A configuration of the component as YAML, "" for what is not configured (Bloblang).
 *
 * Fields hold their defaults; those without one hold an example or nothing, with a word behind it where they are required,
 * and are commented out where they are not. Deprecated fields are left out, advanced ones unless *full*.
 */
export function skeleton(component: Pick<ComponentDetail, 'kind' | 'name' | 'fields'>, full: boolean): string {
  const place = PLACES[component.kind]
  if (!place) return ''
  const before = place.slice(0, -1)
  const last = place.at(-1) ?? ''
  const inside = ' '.repeat(last.length + 2)
  const whole = component.fields.find((field) => field.path === '')
  const lines = whole ? entry(component.name, whole) : tree(component, full)
  const [head = '', ...rest] = lines
  const shift = inside.slice(2)
  return [...before, last + head, ...rest.map((line) => (line.trim() === '' ? '' : shift + line))].join('\n')
}

function tree(component: Pick<ComponentDetail, 'name' | 'fields'>, full: boolean): string[] {
  const lines = block(fieldTree(component.fields), full)
  const empty = lines.every((line) => line.trimStart().startsWith('#'))
  return [empty ? `${component.name}: {}` : `${component.name}:`, ...lines.map((line) => `  ${line}`)]
}

function block(nodes: readonly FieldNode[], full: boolean): string[] {
  return nodes.filter((node) => !node.field.deprecated && (full || !node.advanced)).flatMap((node) => one(node, full))
}

function one(node: FieldNode, full: boolean): string[] {
  const { field, children } = node
  const inner = block(children, full)
  if (inner.length === 0 || (field.default !== null && field.kind !== 'scalar')) return entry(field.name, field)
  const lines = [`${field.name}:`, ...nested(inner, field.kind)]
  const vain = inner.every((line) => line.trimStart().startsWith('#'))
  return vain || isOptional(field) ? lines.map(commented) : lines
}

/** Fields of an object, of the one object in a list, or of the one object in a map. */
function nested(lines: readonly string[], kind: string): string[] {
  if (kind === 'map') return ['  name:', ...lines.map((line) => `    ${line}`)]
  if (kind !== 'array') return lines.map((line) => `  ${line}`)
  const first = lines.findIndex((line) => !line.startsWith('#'))
  return lines.map((line, index) => (index === first ? `  - ${line}` : `    ${line}`))
}

function isOptional(field: ComponentField): boolean {
  return field.optional && field.default === null
}

function commented(line: string): string {
  return line.startsWith('#') ? line : `# ${line}`
}

/** The lines of one value. */
function entry(name: string, field: ComponentField): string[] {
  const [value, known] = valueOf(field)
  const lines = pair(name, value)
  if (field.required && !known) lines[0] += ' # required'
  if (field.required && known) lines[0] += lines.length === 1 ? ' # required, an example' : ''
  return isOptional(field) ? lines.map(commented) : lines
}

/** The default, else an example, else something empty; and is it more than that? */
function valueOf(field: ComponentField): [value: unknown, known: boolean] {
  if (field.default !== null) return [parsed(field.default), true]
  const [example] = field.examples
  if (field.required && example !== undefined && field.kind === 'scalar') {
    if (field.type === 'string') return [example, true]
    if (['int', 'float', 'bool'].includes(field.type)) return [parsed(example), true]
  }
  return [emptyOf(field), false]
}

function emptyOf(field: ComponentField): unknown {
  if (field.kind === 'array' || field.kind === '2darray') return []
  if (field.kind === 'map') return {}
  if (field.type === 'string') return ''
  if (field.type === 'int' || field.type === 'float') return 0
  if (field.type === 'bool') return false
  return {}
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return json
  }
}

/** `name: value` in block style. */
function pair(name: string, value: unknown): string[] {
  const key = /^[A-Za-z_][\w-]*$/.test(name) ? name : scalar(name)
  if (typeof value === 'string' && /\n/.test(value) && !/^\s|\r/.test(value)) {
    return [`${key}: |${value.endsWith('\n') ? '' : '-'}`, ...value.replace(/\n$/, '').split('\n').map((line) => (line === '' ? '' : `  ${line}`))]
  }
  if (Array.isArray(value) && value.length > 0) return [`${key}:`, ...value.flatMap((each) => item(each)).map((line) => `  ${line}`)]
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const pairs = Object.entries(value)
    if (pairs.length > 0) return [`${key}:`, ...pairs.flatMap(([inner, held]) => pair(inner, held)).map((line) => `  ${line}`)]
  }
  return [`${key}: ${flow(value)}`]
}

function item(value: unknown): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Object.keys(value).length === 0) return [`- ${flow(value)}`]
  return Object.entries(value)
    .flatMap(([name, held]) => pair(name, held))
    .map((line, index) => (index === 0 ? `- ${line}` : `  ${line}`))
}

/** In one line: JSON is YAML. */
function flow(value: unknown): string {
  return typeof value === 'string' ? scalar(value) : JSON.stringify(value)
}

/** Words that YAML reads as something else than text, in any of its versions. */
const NOT_TEXT = /^(?:true|false|yes|no|on|off|y|n|null|~)$/i

function scalar(text: string): string {
  const words = /^[A-Za-z_/][\w./ -]*$/.test(text) && !NOT_TEXT.test(text) && !text.endsWith(' ')
  const duration = /^\d+(?:ns|us|ms|s|m|h)$/.test(text)
  return words || duration ? text : JSON.stringify(text)
}
