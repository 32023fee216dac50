import { readonly, ref, shallowRef } from 'vue'
import { type BrowserFacts, detect, type Host } from '@/logic/platform'

const found = shallowRef<Host | null>(null)
const asked = ref(false)

/** The visitor's machine as far as the browser tells; null where it does not, and until it `isKnown`. */
export const host = readonly(found)
export const isKnown = readonly(asked)

// Asked for as soon as a page may need it, so that nothing has to move when the answer comes after the page's data.
void detect(navigator as Navigator & BrowserFacts)
  .then((answer) => (found.value = answer))
  .finally(() => (asked.value = true))
