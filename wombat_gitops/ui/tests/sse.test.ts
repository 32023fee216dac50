import { describe, expect, it } from 'vitest'
import { EventParser, EventStream, type ServerEvent, type StreamState } from '@/logic/sse'

const TEXT = ': hello\r\n\r\nid: 7\nevent: line\ndata: {"lines":\ndata: ["é"]}\n\nevent: end\ndata: {}\n\n'

describe('parsing', () => {
  it('gives the same events wherever the text is cut', () => {
    const whole = new EventParser().push(TEXT)
    expect(whole).toEqual([
      { event: 'line', data: '{"lines":\n["é"]}', id: '7' },
      { event: 'end', data: '{}', id: '7' },
    ])
    for (let cut = 0; cut <= TEXT.length; cut += 1) {
      const parser = new EventParser()
      expect([...parser.push(TEXT.slice(0, cut)), ...parser.push(TEXT.slice(cut))]).toEqual(whole)
    }
  })
  it('keeps an unfinished event back', () => expect(new EventParser().push('data: half\n')).toEqual([]))
})

/** A server that gives each connection its answer, and remembers what it was asked. */
function server(answers: (string | number)[]): { fetch: typeof fetch; asked: (string | null)[] } {
  const asked: (string | null)[] = []
  const answer: typeof fetch = (_url, init) => {
    asked.push(new Headers(init?.headers).get('Last-Event-ID'))
    const next = answers.shift() ?? 404
    return Promise.resolve(typeof next === 'number' ? new Response(null, { status: next }) : new Response(next))
  }
  return { fetch: answer, asked }
}

async function listen(answers: (string | number)[]) {
  const events: ServerEvent[] = []
  const states: StreamState[] = []
  const { fetch, asked } = server(answers)
  const stream = new EventStream('/x', {
    onEvent: (event) => events.push(event),
    onState: (state) => states.push(state),
    endEvent: 'end',
    fetch,
    backoff: () => 0,
  })
  await stream.run()
  return { events, states, asked }
}

describe('a stream', () => {
  it('goes on behind the last event after a break and ends at the end', async () => {
    const heard = await listen(['id: 3\nevent: line\ndata: a\n\n', 503, 'id: 4\nevent: line\ndata: b\n\nevent: end\ndata: {}\n\n'])
    expect(heard.events.map((event) => event.data)).toEqual(['a', 'b', '{}'])
    expect(heard.asked).toEqual([null, '3', '3'])
    expect(heard.states).toEqual(['connecting', 'live', 'reconnecting', 'live', 'ended'])
  })
  it('that does not exist is not asked for again', async () => {
    const heard = await listen([404])
    expect(heard.states).toEqual(['connecting', 'gone'])
    expect(heard.asked).toHaveLength(1)
  })
})
