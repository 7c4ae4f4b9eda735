/**
 * A file of which ranges are read. The last half megabyte is kept, which is the whole of a small file and the footer of a
 * large one.
 */
import type { AsyncBuffer } from "hyparquet"

/** Why there is nothing to read. */
export class SourceError {
  readonly reason: "missing" | "directory" | "unreadable"
  readonly message: string
  constructor(reason: SourceError["reason"], message: string) {
    this.reason = reason
    this.message = message
  }
}

/** Said of a file whose parts would be of two states. */
export const written = "it was written to while it was read. Read it when nothing writes to it"

/** How much of a file's end is read at once. */
export const tailBytes = 1 << 19

/** A file whose end is read once. */
export const withTail = (
  byteLength: number,
  read: (start: number, end: number) => Promise<ArrayBuffer>,
  known?: { readonly start: number; readonly bytes: ArrayBuffer }
): AsyncBuffer => {
  const tailStart = known?.start ?? Math.max(0, byteLength - tailBytes)
  let tail = known === undefined ? undefined : Promise.resolve(known.bytes)
  return {
    byteLength,
    slice: async (start, end = byteLength) => {
      if (start < tailStart) return read(start, end)
      tail ??= read(tailStart, byteLength)
      return (await tail).slice(start - tailStart, end - tailStart)
    }
  }
}
