import { describe, expect, it } from 'vitest'
import { pieces } from '@/logic/ansi'
import { visible } from '@/logic/escapes'

describe('hidden characters', () => {
  it.each([
    ['admin\u202enimda\u2069\u061c', 'admin\\u202enimda\\u2069\\u061c'],
    ['pay\u200bpal\ufeff\u00ad\u{e0041}', 'pay\\u200bpal\\ufeff\\xad\\U000e0041'],
    ['\x1b]52;c;cm0=\x07\x9b2J\x7f\0', '\\x1b]52;c;cm0=\\x07\\x9b2J\\x7f\\x00'],
    ['half \ud83d, private \ue000, none \uffff', 'half \\ud83d, private \\ue000, none \\uffff'],
    ['four\u2028five\x85six\r\n10 %\r20 %\r', 'four\\u2028five\\x85six\n10 %\\r20 %'],
  ])('become escapes: %j', (text, shown) => {
    expect(visible(text)).toBe(shown)
    expect(visible(shown)).toBe(shown)
  })
  it('are nothing that is printed', () => {
    const text = 'a\tb\n日本\u3000語 é e\u0301 \u00a0 🐾 \\x1b'
    expect(visible(text)).toBe(text)
  })
  it('are shown in lines of logs, whose colours stay', () => {
    expect(pieces('\x1b[31mgood\u202edab\x1b[0m\x1b]0;owned\x07')).toEqual([
      { text: 'good\\u202edab', dress: 'ansi-red' },
      { text: '\\x1b]0;owned\\x07', dress: '' },
    ])
    expect(pieces('good\u202edab')).toEqual([{ text: 'good\\u202edab', dress: '' }])
  })
})
