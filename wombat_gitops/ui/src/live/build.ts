import { onScopeDispose, watch } from 'vue'
import { getBuild } from '@/api/client'
import type { BuildDetail } from '@/api/types'
import { EventStream, type StreamState } from '@/logic/sse'
import { type Resource, useResource } from './resource'
import { isVisible } from './visible'

const OVER = new Set(['succeeded', 'failed', 'cancelled', 'superseded'])

/** One build, told by its own events until it ends; hints count only where those do not come. */
export function useBuild(id: () => string): Resource<BuildDetail> {
  let stream: EventStream | undefined
  let state: StreamState = 'ended'
  const build = useResource(id, (signal) => getBuild(id(), signal), () => state === 'live')

  function close(): void {
    stream?.close()
    stream = undefined
    state = 'ended'
  }

  function open(identity: string): void {
    close()
    const mine = new EventStream(`/api/v1/builds/${identity}/events`, {
      endEvent: 'end',
      onEvent: ({ event, data }) => {
        if (stream !== mine || event !== 'build') return
        build.put(JSON.parse(data) as BuildDetail)
      },
      onState: (next) => {
        if (stream === mine) state = next
      },
    })
    stream = mine
    void mine.run()
  }

  watch(
    () => {
      const data = build.data.value
      return data && !OVER.has(data.state) && isVisible.value ? data.id : ''
    },
    (identity) => {
      if (identity === '') {
        // The end that closes the stream comes right behind the state: nothing more is wanted of it.
        close()
      } else open(identity)
    },
    { immediate: true },
  )
  onScopeDispose(close)
  return build
}
