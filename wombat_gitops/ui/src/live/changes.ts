import { readonly, ref, watch } from 'vue'
import { EventStream, type StreamState } from '@/logic/sse'
import { isVisible } from './visible'

/** Milliseconds between polls without and with a working stream of hints. */
const POLL = 10_000
const POLL_LIVE = 60_000
/** Hints that come together make one refresh. */
const SETTLE = 400

const counter = ref(0)
const state = ref<StreamState>('connecting')

/** Grows whenever what is shown may be old. */
export const changes = readonly(counter)

/** How the stream of hints does. */
export const streamState = readonly(state)

let stream: EventStream | undefined
let poll: ReturnType<typeof setTimeout> | undefined
let settling: ReturnType<typeof setTimeout> | undefined

function bump(): void {
  counter.value += 1
  schedule()
}

function schedule(): void {
  clearTimeout(poll)
  if (isVisible.value) poll = setTimeout(bump, state.value === 'live' ? POLL_LIVE : POLL)
}

function hint(): void {
  settling ??= setTimeout(() => {
    settling = undefined
    bump()
  }, SETTLE)
}

function open(): void {
  stream = new EventStream('/api/v1/events', {
    onEvent: hint,
    onState: (next) => {
      const back = next === 'live' && state.value === 'reconnecting'
      state.value = next
      if (back) hint()
      else schedule()
    },
  })
  void stream.run()
}

/** Asks anew at once, without waiting for the next try. */
function restart(): void {
  if (!isVisible.value) return
  stream?.close()
  open()
  bump()
}

/** Listens for hints of the server for as long as the tab is on screen. */
export function startChanges(): void {
  window.addEventListener('online', restart)
  watch(
    isVisible,
    (now, before) => {
      stream?.close()
      if (now) {
        open()
        if (before === false) bump()
      }
      schedule()
    },
    { immediate: true },
  )
}
