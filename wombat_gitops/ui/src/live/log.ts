import { onScopeDispose, type Ref, ref, shallowRef, triggerRef, watch } from 'vue'
import { append, emptyLog, fromText, linesOf, type LogWindow } from '@/logic/log'
import { EventStream, type StreamState } from '@/logic/sse'
import { isVisible } from './visible'

export interface LiveLog {
  log: Readonly<Ref<LogWindow>>
  state: Readonly<Ref<StreamState>>
  /** Shows a whole log instead of its end. */
  show: (text: string) => void
}

/** A log as it grows. Another *key* is another log; a hidden tab stops and goes on where it was. */
export function useLog(url: () => string, key: () => unknown): LiveLog {
  const log = shallowRef(emptyLog())
  const state = ref<StreamState>('connecting')
  let stream: EventStream | undefined

  function open(): void {
    stream?.close()
    const mine = new EventStream(url(), {
      endEvent: 'end',
      onEvent: (event) => {
        if (event.event !== 'line' || stream !== mine) return
        append(log.value, linesOf(event.data))
        triggerRef(log)
      },
      onState: (next) => {
        if (stream === mine) state.value = next
      },
    })
    stream = mine
    void mine.run()
  }

  watch(
    key,
    () => {
      log.value = emptyLog()
      state.value = 'connecting'
      open()
    },
    { immediate: true },
  )
  watch(isVisible, (visible) => {
    if (state.value === 'ended' || state.value === 'gone') return
    if (visible) stream?.resume()
    else stream?.pause()
  })
  onScopeDispose(() => stream?.close())

  return {
    log,
    state,
    show: (text) => {
      log.value = fromText(text)
    },
  }
}
