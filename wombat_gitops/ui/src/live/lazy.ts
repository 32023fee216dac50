import { type Component, defineAsyncComponent, h } from 'vue'
import SkeletonBlock from '@/components/SkeletonBlock.vue'

/** A part of a page whose code is loaded when it is first shown; what cannot be loaded says so in its place. */
export function lazy<T extends Component>(loader: () => Promise<{ default: T }>): T {
  return defineAsyncComponent({
    loader: async () => (await loader()).default,
    loadingComponent: () => h(SkeletonBlock, { label: 'Loading this part' }),
    errorComponent: () => h('p', { class: 'quiet', role: 'alert' }, 'This part of the page could not be loaded. Load the page again.'),
    delay: 0,
    suspensible: false,
  }) as T
}
