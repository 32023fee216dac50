import { type Ref, ref, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'

/** One parameter of the address as a value that can be written; "" is no parameter. */
export function useQuery(name: string): Ref<string> {
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
    void router.replace({ query: text === '' ? others : { ...others, [name]: text }, hash: route.hash })
  })
  return value
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
