import { describe, expect, it } from 'vitest'
import { absolute, duration, isUncommitted, relative } from '@/logic/time'

describe('durations', () => {
  it.each([
    [0, '0 s'],
    [0.44, '0.4 s'],
    [9.96, '10 s'],
    [59.4, '59 s'],
    [59.6, '1 m 0 s'],
    [96, '1 m 36 s'],
    [3600, '1 h 0 m'],
    [90_000, '1 d 1 h'],
    [-5, '0 s'],
  ])('%d seconds read %s', (seconds, text) => expect(duration(seconds)).toBe(text))
})

describe('relative times', () => {
  const now = Date.parse('2026-11-24T12:00:00Z')
  it.each([
    ['2026-11-24T11:59:59Z', 'just now'],
    ['2026-11-24T11:59:46Z', '14 s ago'],
    ['2026-11-24T11:57:00Z', '3 min ago'],
    ['2026-11-24T10:00:00Z', '2 h ago'],
    ['2026-11-19T12:00:00Z', '5 days ago'],
    ['2026-11-24T12:00:05Z', 'in 5 s'],
    ['nonsense', 'unknown'],
  ])('%s is %s', (iso, text) => expect(relative(iso, now)).toBe(text))
})

it('absolute times are in UTC', () => expect(absolute('2026-11-24T13:18:15+01:00')).toBe('2026-11-24 12:18:15 UTC'))
it('the start of Unix time means that nothing is committed', () => {
  expect(isUncommitted('1970-01-01T00:00:00Z')).toBe(true)
  expect(isUncommitted('2026-01-01T00:00:00Z')).toBe(false)
})
