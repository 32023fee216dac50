import { expect, it } from 'vitest'
import type { Build } from '@/api/types'
import { failureNote, healthOf, inQueue, queueNote } from '@/logic/fleet'

it('shows the verdict of the server, also in a word that is new', () => {
  expect(['ok', 'degraded', 'down', 'odd'].map((state) => healthOf(state).word)).toEqual(['Everything works', 'Needs attention', 'Something is down', 'odd'])
})

it('says how many wait where nothing is wrong', () => {
  expect([0, 1, 1200].map((queued) => queueNote({ queued }))).toEqual(['', '1 build waits for a builder.', '1,200 builds wait for a builder.'])
})

it.each([
  [{ succeeded: 0, failed: 0, lost: 0, failure_rate: null }, ''],
  [{ succeeded: 3, failed: 0, lost: 0, failure_rate: 0 }, 'None of the last 3 builds failed'],
  [{ succeeded: 46, failed: 4, lost: 0, failure_rate: 0.08 }, '4 of the last 50 builds failed (8%)'],
  [{ succeeded: 0, failed: 0, lost: 1, failure_rate: 1 }, '1 of the last 1 build failed (100%), 1 of them when it fell silent'],
])('tells how often a builder fails: %o', (counts, words) => {
  expect(failureNote(counts)).toBe(words)
})

it('shows the queue in its order', () => {
  const builds = [{ id: 'c', position: 3 }, { id: 'x', position: null }, { id: 'a', position: 1 }, { id: 'b', position: 2 }] as Build[]
  expect(inQueue(builds).map((build) => build.id)).toEqual(['a', 'b', 'c'])
})
