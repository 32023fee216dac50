/** Milliseconds in which the second key of a pair has to follow the first. */
export const PAIR = 1500

/** Follows what is typed and tells which of the known shortcuts it is: one key ("f") or two after each other ("g d"). */
export class KeySequence {
  private first = ''
  private since = 0

  /** The shortcut that ends with *key* at the time *now* (milliseconds), or "". */
  push(key: string, now: number, known: readonly string[]): string {
    const pair = this.first !== '' && now - this.since <= PAIR ? `${this.first} ${key}` : ''
    this.first = ''
    if (pair !== '' && known.includes(pair)) return pair
    if (known.includes(key)) return key
    if (known.some((keys) => keys.startsWith(`${key} `))) {
      this.first = key
      this.since = now
    }
    return ''
  }
}

const TYPED = new Set(['button', 'checkbox', 'radio', 'submit', 'reset', 'range', 'color', 'file', 'image'])

/** Does what is typed at *target* belong to a field? */
export function takesText(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target.isContentEditable || target.matches('textarea, select')) return true
  return target instanceof HTMLInputElement && !TYPED.has(target.type)
}
