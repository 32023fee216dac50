import { onScopeDispose, readonly, ref, watchEffect } from 'vue'

const json = ref('')
const name = ref('')

/** Address of the JSON that the current page is made from. */
export const pageJson = readonly(json)

/** What the current page is called, "" for the catalogue. */
export const pageTitle = readonly(name)

/** Names the page in the tab and points at its JSON. */
export function usePage(title: () => string, jsonUrl: () => string): void {
  const link = document.createElement('link')
  link.rel = 'alternate'
  link.type = 'application/json'
  watchEffect(() => {
    name.value = title()
    document.title = title() === '' ? 'Wombat' : `${title()} · Wombat`
    json.value = jsonUrl()
    link.href = jsonUrl()
    if (jsonUrl() !== '') document.head.append(link)
  })
  onScopeDispose(() => {
    link.remove()
    if (json.value === link.getAttribute('href')) json.value = ''
  })
}
