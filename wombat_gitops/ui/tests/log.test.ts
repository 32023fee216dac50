import { describe, expect, it } from 'vitest'
import { append, atEnd, BACKLOG, BLOCK, emptyLog, fromText, linesOf, shown } from '@/logic/log'

const some = (count: number): string[] => Array.from({ length: count }, (_, index) => `line ${index}`)

describe('a log', () => {
  it('keeps the order of lines over blocks', () => {
    const log = emptyLog()
    const lines = some(BLOCK + 5)
    for (const line of lines) append(log, [line])
    expect(log.blocks.flatMap((block) => block.lines)).toEqual(lines)
    expect(log.blocks).toHaveLength(2)
    expect(log.cut).toBe(false)
  })
  it('knows that a full backlog may hide earlier lines', () => {
    const log = emptyLog()
    append(log, some(BACKLOG))
    expect(log.cut).toBe(true)
  })
  it('forgets the oldest lines above its limit', () => {
    const log = emptyLog()
    append(log, some(5 * BLOCK), 2 * BLOCK)
    expect(shown(log)).toBe(2 * BLOCK)
    expect(log.blocks[0]?.lines[0]).toBe(`line ${3 * BLOCK}`)
    expect(log.cut).toBe(true)
  })
  it('of a whole text is not cut', () => {
    const log = fromText(`${some(BACKLOG + 100).join('\n')}\n`)
    expect(shown(log)).toBe(BACKLOG + 100)
    expect(log.cut).toBe(false)
  })
})

it.each([
  ['{"lines": ["a", "b"]}', ['a', 'b']],
  ['{"lines": ["a", 1]}', ['a']],
  ['{"lines": 5}', []],
  ['null', []],
  ['{', []],
])('the data %s holds %j', (data, lines) => expect(linesOf(data)).toEqual(lines))

it('a reader who scrolled up is not at the end', () => {
  expect(atEnd({ scrollTop: 476, clientHeight: 500, scrollHeight: 1000 })).toBe(true)
  expect(atEnd({ scrollTop: 400, clientHeight: 500, scrollHeight: 1000 })).toBe(false)
})
