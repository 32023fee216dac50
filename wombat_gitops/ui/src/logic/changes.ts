import type { Change, Comparison } from '@/api/versions'
import { bytes, count, shortPackage } from './format'

const FIELDS: Record<string, string> = { core: 'Benthos', toolchain: 'Go', cgo: 'C (cgo)' }

/** One line of a summary: what it is about, and what became of it. */
export interface Fact {
  name: string
  text: string
}

/** A part of a comparison that can be looked through. */
export interface Group {
  title: string
  /** Values that went from one to another; those of lists have one side alone. */
  rows: Row[]
}

export interface Row {
  name: string
  before: string
  after: string
  turn: string
}

/** "+1.2 MB (+3.4 %)", "+12 B" where the share is next to nothing, "the same size", or "" where one side has no file. */
export function sizeChange(before: number | null, after: number | null): string {
  if (before === null || after === null) return ''
  const more = after - before
  if (more === 0) return 'the same size'
  const sign = more > 0 ? '+' : '−'
  const percent = before === 0 ? '0.0' : ((100 * Math.abs(more)) / before).toFixed(1)
  return `${sign}${bytes(Math.abs(more))}${percent === '0.0' ? '' : ` (${sign}${percent} %)`}`
}

/** "12 added, 1 removed", or "" where nothing is. */
function both(added: number, removed: number): string {
  return [added ? `${added.toLocaleString('en')} added` : '', removed ? `${removed.toLocaleString('en')} removed` : ''].filter(Boolean).join(', ')
}

/** A comparison in a few words, the most telling ones first; what did not change is left out. */
export function summary(comparison: Comparison): Fact[] {
  const { summary: all, fields, tags, licenses } = comparison
  const moved = [
    all.modules_up ? `${all.modules_up} upgraded` : '',
    all.modules_down ? `${all.modules_down} downgraded` : '',
    all.modules_changed ? `${all.modules_changed} changed` : '',
    both(all.modules_added, all.modules_removed),
  ]
  const facts: Fact[] = [
    ...fields.map((field) => ({ name: fieldName(field.name), text: `${field.before || 'none'} → ${field.after || 'none'}` })),
    { name: 'Components', text: both(all.components_added, all.components_removed) },
    { name: 'Packages', text: both(all.packages_added, all.packages_removed) },
    { name: 'Modules', text: moved.filter(Boolean).join(', ') },
    { name: 'Licences', text: [...licenses.added.map((name) => `+ ${name}`), ...licenses.removed.map((name) => `− ${name}`)].join(', ') },
    { name: 'Build tags', text: both(tags.added.length, tags.removed.length) },
    { name: 'Size', text: sizeChange(all.size_before, all.size_after) },
  ]
  return facts.filter((fact) => fact.text !== '')
}

export function fieldName(field: string): string {
  return FIELDS[field] ?? field
}

/** All that differs, in groups; *filter* leaves what has all of its words. */
export function groups(comparison: Comparison, filter = ''): Group[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean)
  const rows = (changes: Change[], name = (text: string) => text): Row[] => changes.map((each) => ({ ...each, name: name(each.name) }))
  const list = (change: { added: string[]; removed: string[] }, name = (text: string) => text): Row[] => [
    ...change.added.map((each) => ({ name: name(each), before: '', after: '', turn: 'added' })),
    ...change.removed.map((each) => ({ name: name(each), before: '', after: '', turn: 'removed' })),
  ]
  const all = [
    { title: 'Built with', rows: rows(comparison.fields, fieldName) },
    { title: 'Components', rows: list(comparison.components) },
    { title: 'Packages', rows: list(comparison.packages, shortPackage) },
    { title: 'Modules', rows: rows(comparison.modules) },
    { title: 'Licences', rows: list(comparison.licenses) },
    { title: 'Build tags', rows: list(comparison.tags) },
  ]
  const fits = (title: string, row: Row): boolean => {
    const text = `${title} ${row.turn} ${row.name} ${row.before} ${row.after}`.toLowerCase()
    return words.every((word) => text.includes(word))
  }
  return all.map(({ title, rows }) => ({ title, rows: rows.filter((row) => fits(title, row)) })).filter((group) => group.rows.length > 0)
}

/** "3 differences", for those who listen while they filter. */
export function told(found: Group[]): string {
  return count(
    found.reduce((sum, group) => sum + group.rows.length, 0),
    'difference',
  )
}

const MARKS: Record<string, { sign: string; word: string }> = {
  added: { sign: '+', word: 'added' },
  removed: { sign: '−', word: 'removed' },
  up: { sign: '↑', word: 'newer' },
  down: { sign: '↓', word: 'older' },
}

/** The sign of which way something went, and the word for those who do not see it. */
export function markOf(turn: string): { sign: string; word: string } {
  return MARKS[turn] ?? { sign: '~', word: 'changed' }
}

/** The two halves of `name@version`; "" where they are not given. */
export function sideOf(text: string): { name: string; version: string } {
  const at = text.indexOf('@')
  return at < 0 ? { name: text, version: '' } : { name: text.slice(0, at), version: text.slice(at + 1) }
}
