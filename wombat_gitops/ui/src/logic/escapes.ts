const HIDDEN = /(?![\n\t])[\p{C}\p{Zl}\p{Zp}]/gu

/** Foreign text with an escape for each control or invisible character, as the command line shows it (`domain/visible.py`). */
export function visible(text: string): string {
  return text.replace(/\r(?=\n|$)/g, '').replace(HIDDEN, escape)
}

function escape(character: string): string {
  if (character === '\r') return '\\r'
  const code = character.codePointAt(0) ?? 0
  const digits = code.toString(16)
  if (code < 0x100) return `\\x${digits.padStart(2, '0')}`
  return code < 0x10000 ? `\\u${digits.padStart(4, '0')}` : `\\U${digits.padStart(8, '0')}`
}
