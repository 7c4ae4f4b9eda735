/**
 * The colours and styles that programs print to terminals, as data. Every other control sequence is left out, so that a
 * log shows and finds the text that a terminal would show.
 */

/** A piece of a text in one style. */
export interface Piece {
  readonly text: string
  /** Classes for the sixteen colours and the styles, such as `ansi-1 bold`. Empty for plain text. */
  readonly className: string
  /** A colour of the 256 or of all, as CSS. */
  readonly color?: string
  readonly background?: string
}

interface Style {
  color: string | undefined
  background: string | undefined
  bold: boolean
  dim: boolean
  italic: boolean
  underlined: boolean
  inverse: boolean
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are what is looked for
const sequence = /\u001b(?:\[([0-9;:]*)([ -/]*[@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\^_])/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are what is left out
const rest = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g

/** Whether a text has anything to leave out or to colour. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
export const hasControls = (text: string): boolean => /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text)

/** A text without control sequences. */
export const strip = (text: string): string => (hasControls(text) ? text.replace(sequence, "").replace(rest, "") : text)

const plain = (): Style => ({
  color: undefined,
  background: undefined,
  bold: false,
  dim: false,
  italic: false,
  underlined: false,
  inverse: false
})

const levels = [0, 95, 135, 175, 215, 255]

/** A colour of the 256: the first sixteen are those of the theme. */
const ofPalette = (n: number): string => {
  if (n < 16) return `ansi-${n}`
  if (n >= 232) {
    const gray = 8 + (n - 232) * 10
    return `rgb(${gray} ${gray} ${gray})`
  }
  const at = n - 16
  return `rgb(${levels[Math.floor(at / 36)]} ${levels[Math.floor(at / 6) % 6]} ${levels[at % 6]})`
}

const byte = (n: number | undefined): number => Math.min(255, Math.max(0, n ?? 0))

/** Reads the colour after 38 or 48, and says how many numbers it takes. */
const extended = (codes: ReadonlyArray<number>, at: number): readonly [color: string | undefined, taken: number] => {
  if (codes[at + 1] === 5) return [ofPalette(byte(codes[at + 2])), 2]
  if (codes[at + 1] === 2) {
    return [`rgb(${byte(codes[at + 2])} ${byte(codes[at + 3])} ${byte(codes[at + 4])})`, 4]
  }
  return [undefined, 0]
}

const apply = (style: Style, codes: ReadonlyArray<number>): void => {
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0
    if (code === 0) Object.assign(style, plain())
    else if (code === 1) style.bold = true
    else if (code === 2) style.dim = true
    else if (code === 3) style.italic = true
    else if (code === 4) style.underlined = true
    else if (code === 7) style.inverse = true
    else if (code === 22) Object.assign(style, { bold: false, dim: false })
    else if (code === 23) style.italic = false
    else if (code === 24) style.underlined = false
    else if (code === 27) style.inverse = false
    else if (code === 38 || code === 48) {
      const [color, taken] = extended(codes, i)
      if (code === 38) style.color = color
      else style.background = color
      i += taken
    } else if (code === 39) style.color = undefined
    else if (code === 49) style.background = undefined
    else if (code >= 30 && code <= 37) style.color = `ansi-${code - 30}`
    else if (code >= 90 && code <= 97) style.color = `ansi-${code - 82}`
    else if (code >= 40 && code <= 47) style.background = `ansi-${code - 40}`
    else if (code >= 100 && code <= 107) style.background = `ansi-${code - 92}`
  }
}

const pieceOf = (text: string, style: Style): Piece => {
  const { background, bold, color, dim, inverse, italic, underlined } = style
  const classes: Array<string> = []
  const css: { color?: string; background?: string } = {}
  if (color?.startsWith("ansi-")) classes.push(color)
  else if (color !== undefined) css.color = color
  if (background?.startsWith("ansi-")) classes.push(`on-${background}`)
  else if (background !== undefined) css.background = background
  for (const [name, isOn] of Object.entries({ bold, dim, italic, underlined, inverse })) if (isOn) classes.push(name)
  return { text, className: classes.join(" "), ...css }
}

/** The pieces of a text, without its control sequences. */
export const parse = (text: string): ReadonlyArray<Piece> => {
  if (!hasControls(text)) return [{ text, className: "" }]
  const pieces: Array<Piece> = []
  const style = plain()
  let at = 0
  const push = (end: number) => {
    const part = text.slice(at, end).replace(rest, "")
    if (part !== "") pieces.push(pieceOf(part, style))
  }
  for (const match of text.matchAll(sequence)) {
    push(match.index)
    at = match.index + match[0].length
    const [, codes = "", kind] = match
    if (kind === "m") apply(style, codes.split(/[;:]/).map(Number))
  }
  push(text.length)
  return pieces
}

/** Pieces cut at positions of the whole text, so that each is inside or outside of every marked range. */
export const cutAt = (pieces: ReadonlyArray<Piece>, positions: ReadonlyArray<number>): ReadonlyArray<Piece> => {
  const cut: Array<Piece> = []
  let start = 0
  for (const piece of pieces) {
    let from = 0
    for (const position of positions) {
      const local = position - start
      if (local <= from || local >= piece.text.length) continue
      cut.push({ ...piece, text: piece.text.slice(from, local) })
      from = local
    }
    cut.push({ ...piece, text: piece.text.slice(from) })
    start += piece.text.length
  }
  return cut
}
