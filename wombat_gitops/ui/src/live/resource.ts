import { onScopeDispose, type Ref, ref, shallowRef, watch } from 'vue'
import { ApiError } from '@/api/client'
import { changes } from './changes'

export interface Resource<T> {
  /** The newest answer; stays while a refresh fails. */
  data: Readonly<Ref<T | undefined>>
  /** Why the newest request failed. */
  error: Readonly<Ref<ApiError | undefined>>
  loading: Readonly<Ref<boolean>>
  reload: () => Promise<void>
}

/**
 * Data of the API that refreshes itself.
 *
 * @param key what is shown: another key forgets the data and loads anew.
 */
export function useResource<T>(key: () => unknown, load: (signal: AbortSignal) => Promise<T>): Resource<T> {
  const data = shallowRef<T>()
  const error = shallowRef<ApiError>()
  const loading = ref(true)
  let running: AbortController | undefined

  async function reload(): Promise<void> {
    running?.abort()
    const mine = new AbortController()
    running = mine
    loading.value = true
    try {
      const answer = await load(mine.signal)
      if (mine.signal.aborted) return
      data.value = answer
      error.value = undefined
    } catch (reason) {
      if (mine.signal.aborted) return
      error.value = reason instanceof ApiError ? reason : new ApiError(0, 'This page has a defect', String(reason), '')
    }
    loading.value = false
  }

  watch(
    key,
    () => {
      data.value = undefined
      error.value = undefined
      void reload()
    },
    { immediate: true },
  )
  watch(changes, () => void reload())
  onScopeDispose(() => running?.abort())
  return { data, error, loading, reload }
}
