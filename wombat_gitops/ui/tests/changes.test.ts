import { describe, expect, it } from 'vitest'
import type { Comparison } from '@/api/versions'
import { groups, sideOf, sizeChange, summary, told } from '@/logic/changes'

const NONE = { added: [], removed: [] }
const SIDE = { name: 'tiny', version: '1.0.0', build: 'b', url: '/' }
const COMPARISON: Comparison = {
  before: SIDE,
  after: { ...SIDE, version: '1.1.0' },
  platform: 'linux/amd64',
  platforms: ['linux/amd64'],
  equal: false,
  known_contents: true,
  summary: {
    modules_added: 1,
    modules_removed: 0,
    modules_up: 2,
    modules_down: 0,
    modules_changed: 0,
    packages_added: 0,
    packages_removed: 0,
    components_added: 1200,
    components_removed: 1,
    licenses_added: 1,
    licenses_removed: 0,
    size_before: 1000,
    size_after: 1250,
  },
  fields: [{ name: 'core', before: 'v4.76.0', after: 'v4.77.0', turn: 'up' }],
  modules: [{ name: 'example.com/parts', before: '', after: 'v1.2.3', turn: 'added' }],
  packages: NONE,
  tags: NONE,
  components: { added: ['input kafka_franz', 'output file'], removed: ['cache redis'] },
  licenses: { added: ['MIT'], removed: [] },
  sizes: {},
}

describe('a change of size', () => {
  it.each([
    [1000, 1250, '+250 B (+25.0 %)'],
    [2_000_000, 1_000_000, '−1.0 MB (−50.0 %)'],
    [25_600, 25_597, '−3 B'],
    [5, 5, 'the same size'],
    [0, 5, '+5 B'],
    [null, 5, ''],
    [5, null, ''],
  ])('from %s to %s is %s', (before, after, text) => expect(sizeChange(before, after)).toBe(text))
})

describe('a comparison', () => {
  it('is told in a few words, without what stayed', () => {
    expect(summary(COMPARISON)).toEqual([
      { name: 'Benthos', text: 'v4.76.0 → v4.77.0' },
      { name: 'Components', text: '1,200 added, 1 removed' },
      { name: 'Modules', text: '2 upgraded, 1 added' },
      { name: 'Licences', text: '+ MIT' },
      { name: 'Size', text: '+250 B (+25.0 %)' },
    ])
  })
  it('is filtered by words of any of its parts', () => {
    const names = (filter: string): string[] => groups(COMPARISON, filter).flatMap((group) => group.rows.map((row) => row.name))
    expect(names('')).toHaveLength(6)
    expect(names('components added KAFKA')).toEqual(['input kafka_franz'])
    expect(names('v1.2')).toEqual(['example.com/parts'])
    expect(names('removed')).toEqual(['cache redis'])
    expect(names('nothing')).toEqual([])
    expect(told(groups(COMPARISON, 'added'))).toBe('4 differences')
  })
})

it('a side is a name and a version', () => {
  expect(sideOf('tiny@1.0.0')).toEqual({ name: 'tiny', version: '1.0.0' })
  expect(sideOf('tiny')).toEqual({ name: 'tiny', version: '' })
})
