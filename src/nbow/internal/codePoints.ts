/**
 * Compares strings by code points, as Python does. JavaScript compares code units, which sorts characters beyond the
 * basic plane before U+E000.
 */

/** Compares texts for `sort`. */
export const compareCodePoints = (a: string, b: string): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1
  }
  return a.length - b.length
}

const isSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdfff
