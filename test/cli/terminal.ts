/** A small terminal: what a user sees after what was written to it. It knows what the live table uses. */

/** A screen with what has scrolled off it. */
export interface Terminal {
  columns: number
  readonly rows: number
  readonly isTTY: true
  readonly write: (text: string) => void
  /** All lines, those that scrolled off too, without trailing blanks. */
  readonly lines: () => ReadonlyArray<string>
  /** Makes it narrower: what does not fit wraps, as terminals do it. */
  readonly resize: (columns: number) => void
  /** How often something was written. */
  readonly writes: () => number
}

/** An empty terminal. */
export const make = (columns: number, rows: number): Terminal => {
  const lines: Array<string> = [""]
  let row = 0
  let column = 0
  let writes = 0
  const terminal: Terminal = {
    columns,
    rows,
    isTTY: true,
    lines: () =>
      lines
        .map((line) => line.trimEnd())
        .join("\n")
        .trimEnd()
        .split("\n"),
    writes: () => writes,
    resize: (columns) => {
      terminal.columns = columns
      const wrapped = lines.flatMap((line) => line.trimEnd().match(new RegExp(`.{1,${columns}}`, "gu")) ?? [""])
      lines.splice(0, lines.length, ...wrapped)
      row = lines.length - 1
    },
    write: (text) => {
      writes++
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a terminal acts on
      for (const [part, escape] of text.matchAll(/\x1b(\[[?\d;]*[A-Za-z])|[\s\S]/gu)) {
        if (escape !== undefined) act(escape)
        else if (part === "\n") {
          row++
          column = 0
          if (lines[row] === undefined) lines[row] = ""
        } else if (part === "\r") column = 0
        else {
          if (column >= terminal.columns) {
            row++
            column = 0
          }
          const line = [...(lines[row] ?? "").padEnd(column)]
          line[column++] = part
          lines[row] = line.join("")
        }
      }
    }
  }
  const act = (escape: string) => {
    const count = Number(/\d+/.exec(escape)?.[0] ?? 1)
    switch (escape.at(-1)) {
      case "A":
        // The cursor does not leave the screen: what scrolled off can't be reached.
        row = Math.max(0, lines.length - rows, row - count)
        return
      case "J":
        lines[row] = (lines[row] ?? "").slice(0, column)
        lines.length = row + 1
    }
  }
  return terminal
}
