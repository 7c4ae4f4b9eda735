/** Text for a terminal: lines, columns, colours, stacks; and lists of words in a sentence. */

/** Text on one line: what a table's cell and a sentence take. */
export const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, " ")

/** Words as alternatives: `text, json or dot`. */
export const listed = (words: ReadonlyArray<string | undefined>): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`

/** Control characters made visible, so that what a step logged can't move the cursor. Tabs and new lines stay. */
export const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  text.replace(/[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f]|\u001b(?!\[[\d;]*m)/g, (character) => {
    const code = character.charCodeAt(0).toString(16).padStart(2, "0")
    return `\\x${code}`
  })

/** Text without its colours. */
export const uncoloured = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence starts with one
  text.replace(/\u001b\[[\d;]*m/g, "")

/** How many columns a text takes, colours aside. Wide scripts and emoji take two. */
export const width = (text: string): number => {
  const plain = uncoloured(text)
  if (/^[\u0020-\u007e]*$/.test(plain)) return plain.length
  let columns = 0
  for (const { segment } of segmenter().segment(plain)) {
    columns +=
      /\p{Emoji_Presentation}|\ufe0f/u.test(segment) || wide.test(segment) ? 2 : /^\p{Mark}+$/u.test(segment) ? 0 : 1
  }
  return columns
}

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/

let segments: Intl.Segmenter | undefined
const segmenter = () => {
  segments ??= new Intl.Segmenter(undefined, { granularity: "grapheme" })
  return segments
}

/** Cut to a number of columns, with a "…" where something was cut. */
export const fit = (text: string, columns: number): string => {
  if (width(text) <= columns) return text
  let cut = ""
  let used = 0
  for (const { segment } of segmenter().segment(text)) {
    const next = width(segment)
    if (used + next > columns - 1) break
    cut += segment
    used += next
  }
  return `${cut}…`
}

/** Rows in aligned columns, two spaces apart; the last column is not padded. Headings first, where given. */
export const columns = (rows: ReadonlyArray<ReadonlyArray<string>>, right: ReadonlySet<number> = new Set()): string => {
  const widths: Array<number> = []
  for (const row of rows)
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, width(cell))
    })
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const space = " ".repeat((widths[column] ?? 0) - width(cell))
          return right.has(column) ? space + cell : column === row.length - 1 ? cell : cell + space
        })
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

/** A stack without the frames of the machinery around a step: what is left is the user's own code, as far as there is any. */
export const ownFrames = (stack: string): string => {
  const lines = stack.split("\n")
  const own = lines.filter((line) => !/^\s+at .*(node_modules[\\/](effect|effect-flow)[\\/]|\(?node:)/.test(line))
  return (own.some((line) => /^\s+at /.test(line)) ? own : lines).join("\n")
}
