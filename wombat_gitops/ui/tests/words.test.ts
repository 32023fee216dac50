import { describe, expect, it } from 'vitest'
import { cursorOf } from '@/api/client'
import type { Attempt, Build } from '@/api/types'
import { failureLine, sentence, timeline } from '@/logic/build'
import { bytes, count, shortPackage, shortRevision } from '@/logic/format'
import { attemptLook, buildLook, causes, distributionLook, healthLook, isTrouble, sourceLook } from '@/logic/status'

const NOW = Date.parse('2026-11-24T12:01:36Z')
const ATTEMPT: Attempt = {
  number: 1,
  builder: 'b1',
  started_at: '2026-11-24T12:00:00Z',
  ended_at: null,
  ended_as: null,
  steps: [
    { step: 'fetch', started_at: '2026-11-24T12:00:00Z', seconds: 6 },
    { step: 'compile', started_at: '2026-11-24T12:00:06Z', seconds: null },
  ],
  failure: null,
  log_url: '',
  sandbox: 'bubblewrap',
}

function build(fields: Partial<Build>): Build {
  return { changed_at: '2026-11-24T12:01:32Z', attempts: [], position: null, cancel_requested: false, ...fields } as Build
}

describe('states', () => {
  it('have a word each', () => {
    expect(['queued', 'running', 'failed', 'missing'].map((state) => buildLook(state).word)).toEqual(['Queued', 'Running', 'Failed', 'Not built'])
    expect(healthLook('Degraded').word).toBe('Degraded')
    expect(attemptLook('lost').word).toBe('Builder lost')
  })
  it('that are new are shown as they are', () => expect(buildLook('paused').word).toBe('paused'))
})

it.each([
  [{ type: 'Ready', status: true }, false],
  [{ type: 'Ready', status: false }, true],
  [{ type: 'Reconciling', status: true }, false],
  [{ type: 'InvalidManifest', status: true }, true],
  [{ type: 'Stalled', status: false }, false],
])('%j is trouble: %s', (condition, trouble) => expect(isTrouble(condition)).toBe(trouble))

describe('troubles', () => {
  const condition = (type: string, message: string, status = true) => ({ type, status, reason: 'R', message })
  it('of one cause are told once, by what happened', () => {
    const found = causes([condition('FetchFailed', 'no'), condition('Ready', 'no', false), condition('Stalled', 'no'), condition('NameConflict', 'a')])
    expect(found.map(({ condition: { type }, stalled }) => [type, stalled])).toEqual([
      ['FetchFailed', true],
      ['NameConflict', false],
    ])
  })
  it('that only wait for a person are told all the same', () => {
    expect(causes([condition('Stalled', 'refused'), condition('Ready', '')])).toEqual([{ condition: condition('Stalled', 'refused'), stalled: false }])
  })
})

describe('a distribution', () => {
  const item = { version: '1.1.0', health: 'Healthy', retired: false, withdrawn: null }
  it.each([
    [item, 'Healthy'],
    [{ ...item, withdrawn: { versions: [] } }, 'Withdrawn'],
    [{ ...item, withdrawn: { versions: ['1.1.0'] } }, 'Withdrawn'],
    [{ ...item, withdrawn: { versions: ['1.0.0'] } }, 'Healthy'],
    [{ ...item, retired: true }, 'Retired'],
  ])('%j is called %s', (given, word) => expect(distributionLook(given).word).toBe(word))
})

describe('a source', () => {
  const ready = { type: 'Ready', status: true }
  const source = { state: 'Ready', due_at: '2026-11-24T12:10:00Z', conditions: [ready] }
  it.each([
    [source, 'Ready'],
    [{ ...source, state: 'Unread', conditions: [] }, 'Not read yet'],
    [{ ...source, state: 'NameConflict', conditions: [ready, { type: 'NameConflict', status: true }] }, 'Read, with problems'],
    [{ ...source, state: 'NotReady', conditions: [{ type: 'Ready', status: false }] }, 'Not ready'],
    [{ ...source, state: 'Unwatched' }, 'Not watched'],
    [{ ...source, state: 'Progressing' }, 'Progressing'],
    [{ ...source, due_at: '2026-11-24T12:00:00Z' }, 'Not watched'],
    [{ ...source, due_at: null }, 'Ready'],
  ])('%j is called %s', (given, word) => expect(sourceLook(given, NOW).word).toBe(word))
})

describe('a build', () => {
  it('that runs tells its time and step', () => {
    expect(sentence(build({ state: 'running', attempts: [ATTEMPT] }), NOW)).toBe('Running for 1 m 36 s: compile')
  })
  it('that waits tells its place', () => {
    expect(sentence(build({ state: 'queued', position: 3 }), NOW)).toBe('Queued for 4 s, number 3 in line')
    expect(sentence(build({ state: 'queued', position: 1 }), NOW)).toBe('Queued for 4 s, next in line')
  })
  it('that ended tells how long it took', () => {
    const ended = { ...ATTEMPT, ended_at: '2026-11-24T12:00:30Z', ended_as: 'failed' }
    expect(sentence(build({ state: 'failed', attempts: [ended] }), NOW)).toBe('Failed after 30 s')
  })
  it('shows steps that ran, run and are to come', () => {
    expect(timeline(ATTEMPT, NOW).map(({ step, state, seconds }) => [step, state, seconds])).toEqual([
      ['fetch', 'done', 6],
      ['generate', 'waiting', null],
      ['check', 'waiting', null],
      ['compile', 'running', 90],
      ['smoke', 'waiting', null],
      ['upload', 'waiting', null],
    ])
  })
  it('marks the step that failed', () => {
    const failed = { ...ATTEMPT, ended_as: 'failed', steps: [{ step: 'fetch', started_at: ATTEMPT.started_at, seconds: 2 }] }
    expect(timeline(failed, NOW)[0]?.state).toBe('failed')
  })
})

it('a failure names its culprit once', () => {
  expect(failureLine({ culprit: 'x.y/z', message: 'undefined: a' })).toBe('x.y/z: undefined: a')
  expect(failureLine({ culprit: 'x.y/z', message: 'x.y/z is gone' })).toBe('x.y/z is gone')
})

it.each([
  [999, '999 B'],
  [1000, '1.0 kB'],
  [41_234_567, '41.2 MB'],
  [999_999_999, '1.0 GB'],
])('%d bytes read %s', (size, text) => expect(bytes(size)).toBe(text))

it('names are short', () => {
  expect(shortPackage('github.com/redpanda-data/connect/v4/public/components/kafka')).toBe('kafka')
  expect(shortPackage('example.org/own')).toBe('example.org/own')
  expect(shortRevision('0123456789abcdef+')).toBe('0123456+')
  expect([count(1, 'build'), count(2, 'build')]).toEqual(['1 build', '2 builds'])
})

it('the cursor is taken from the address of the next page', () => {
  expect(cursorOf('/api/v1/builds?limit=50&cursor=a%2Bb')).toBe('a+b')
  expect(cursorOf(null)).toBe('')
})
