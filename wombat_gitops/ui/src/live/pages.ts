import { onScopeDispose, type Ref, ref, shallowRef, watch } from 'vue'
import { ApiError, cursorOf } from '@/api/client'
import { type Resource, useResource } from './resource'

interface Page<T> {
  items: T[]
  next: string | null
  total: number
}

export interface Pages<T> extends Resource<Page<T>> {
  items: Readonly<Ref<T[]>>
  more: Readonly<Ref<boolean>>
  loadingMore: Readonly<Ref<boolean>>
  loadMore: () => Promise<void>
}

/**
 * A list that is loaded page by page and refreshes itself.
 *
 * A refresh loads as many items as were shown, in one request up to *most*; beyond that the list keeps its older pages as they are.
 */
export function usePages<T extends { url: string }>(
  key: () => unknown,
  load: (page: { limit: number; cursor: string }, signal: AbortSignal) => Promise<Page<T>>,
  size = 50,
  most = 200,
): Pages<T> {
  const items = shallowRef<T[]>([])
  const cursor = ref('')
  const loadingMore = ref(false)
  let running: AbortController | undefined

  const first = useResource(key, async (signal) => {
    const limit = Math.min(Math.max(size, items.value.length), most)
    const page = await load({ limit, cursor: '' }, signal)
    const fresh = new Set(page.items.map((item) => item.url))
    const keepsOlder = items.value.length > limit
    const older = keepsOlder ? items.value.filter((item, index) => index >= limit && !fresh.has(item.url)) : []
    items.value = [...page.items, ...older]
    if (!keepsOlder) cursor.value = cursorOf(page.next)
    return page
  })

  watch(key, reset, { flush: 'sync' })
  function reset(): void {
    running?.abort()
    items.value = []
    cursor.value = ''
  }

  async function loadMore(): Promise<void> {
    if (cursor.value === '' || loadingMore.value) return
    const mine = new AbortController()
    running = mine
    loadingMore.value = true
    try {
      const page = await load({ limit: size, cursor: cursor.value }, mine.signal)
      const known = new Set(items.value.map((item) => item.url))
      items.value = [...items.value, ...page.items.filter((item) => !known.has(item.url))]
      cursor.value = cursorOf(page.next)
    } catch (error) {
      if (!(error instanceof ApiError) && !mine.signal.aborted) throw error
    } finally {
      loadingMore.value = false
    }
  }

  const more = ref(false)
  watch(cursor, (value) => {
    more.value = value !== ''
  })
  onScopeDispose(() => running?.abort())
  return { ...first, items, more, loadingMore, loadMore }
}
