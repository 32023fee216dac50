import { mdiHelpCircleOutline, mdiShieldAlertOutline, mdiShieldCheckOutline, mdiShieldOffOutline } from '@mdi/js'
import type { Look } from './status'

/** How a level is shown; `weak` ones are worth a warning. */
export interface SandboxLook extends Look {
  weak: boolean
}

const OK = { icon: mdiShieldCheckOutline, color: 'success', weak: false }
const PARTLY = { icon: mdiShieldAlertOutline, color: 'warning', weak: true }
const OPEN = { icon: mdiShieldOffOutline, color: 'error', weak: true }
const UNKNOWN = { icon: mdiHelpCircleOutline, color: 'quiet', weak: false }

/** The level of a builder, or of an attempt that *ended*; a word that is new to this page is shown as it is. */
export function sandboxLook(level: string, ended = false): SandboxLook {
  if (level === 'bubblewrap') return { ...OK, word: 'bubblewrap (namespaces, seccomp)' }
  if (level === 'landlock') return { ...PARTLY, word: 'Landlock only (no namespaces)' }
  if (level === 'none') return { ...OPEN, word: `none: packages ${ended ? 'ran' : 'run'} with the builder's rights` }
  return { ...UNKNOWN, word: level || 'not recorded' }
}
