import { describe, expect, it } from 'vitest'
import type { Build, ServiceStatus } from '@/api/types'
import { inQueue, verdict } from '@/logic/fleet'

const NOW = Date.parse('2026-01-01T12:00:00Z')
const BUILDER = { id: 'b.1', name: 'b', host: 'h', version: '1', workers: 2, busy: 0, started_at: '', state: 'working', reason: '', platforms: [], cgo: [], memory: 0, labels: {} }
const GOOD = { version: '1', connected: true, synced_at: null, stale: false, queued: 0, running: 0, builders: [BUILDER], sources: [], unreadable: {} } as ServiceStatus

const source = (due_at: string | null) => ({ due_at }) as ServiceStatus['sources'][number]

describe('is it down', () => {
  it.each<[string, Partial<ServiceStatus>, string, RegExp]>([
    ['all is well', {}, 'Everything works', /No build waits/],
    ['some wait', { queued: 2 }, 'Everything works', /2 builds wait for a builder/],
    ['the broker is away', { connected: false, stale: true, queued: 3, builders: [] }, 'Something is down', /broker/],
    ['nobody takes what waits', { queued: 1, builders: [{ ...BUILDER, state: 'draining' }] }, 'Something is down', /1 build waits/],
    ['nobody would take anything', { builders: [] }, 'Needs attention', /No builder/],
    ['the catalogue is old', { stale: true }, 'Needs attention', /old/],
    ['nobody watches', { sources: [source('2026-01-01T11:59:00Z'), source(null)] }, 'Needs attention', /1 source for too long/],
    ['somebody watches', { sources: [source('2026-01-01T12:01:00Z')] }, 'Everything works', /No build/],
    ['something is damaged', { unreadable: { builds: ['x', 'y'] } }, 'Needs attention', /2 entries/],
  ])('%s', (_, changes, word, text) => {
    const said = verdict({ ...GOOD, ...changes }, NOW)
    expect(said.look.word).toBe(word)
    expect(said.text).toMatch(text)
  })
})

it('shows the queue in its order', () => {
  const builds = [{ id: 'c', position: 3 }, { id: 'x', position: null }, { id: 'a', position: 1 }, { id: 'b', position: 2 }] as Build[]
  expect(inQueue(builds).map((build) => build.id)).toEqual(['a', 'b', 'c'])
})
