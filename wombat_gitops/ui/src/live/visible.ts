import { readonly, ref } from 'vue'

const visible = ref(!document.hidden)
document.addEventListener('visibilitychange', () => {
  visible.value = !document.hidden
})

/** Is this tab on screen? Hidden ones hold no streams: a browser opens only six connections to a server. */
export const isVisible = readonly(visible)
