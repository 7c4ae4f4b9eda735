/** Parses the `Range` header of a request: a single range, as media players and the page's viewers send it. */

/** The bytes from `start` to `end`, exclusive. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** The requested range. `undefined` for the whole content, or for a header that servers may ignore. */
export const parse = (header: string | undefined, size: number): Range | "unsatisfiable" | undefined => {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "")
  if (match === null) return undefined
  const [, from = "", to = ""] = match
  if (from === "" && to === "") return undefined
  if (from === "") {
    const last = Number(to)
    return last === 0 || size === 0 ? "unsatisfiable" : { start: Math.max(0, size - last), end: size }
  }
  const start = Number(from)
  const end = to === "" ? size : Math.min(size, Number(to) + 1)
  return start >= size || end <= start ? "unsatisfiable" : { start, end }
}
