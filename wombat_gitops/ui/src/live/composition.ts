import { onScopeDispose, type Ref, ref, watch } from 'vue'
import type { ApiError } from '@/api/client'
import { type Composition, getComposition } from '@/api/compose'
import { type Draft, wishesOf } from '@/logic/compose'
import { useAnswer } from './answer'
import { changes } from './changes'

const REST = 250

/**
 * What becomes of a draft, asked anew a little after each change. The last answer stays until the next one is here, so that nothing
 * flickers while somebody types; an answer that came too late is dropped.
 */
export function useComposition(draft: Ref<Draft | undefined>): {
  data: Readonly<Ref<Composition | undefined>>
  error: Readonly<Ref<ApiError | undefined>>
  busy: Readonly<Ref<boolean>>
  reload: () => void
} {
  const { data, error, ask, stop } = useAnswer<Composition>()
  const busy = ref(false)
  let timer: ReturnType<typeof setTimeout> | undefined

  async function go(): Promise<void> {
    if (!draft.value) return stop()
    const wishes = wishesOf(draft.value)
    if (await ask((signal) => getComposition(wishes, signal))) busy.value = false
  }

  function soon(milliseconds: number): void {
    clearTimeout(timer)
    timer = setTimeout(() => void go(), milliseconds)
  }

  watch(
    draft,
    (_now, before) => {
      busy.value = true
      soon(before ? REST : 0)
    },
    { immediate: true },
  )
  watch(changes, () => soon(REST))
  onScopeDispose(() => clearTimeout(timer))
  return { data, error, busy, reload: () => soon(0) }
}
