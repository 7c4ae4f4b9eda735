/** The `Range` header of a request for bytes: one range, as players and the page's own viewers send it. */

/** Bytes from `start` up to and without `end`. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** The range that is asked for; `undefined` where all of it is, or where the header is none that has to be understood. */
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
