/** Colours for a terminal, unless `NO_COLOR` is set. Colour only repeats what the words say. */

/** Colours text, or leaves it as it is. */
export interface Style {
  readonly dim: (text: string) => string
  readonly bold: (text: string) => string
  readonly red: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
  readonly cyan: (text: string) => string
  /** Gives each text a stable colour, so that the lines of different tasks can be told apart. */
  readonly label: (text: string, of?: string) => string
}

const paint = (code: number) => (text: string) => `\x1b[${code}m${text}\x1b[${code === 1 || code === 2 ? 22 : 39}m`
const plain = (text: string) => text
const palette = [36, 35, 34, 33, 32, 96, 95, 94]

const coloured: Style = {
  dim: paint(2),
  bold: paint(1),
  red: paint(31),
  green: paint(32),
  yellow: paint(33),
  cyan: paint(36),
  label: (text, of = text) => {
    let hash = 0
    for (let i = 0; i < of.length; i++) hash = (hash * 31 + of.charCodeAt(i)) >>> 0
    return paint(palette[hash % palette.length] ?? 36)(text)
  }
}

const bare: Style = { dim: plain, bold: plain, red: plain, green: plain, yellow: plain, cyan: plain, label: plain }

/** The style for a stream, according to `NO_COLOR`, `FORCE_COLOR` and `TERM`. */
export const styleFor = (
  stream: { readonly isTTY?: boolean },
  environment: { readonly [name: string]: string | undefined }
): Style => {
  const force = environment.FORCE_COLOR
  if ((environment.NO_COLOR ?? "") !== "") return bare
  if (force !== undefined && force !== "") return force === "0" || force === "false" ? bare : coloured
  return stream.isTTY === true && environment.TERM !== "dumb" ? coloured : bare
}

/** Paints a status in its colour. */
export const paintStatus = (style: Style, status: string): string => {
  switch (status) {
    case "succeeded":
      return style.green(status)
    case "failed":
    case "crashed":
      return style.red(status)
    case "running":
      return style.cyan(status)
    default:
      return style.yellow(status)
  }
}
