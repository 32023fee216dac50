import { computed, onScopeDispose, ref, shallowRef, watch } from 'vue'
import { KeySequence, takesText } from '@/logic/shortcuts'
import { recall, remember } from './remember'

export interface Shortcut {
  /** One key ("f", "/") or two after each other ("g d"), as `KeyboardEvent.key` names them. */
  keys: string
  /** What it does, for the list of shortcuts: "Follow the log". */
  label: string
  run: () => void
}

const STORED = 'wombat-shortcuts'
const registered = shallowRef<readonly Shortcut[]>([])

/** May single keys do anything? Remembered on this machine. */
export const shortcutsOn = ref(recall(STORED) !== 'off')
watch(shortcutsOn, (on) => remember(STORED, on ? 'on' : 'off'))

/** What can be done here now; where two want the same keys the newer one has them. */
export const shortcuts = computed(() => {
  const byKeys = new Map(registered.value.map((shortcut) => [shortcut.keys, shortcut]))
  return [...byKeys.values()]
})

/**
 * Gives keys a meaning for as long as the calling component is there.
 *
 * Keys do nothing while somebody types into a field, while a dialog is open, and where people switched shortcuts off.
 */
export function useShortcut(keys: string, label: string, run: () => void): void {
  const mine = { keys, label, run }
  registered.value = [...registered.value, mine]
  onScopeDispose(() => {
    registered.value = registered.value.filter((shortcut) => shortcut !== mine)
  })
}

/** Listens to the keyboard; called once, when the site starts. */
export function startShortcuts(): void {
  const sequence = new KeySequence()
  document.addEventListener('keydown', (event) => {
    if (!shortcutsOn.value || event.defaultPrevented || event.isComposing || event.repeat) return
    if (event.ctrlKey || event.metaKey || event.altKey || event.key === 'Shift') return
    if (takesText(event.target) || document.querySelector('dialog[open]')) return
    const keys = sequence.push(
      event.key,
      event.timeStamp,
      shortcuts.value.map((shortcut) => shortcut.keys),
    )
    const found = shortcuts.value.find((shortcut) => shortcut.keys === keys)
    if (!found) return
    event.preventDefault()
    found.run()
  })
}
