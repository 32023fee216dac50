import { computed, type Ref, ref, watch } from 'vue'
import type { ServiceStatus } from '@/api/types'
import { type Connection, connectionOf, warning } from '@/logic/connection'
import { streamState } from './changes'
import type { Resource } from './resource'

const online = ref(navigator.onLine)
window.addEventListener('online', () => (online.value = true))
window.addEventListener('offline', () => (online.value = false))

/** How the page is connected, and what has to be said about it. */
export function useConnection(status: Resource<ServiceStatus>): { connection: Readonly<Ref<Connection>>; note: Readonly<Ref<string>> } {
  const seen = ref('')
  watch(status.data, (data) => {
    if (data) seen.value = new Date().toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
  })
  const connection = computed(() =>
    connectionOf({ online: online.value, failing: status.error.value !== undefined, stream: streamState.value }),
  )
  const note = computed(() => warning(connection.value, seen.value, status.data.value))
  return { connection, note }
}
