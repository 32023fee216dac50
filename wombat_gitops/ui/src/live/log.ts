import { onScopeDispose, type Ref, ref, shallowRef, triggerRef, watch } from 'vue'
import { getLines } from '@/api/builds'
import { ApiError } from '@/api/client'
import { BLOCK, endOf, linesOf, SparseLog } from '@/logic/log'
import { EventStream, type StreamState } from '@/logic/sse'
import { isVisible } from './visible'

export interface LiveLog {
  log: Readonly<Ref<SparseLog>>
  state: Readonly<Ref<StreamState>>
  /** When something came last, in milliseconds. */
  heard: Readonly<Ref<number>>
  /** False where there is no log to read. */
  kept: Readonly<Ref<boolean>>
  /** Why lines that are wanted are not here. */
  problem: Readonly<Ref<string>>
  /** Asks for the lines *from* to *to*, and some around them, as far as they are not here. */
  want: (from: number, to: number) => void
  retry: () => void
}

/** The log of one attempt: its end as it grows, and any other lines when they are looked at. A hidden tab stops and goes on where it was. */
export function useLog(build: () => string, attempt: () => number): LiveLog {
  const log = shallowRef(new SparseLog())
  const state = ref<StreamState>('connecting')
  const heard = ref(Date.now())
  const kept = ref(true)
  const problem = ref('')
  const asked = new Set<number>()
  let stream: EventStream | undefined
  let requests = new AbortController()

  function put(first: number, lines: readonly string[]): void {
    log.value.put(first, lines)
    triggerRef(log)
  }

  function open(): void {
    stream?.close()
    requests.abort()
    requests = new AbortController()
    asked.clear()
    log.value = new SparseLog()
    state.value = 'connecting'
    kept.value = true
    problem.value = ''
    const mine = new EventStream(`/api/v1/builds/${encodeURIComponent(build())}/log/stream?attempt=${attempt()}`, {
      endEvent: 'end',
      onEvent: ({ event, data }) => {
        if (stream !== mine) return
        heard.value = Date.now()
        const lines = event === 'line' ? linesOf(data) : null
        if (lines) put(lines.first, lines.lines)
        if (event !== 'end') return
        const end = endOf(data)
        kept.value = end.kept
        log.value.grow(end.total)
        triggerRef(log)
      },
      onState: (next) => {
        if (stream !== mine) return
        if (next === 'live') heard.value = Date.now()
        if (next === 'gone') kept.value = false
        state.value = next
      },
    })
    stream = mine
    void mine.run()
  }

  function want(from: number, to: number): void {
    if (problem.value !== '') return
    const start = Math.floor((from - 1) / BLOCK) * BLOCK + 1
    const end = Math.ceil(to / BLOCK) * BLOCK
    for (const { first, limit } of log.value.missing(start, end)) {
      if (!asked.has(first)) void load(first, limit)
    }
    log.value.forget((from + to) / 2)
  }

  async function load(first: number, limit: number): Promise<void> {
    const { signal } = requests
    asked.add(first)
    try {
      const answer = await getLines(build(), attempt(), first, limit, signal)
      if (signal.aborted) return
      asked.delete(first)
      log.value.grow(answer.total)
      if (answer.lines.length === 0) throw new ApiError(0, 'Some lines of the log are missing', '', '')
      put(answer.first, answer.lines)
    } catch (error) {
      if (signal.aborted) return
      asked.delete(first)
      problem.value = error instanceof ApiError ? error.title : String(error)
    }
  }

  function retry(): void {
    problem.value = ''
    triggerRef(log)
  }

  watch([build, attempt], open, { immediate: true })
  watch(isVisible, (visible) => {
    if (state.value === 'ended' || state.value === 'gone') return
    if (visible) stream?.resume()
    else stream?.pause()
  })
  onScopeDispose(() => {
    stream?.close()
    requests.abort()
  })
  return { log, state, heard, kept, problem, want, retry }
}
