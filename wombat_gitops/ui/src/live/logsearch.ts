import { onScopeDispose, type Ref, ref, shallowRef, watch } from 'vue'
import { findLines } from '@/api/builds'
import { ApiError } from '@/api/client'
import { type Matches, NOTHING, stepped, withPage } from '@/logic/matches'

/** Milliseconds between two looks for matches in lines that came. */
const AGAIN = 2000
const PAGE = 1000

export interface LogSearch {
  matches: Ref<Matches>
  busy: Readonly<Ref<boolean>>
  problem: Readonly<Ref<string>>
  step: (by: 1 | -1) => Promise<void>
}

/** A search over a whole log, on the server; goes on behind what was searched while the log grows. */
export function useLogSearch(
  where: () => { build: string; attempt: number; wanted: string },
  total: () => number,
  onFound: () => void,
): LogSearch {
  const matches = shallowRef<Matches>(NOTHING)
  const busy = ref(false)
  const problem = ref('')
  let running = new AbortController()
  let again: ReturnType<typeof setTimeout> | undefined

  async function load(after: number): Promise<void> {
    const { build, attempt, wanted } = where()
    const { signal } = running
    busy.value = true
    try {
      const page = await findLines(build, attempt, wanted, after, PAGE, signal)
      if (signal.aborted) return
      matches.value = withPage(matches.value, page)
      problem.value = ''
    } catch (error) {
      if (signal.aborted) return
      problem.value = error instanceof ApiError ? error.title : String(error)
    }
    busy.value = false
  }

  async function begin(): Promise<void> {
    running.abort()
    running = new AbortController()
    const { signal } = running
    matches.value = NOTHING
    problem.value = ''
    busy.value = false
    if (where().wanted === '') return
    await load(0)
    if (!signal.aborted && matches.value.lines.length > 0) onFound()
  }

  async function step(by: 1 | -1): Promise<void> {
    const atLast = matches.value.at === matches.value.lines.length - 1
    if (by === 1 && atLast && matches.value.more) await load(matches.value.lines.at(-1) ?? 0)
    matches.value = stepped(matches.value, by)
  }

  watch(
    () => {
      const { build, attempt, wanted } = where()
      return [build, attempt, wanted].join('\n')
    },
    () => void begin(),
    { immediate: true },
  )
  watch(total, (lines) => {
    if (where().wanted === '' || again !== undefined || busy.value || matches.value.more || lines <= matches.value.searched) return
    again = setTimeout(() => {
      again = undefined
      if (where().wanted !== '' && !busy.value && !matches.value.more) void load(matches.value.lines.at(-1) ?? 0)
    }, AGAIN)
  })
  onScopeDispose(() => {
    running.abort()
    clearTimeout(again)
  })
  return { matches, busy, problem, step }
}
