import { describe, expect, it } from 'vitest'
import { distance, near } from '../src/logic/similar'

describe('names that are alike', () => {
  it.each([
    ['fleet', 'fleet', 0],
    ['flet', 'fleet', 1],
    ['felet', 'fleet', 1],
    ['', 'abc', 3],
  ])('%s is %s but for %i', (one, other, far) => expect(distance(one, other)).toBe(far))

  it('are proposed, and others are not', () => {
    expect(near('/flet', ['/fleet', '/builds', '/'])).toEqual(['/fleet'])
    expect(near('/Packges', ['/packages', '/compare'])).toEqual(['/packages'])
    expect(near('/nothing/like/it', ['/fleet', '/builds', '/'])).toEqual([])
  })
})
