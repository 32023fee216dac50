import { beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope } from 'vue'
import { shortcutsOn, startShortcuts, useShortcut } from '@/live/shortcuts'
import { KeySequence, PAIR } from '@/logic/shortcuts'

const KNOWN = ['f', '/', 'g d', 'g b']

describe('what is typed', () => {
  it.each([
    [['f'], 'f'],
    [['g', 'd'], 'g d'],
    [['x', 'g', 'b'], 'g b'],
    [['g', 'x', 'd'], ''],
    [['g', 'f'], 'f'],
    [['g', 'g', 'd'], 'g d'],
    [['d'], ''],
  ])('%j is %j', (typed, expected) => {
    const sequence = new KeySequence()
    const found = typed.map((key, index) => sequence.push(key, index * 10, KNOWN))
    expect(found.at(-1)).toBe(expected)
  })

  it('is no pair when the second key comes late', () => {
    const sequence = new KeySequence()
    sequence.push('g', 0, KNOWN)
    expect(sequence.push('d', PAIR + 1, KNOWN)).toBe('')
  })
})

describe('shortcuts', () => {
  startShortcuts()
  const press = (key: string, target: EventTarget = document.body, more: KeyboardEventInit = {}): boolean =>
    target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more }))

  beforeEach(() => {
    document.body.replaceChildren()
    shortcutsOn.value = true
  })

  it('work while their component is there', () => {
    const run = vi.fn()
    const scope = effectScope()
    scope.run(() => useShortcut('f', 'Follow', run))
    expect(press('f')).toBe(false)
    scope.stop()
    expect(press('f')).toBe(true)
    expect(run).toHaveBeenCalledTimes(1)
  })

  it('belong to who came last', () => {
    const [older, newer] = [vi.fn(), vi.fn()]
    const scope = effectScope()
    scope.run(() => [older, newer].forEach((run) => useShortcut('f', 'Follow', run)))
    press('f')
    scope.stop()
    expect([older.mock.calls.length, newer.mock.calls.length]).toEqual([0, 1])
  })

  it('do nothing while somebody types, holds Ctrl, has a dialog open or wants none', () => {
    const run = vi.fn()
    const scope = effectScope()
    scope.run(() => useShortcut('f', 'Follow', run))
    const field = document.body.appendChild(document.createElement('input'))
    press('f', field)
    press('f', document.body, { ctrlKey: true })
    const dialog = document.body.appendChild(document.createElement('dialog'))
    dialog.setAttribute('open', '')
    press('f')
    dialog.remove()
    shortcutsOn.value = false
    press('f')
    expect(run).not.toHaveBeenCalled()
    shortcutsOn.value = true
    press('f')
    scope.stop()
    expect(run).toHaveBeenCalledTimes(1)
  })
})
