import { type Ref, ref, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'

/**
 * One parameter of the address as a value that can be written; "" is no parameter.
 *
 * @param step each change is a step that "back" undoes, as choices are; what is typed is none.
 */
export function useQuery(name: string, step = false): Ref<string> {
  const route = useRoute()
  const router = useRouter()
  const read = (): string => {
    const value = route.query[name]
    return typeof value === 'string' ? value : ''
  }
  const value = ref(read())
  watch(
    () => route.query[name],
    () => {
      value.value = read()
    },
  )
  watch(value, (text) => {
    if (text === read()) return
    const { [name]: _, ...others } = route.query
    const to = { query: text === '' ? others : { ...others, [name]: text }, hash: route.hash }
    void (step ? router.push(to) : router.replace(to))
  })
  return value
}

/** Takes these parameters out of the address in one step: one by one, each would bring back what the one before took away. */
export function useCleared(...names: string[]): () => void {
  const route = useRoute()
  const router = useRouter()
  return () => {
    void router.push({ query: Object.fromEntries(Object.entries(route.query).filter(([name]) => !names.includes(name))) })
  }
}

/** The value once it has rested for *milliseconds*. */
export function useRested(source: Ref<string>, milliseconds = 250): Readonly<Ref<string>> {
  const rested = ref(source.value)
  let timer: ReturnType<typeof setTimeout> | undefined
  watch(source, (text) => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      rested.value = text
    }, milliseconds)
  })
  return rested
}
