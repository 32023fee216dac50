import { describe, expect, it } from 'vitest'
import { marked, pieces } from '@/logic/ansi'
import { attemptOf, errorTexts } from '@/logic/build'
import { CHUNK, Heights } from '@/logic/heights'
import { atEnd, BLOCK, endOf, linesHash, linesOf, parseLines, picked, REQUEST, SparseLog } from '@/logic/log'
import { nearest, NOTHING, stepped, told, withPage } from '@/logic/matches'
import { aheadText, ordinal, takersText } from '@/logic/queue'

const some = (first: number, count: number): string[] => Array.from({ length: count }, (_, index) => `line ${first + index}`)

describe('a sparse log', () => {
  it('knows lines by their number, wherever they came from', () => {
    const log = new SparseLog()
    log.put(901, some(901, 100))
    log.put(1, some(1, 150))
    expect(log.total).toBe(1000)
    expect([log.line(1), log.line(150), log.line(151), log.line(901), log.line(1000)]).toEqual(['line 1', 'line 150', undefined, 'line 901', 'line 1000'])
  })
  it('asks for what is missing and for nothing twice', () => {
    const log = new SparseLog()
    log.grow(1000)
    log.put(101, some(101, 50))
    expect(log.missing(51, 200)).toEqual([{ first: 51, limit: 50 }, { first: 151, limit: 50 }])
    log.put(51, some(51, 30))
    expect(log.missing(51, 150)).toEqual([{ first: 81, limit: 20 }])
    expect(log.missing(990, 2000)).toEqual([{ first: 990, limit: 11 }])
    expect(log.missing(1, 1000).every(({ limit }) => limit <= REQUEST)).toBe(true)
  })
  it('doubles no line that comes again after a reconnect', () => {
    const log = new SparseLog()
    log.put(1, some(1, 10))
    log.put(6, some(6, 10))
    expect(log.total).toBe(15)
    expect(log.text(1, 15)).toBe(`${some(1, 15).join('\n')}\n`)
  })
  it('keeps what is near when it is full', () => {
    const log = new SparseLog()
    log.put(1, some(1, 20 * BLOCK))
    log.forget(10 * BLOCK, 3)
    expect(log.line(10 * BLOCK)).toBe(`line ${10 * BLOCK}`)
    expect(log.line(1)).toBeUndefined()
    expect(log.total).toBe(20 * BLOCK)
  })
  it('has no text while a line of it is away', () => {
    const log = new SparseLog()
    log.grow(3)
    log.put(1, ['a'])
    log.put(3, ['c'])
    expect(log.text(1, 3)).toBeNull()
    log.put(2, [''])
    expect(log.text(1, 3)).toBe('a\n\nc\n')
  })
})

it.each([
  ['{"first": 3, "lines": ["a", "b"]}', { first: 3, lines: ['a', 'b'] }],
  ['{"lines": ["a"]}', null],
  ['{"first": 1, "lines": 5}', null],
  ['null', null],
  ['{', null],
])('the data %s holds %j', (data, lines) => expect(linesOf(data)).toEqual(lines))

it('an end says how much there is, and whether any of it is kept', () => {
  expect(endOf('{"state": "failed", "total": 12, "kept": true}')).toEqual({ total: 12, kept: true })
  expect(endOf('{"state": "failed", "total": 0, "kept": false}')).toEqual({ total: 0, kept: false })
  expect(endOf('{"state": "failed"}')).toEqual({ total: 0, kept: true })
})

it('a reader who scrolled up is not at the end', () => {
  expect(atEnd({ scrollTop: 476, clientHeight: 500, scrollHeight: 1000 })).toBe(true)
  expect(atEnd({ scrollTop: 400, clientHeight: 500, scrollHeight: 1000 })).toBe(false)
})

describe('permalinks', () => {
  it.each([
    ['#L42', { from: 42, to: 42 }],
    ['#L42-L50', { from: 42, to: 50 }],
    ['#L50-L42', { from: 42, to: 50 }],
    ['#L0', null],
    ['#L', null],
    ['#inputs', null],
    ['', null],
  ])('%s means %j', (hash, lines) => expect(parseLines(hash)).toEqual(lines))
  it('are written as they are read', () => {
    expect(linesHash({ from: 42, to: 42 })).toBe('#L42')
    expect(linesHash({ from: 42, to: 50 })).toBe('#L42-L50')
  })
  it('grow with shift, in both directions', () => {
    expect(picked(null, 5, true)).toEqual({ from: 5, to: 5 })
    expect(picked({ from: 5, to: 5 }, 9, true)).toEqual({ from: 5, to: 9 })
    expect(picked({ from: 5, to: 5 }, 2, true)).toEqual({ from: 2, to: 5 })
    expect(picked({ from: 5, to: 9 }, 7, false)).toEqual({ from: 7, to: 7 })
  })
})

describe('heights', () => {
  it('are guessed by the line until they are measured', () => {
    const heights = new Heights(20)
    expect(heights.all(100_000)).toBe(2_000_000)
    expect(heights.measure(0, CHUNK, 20 * CHUNK)).toBe(false)
    expect(heights.measure(3, CHUNK, 20 * CHUNK + 100)).toBe(true)
    expect(heights.measure(3, CHUNK, 20 * CHUNK + 100)).toBe(false)
    expect(heights.above(3)).toBe(3 * 20 * CHUNK)
    expect(heights.above(4)).toBe(4 * 20 * CHUNK + 100)
    expect(heights.all(100_000)).toBe(2_000_100)
  })
  it('find the chunk at a place', () => {
    const heights = new Heights(20)
    heights.measure(0, CHUNK, 1000)
    expect([0, 999, 1000, 1399, 1400].map((pixels) => heights.at(pixels, 1000))).toEqual([0, 0, 1, 1, 2])
    expect(heights.at(10_000_000, 1000)).toBe(1000 / CHUNK - 1)
    expect(heights.at(0, 0)).toBe(0)
  })
})

describe('colours', () => {
  it('become classes, and other sequences go', () => {
    expect(pieces('plain')).toEqual([{ text: 'plain', dress: '' }])
    expect(pieces('\x1b[2K\x1b[1;31mred\x1b[0m rest')).toEqual([
      { text: 'red', dress: 'ansi-red ansi-bold' },
      { text: ' rest', dress: '' },
    ])
  })
  it('do not hide a match that goes over them', () => {
    const found = marked(pieces('\x1b[31mun\x1b[32mdefined\x1b[0m: x'), 'DEFINED')
    expect(found.filter((piece) => piece.marked).map((piece) => piece.text)).toEqual(['defined'])
    const over = marked(pieces('\x1b[31mun\x1b[32mdefined\x1b[0m: x'), 'ndef')
    expect(over.filter((piece) => piece.marked).map((piece) => piece.text)).toEqual(['n', 'def'])
    expect(over.map((piece) => piece.text).join('')).toBe('undefined: x')
  })
})

describe('matches', () => {
  const page = { items: [{ line: 3 }, { line: 7 }], next: '/more', total: 3, bounded: false, searched: 10 }
  it('go round, each once', () => {
    const matches = withPage(NOTHING, page)
    const first = stepped(matches, 1)
    expect([first.at, stepped(first, 1).at, stepped(stepped(first, 1), 1).at, stepped(first, -1).at]).toEqual([0, 1, 0, 1])
    expect(stepped(NOTHING, 1)).toEqual(NOTHING)
  })
  it('come page by page without one twice', () => {
    const matches = withPage(withPage(NOTHING, page), { ...page, items: [{ line: 7 }, { line: 9 }], next: null })
    expect(matches.lines).toEqual([3, 7, 9])
    expect(matches.more).toBe(false)
  })
  it('are told with their number, which may be a bound', () => {
    expect(told(NOTHING)).toBe('no match')
    expect(told(stepped(withPage(NOTHING, page), 1))).toBe('1 of 3')
    expect(told(withPage(NOTHING, { ...page, total: 10_000, bounded: true }))).toBe('more than 10,000 found')
  })
  it('begin at a line that was linked', () => {
    expect(nearest(withPage(NOTHING, page), 4).at).toBe(1)
    expect(nearest(withPage(NOTHING, page), 40).at).toBe(0)
    expect(nearest(NOTHING, 1).at).toBe(-1)
  })
})

describe('the queue', () => {
  it.each([[1, '1st'], [2, '2nd'], [3, '3rd'], [4, '4th'], [11, '11th'], [23, '23rd'], [112, '112th'], [1001, '1,001st']])('%i is %s', (number, text) =>
    expect(ordinal(number)).toBe(text),
  )
  it('tells what is ahead', () => {
    expect(aheadText([])).toBe('')
    expect(aheadText([{ source: 'main', builds: 1 }])).toBe('1 build of source “main” is ahead.')
    expect(aheadText([{ source: 'x', builds: 2 }, { source: '', builds: 1 }])).toBe('2 builds of source “x” and 1 build that people asked for are ahead.')
  })
  it('tells who can take a build', () => {
    const place = { position: 3, platform: 'linux/arm64', ahead: [], builders: ['builder-1'], needs: { cgo: true, memory: 0, labels: {} } }
    expect(takersText(place)).toBe('It needs a builder for linux/arm64 and a C compiler: builder-1 can take it.')
    expect(takersText({ ...place, builders: [] })).toBe('It needs a builder for linux/arm64 and a C compiler; none is at work.')
  })
})

it('an attempt is chosen by the address, else the newest', () => {
  const attempts = [{ number: 2 }, { number: 3 }]
  expect(attemptOf(attempts, '2')).toEqual({ number: 2 })
  expect(attemptOf(attempts, '9')).toEqual({ number: 3 })
  expect(attemptOf(attempts, undefined)).toEqual({ number: 3 })
  expect(attemptOf([], '1')).toBeUndefined()
})

it('a failure is looked for in the log by its message, then by less of it', () => {
  expect(errorTexts({ message: 'x.go:1:2: undefined: y' })).toEqual(['x.go:1:2: undefined: y', 'undefined: y'])
  expect(errorTexts({ message: 'no colon' })).toEqual(['no colon'])
  expect(errorTexts({ message: `${'x'.repeat(300)}` })[0]).toHaveLength(200)
})
