/** Durations, sizes, times and tables as text for a terminal, the same in every verb. */

/** `70 ms`, `3.2 s`, `2 min 5 s`, `1 h 2 min`. */
export const duration = (milliseconds: number): string => {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`
  const seconds = Math.round(milliseconds / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}

/** `48 B`, `1.5 kB`, `2.1 MB`: powers of 1000. */
export const bytes = (count: number): string => {
  if (count < 1000) return `${count} B`
  const units = ["kB", "MB", "GB", "TB"]
  let value = count / 1000
  let unit = 0
  for (; value >= 999.95 && unit < units.length - 1; unit++) value /= 1000
  return `${value.toFixed(1)} ${units[unit]}`
}

const two = (value: number) => String(value).padStart(2, "0")

/** `16:05:09.120`, in local time. */
export const clock = (at: number): string => {
  const date = new Date(at)
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`
}

/** `2026-11-24 16:05:09`, in local time. */
export const dateTime = (at: number): string => {
  const date = new Date(at)
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

/** `1 task`, `5 tasks`. */
export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`

/** Text on one line: what a table's cell and a sentence take. */
export const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, " ")

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
