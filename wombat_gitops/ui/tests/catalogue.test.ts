import { describe, expect, it } from 'vitest'
import type { DistributionSummary } from '@/api/types'
import { choices, lastGood, packageWords, pendingFor, stateWord, stepTo } from '@/logic/catalogue'

type Platform = DistributionSummary['platforms'][number]

function artifact(version: string, withdrawn = ''): NonNullable<Platform['artifact']> {
  return { sha256: 'a'.repeat(64), size: 1, file_name: 'tiny', url: `/dl/tiny/${version}/tiny`, withdrawn }
}

function platform(name: string, state: string, made: Platform['artifact'] = null, last: Platform['last_good'] = null): Platform {
  return { platform: name, state, build: 'b', build_url: '/b', contents_url: null, artifact: made, last_good: last }
}

function item(...platforms: Platform[]): DistributionSummary {
  return {
    name: 'tiny',
    version: '1.1.0',
    description: '',
    sync: 'OutOfSync',
    health: 'Progressing',
    retired: false,
    suspended: false,
    withdrawn: null,
    labels: {},
    license: '',
    core: 'v4.76.0',
    packages: [],
    platforms,
    source: 'main',
    revision: '',
    date: '2026-01-01T00:00:00Z',
    url: '/api/v1/distributions/tiny',
    no_builder: '',
  }
}

describe('choices of a filter', () => {
  const values = [{ value: 'MIT', count: 3 }]
  const word = (value: string): string => value.toLowerCase()

  it('tell how many each would leave', () => {
    expect(choices('Any', values, '', word)).toEqual([
      { title: 'Any', value: '' },
      { title: 'mit (3)', value: 'MIT' },
    ])
  })

  it('keep what is chosen although it leaves nothing', () => {
    expect(choices('Any', values, 'ISC', word).at(-1)).toEqual({ title: 'isc (0)', value: 'ISC' })
    expect(choices('Any', values, 'MIT', word)).toHaveLength(2)
  })
})

describe('words of status', () => {
  it.each([
    ['OutOfSync', 'Out of sync'],
    ['Missing', 'Not built'],
    ['Healthy', 'Healthy'],
    ['Withdrawn', 'Withdrawn'],
  ])('%s is read as %s', (value, word) => expect(stateWord(value)).toBe(word))
})

describe('what a visitor waits for', () => {
  const linux = { os: 'linux', arch: 'amd64' }

  it('is the build for the own machine', () => {
    expect(pendingFor(item(platform('linux/amd64', 'running'), platform('linux/arm64', 'succeeded', artifact('1.1.0'))), linux)).toBe('Linux x86-64')
  })

  it('is nothing where an older version is there, or the build has failed', () => {
    expect(pendingFor(item(platform('linux/amd64', 'running', null, artifact('1.0.0'))), linux)).toBe('')
    expect(pendingFor(item(platform('linux/amd64', 'failed')), linux)).toBe('')
  })

  it('is nothing where the machine is not known, or nothing is built for it', () => {
    expect(pendingFor(item(platform('linux/amd64', 'queued')), null)).toBe('')
    expect(pendingFor(item(platform('linux/amd64', 'queued')), { os: 'windows', arch: 'amd64' })).toBe('')
  })

  it('is not told on a Mac while one of its two kinds can be had', () => {
    const mac = { os: 'darwin', arch: '' }
    expect(pendingFor(item(platform('darwin/amd64', 'queued'), platform('darwin/arm64', 'succeeded', artifact('1.1.0'))), mac)).toBe('')
  })
})

describe('the last good version', () => {
  it('is told while the newest cannot be downloaded', () => {
    expect(lastGood(item(platform('linux/amd64', 'failed', null, artifact('1.0.0'))))).toBe('1.0.0')
    expect(lastGood(item(platform('linux/amd64', 'succeeded', artifact('1.1.0', 'broken'), artifact('1.0.0'))))).toBe('1.0.0')
  })

  it('is not told where the newest can be', () => {
    expect(lastGood(item(platform('linux/amd64', 'succeeded', artifact('1.1.0'))))).toBe('')
    expect(lastGood(item(platform('linux/amd64', 'failed')))).toBe('')
  })
})

describe('packages in a line', () => {
  it('are cut where there are many', () => {
    expect(packageWords(['e.com/m/public/components/a', 'e.com/b'])).toBe('a, e.com/b')
    expect(packageWords(['a', 'b', 'c'], 2)).toBe('a, b and 1 more')
  })
})

describe('the arrows', () => {
  it('lead from the field through the hits and back', () => {
    expect(stepTo('ArrowDown', -1, 3)).toBe(0)
    expect(stepTo('ArrowDown', 2, 3)).toBe(2)
    expect(stepTo('ArrowUp', 1, 3)).toBe(0)
    expect(stepTo('ArrowUp', 0, 3)).toBe(-1)
  })

  it('do nothing above the field, without hits, and leave Enter to the hit', () => {
    expect(stepTo('ArrowUp', -1, 3)).toBeNull()
    expect(stepTo('ArrowDown', -1, 0)).toBeNull()
    expect(stepTo('Enter', -1, 3)).toBe(0)
    expect(stepTo('Enter', 1, 3)).toBeNull()
    expect(stepTo('x', 0, 3)).toBeNull()
  })
})
