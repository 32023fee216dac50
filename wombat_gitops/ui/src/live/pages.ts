import { onScopeDispose, type Ref, ref, shallowRef, watch } from 'vue'
import { ApiError, cursorOf } from '@/api/client'
import { type Resource, useResource } from './resource'

interface Page<T> {
  items: T[]
  next: string | null
  total: number
}

export interface Pages<T, P = Page<T>> extends Resource<P> {
  items: Readonly<Ref<T[]>>
  more: Readonly<Ref<boolean>>
  loadingMore: Readonly<Ref<boolean>>
  loadMore: () => Promise<void>
}

/**
 * A list that is loaded page by page and refreshes itself.
 *
 * A refresh loads as many items as were shown, in one request up to *most*; beyond that the list keeps its older pages as they are.
 *
 * @param name where this entry of the history remembers how many were shown, so that the way back leads to as many.
 */
export function usePages<T extends { url: string }, P extends Page<T> = Page<T>>(
  key: () => unknown,
  load: (page: { limit: number; cursor: string }, signal: AbortSignal) => Promise<P & Page<T>>,
  size = 50,
  most = 200,
  name = 'list',
): Pages<T, P> {
  const items = shallowRef<T[]>([])
  const cursor = ref('')
  const loadingMore = ref(false)
  let running: AbortController | undefined
  let before = shownBefore(name)

  const first = useResource(key, async (signal) => {
    const limit = Math.min(Math.max(size, items.value.length, before), most)
    const page = await load({ limit, cursor: '' }, signal)
    before = 0
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
    before = 0
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
      rememberShown(name, items.value.length)
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

interface Remembered {
  shown?: Record<string, number>
}

function shownBefore(name: string): number {
  return (history.state as Remembered | null)?.shown?.[name] ?? 0
}

function rememberShown(name: string, count: number): void {
  const state = history.state as Remembered | null
  history.replaceState({ ...state, shown: { ...state?.shown, [name]: count } }, '')
}
