import { expect, it } from 'vitest'
import { sandboxLook } from '@/logic/sandbox'

it.each([
  ['bubblewrap', 'bubblewrap (namespaces, seccomp)', 'success', false],
  ['landlock', 'Landlock only (no namespaces)', 'warning', true],
  ['none', "none: packages run with the builder's rights", 'error', true],
  ['', 'not recorded', 'quiet', false],
  ['gvisor', 'gvisor', 'quiet', false],
])('says what the sandbox %j means', (level, word, color, weak) => {
  expect(sandboxLook(level)).toMatchObject({ word, color, weak })
})

it('speaks of an attempt that has ended in the past', () => {
  expect(sandboxLook('none', true).word).toBe("none: packages ran with the builder's rights")
  expect(sandboxLook('landlock', true).word).toBe(sandboxLook('landlock').word)
})
