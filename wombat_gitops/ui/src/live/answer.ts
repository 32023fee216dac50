import { onScopeDispose, type Ref, shallowRef } from 'vue'
import { ApiError } from '@/api/client'

export interface Answer<T> {
  /** The newest answer; stays while a later question fails. */
  data: Readonly<Ref<T | undefined>>
  /** Why the newest question failed. */
  error: Readonly<Ref<ApiError | undefined>>
  /** Asks; false where another question came before the answer. */
  ask: (load: (signal: AbortSignal) => Promise<T>) => Promise<boolean>
  /** Nobody waits for an answer any more. */
  stop: () => void
  /** Takes what came another way. */
  put: (data: T | undefined) => void
}

/** One question at a time: a newer one drops the one before it. */
export function useAnswer<T>(): Answer<T> {
  const data = shallowRef<T>()
  const error = shallowRef<ApiError>()
  let running: AbortController | undefined

  async function ask(load: (signal: AbortSignal) => Promise<T>): Promise<boolean> {
    running?.abort()
    const mine = new AbortController()
    running = mine
    try {
      const answer = await load(mine.signal)
      if (mine.signal.aborted) return false
      put(answer)
    } catch (reason) {
      if (mine.signal.aborted) return false
      error.value = reason instanceof ApiError ? reason : new ApiError(0, 'This page has a defect', String(reason), '')
    }
    return true
  }

  function stop(): void {
    running?.abort()
  }

  function put(told: T | undefined): void {
    data.value = told
    error.value = undefined
  }

  onScopeDispose(stop)
  return { data, error, ask, stop, put }
}
