import { type Ref, ref, watch } from 'vue'
import type { ApiError } from '@/api/client'
import { useAnswer } from './answer'
import { changes } from './changes'

export interface Resource<T> {
  /** The newest answer; stays while a refresh fails. */
  data: Readonly<Ref<T | undefined>>
  /** Why the newest request failed. */
  error: Readonly<Ref<ApiError | undefined>>
  loading: Readonly<Ref<boolean>>
  reload: () => Promise<void>
}

/** A resource that may be told its data as well. */
export interface ToldResource<T> extends Resource<T> {
  put: (data: T) => void
}

/**
 * Data of the API that refreshes itself.
 *
 * @param key what is shown: another key forgets the data and loads anew.
 * @param isTold whether news come by `put`, so that hints of changes need no answer.
 */
export function useResource<T>(
  key: () => unknown,
  load: (signal: AbortSignal) => Promise<T>,
  isTold: () => boolean = () => false,
): ToldResource<T> {
  const answer = useAnswer<T>()
  const loading = ref(true)

  async function reload(): Promise<void> {
    loading.value = true
    if (await answer.ask(load)) loading.value = false
  }

  watch(
    key,
    () => {
      answer.put(undefined)
      void reload()
    },
    { immediate: true },
  )
  watch(changes, () => {
    if (!isTold()) void reload()
  })
  function put(told: T): void {
    answer.stop()
    answer.put(told)
    loading.value = false
  }

  return { data: answer.data, error: answer.error, loading, reload, put }
}
