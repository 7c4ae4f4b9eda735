/** Reads the levels and values of leaves one after the other, from which lists, structs and maps are put together. */
import type { Raw } from "./encodings.ts"

/** A leaf's levels and values in one row group, and how far they have been read. */
export interface LevelCursor {
  readonly definition: Uint8Array
  readonly repetition: Uint8Array
  readonly values: ReadonlyArray<unknown> | Raw
  at: number
  valueAt: number
}

/** Reads the next value of a part of a column from the cursors of its leaves. */
export type Reader = (cursors: ReadonlyArray<LevelCursor>) => unknown

/** Null where the levels end before this node. */
export const orNull =
  (read: Reader, start: number, end: number, present: number): Reader =>
  (cursors) => {
    if (levelOf(cursors[start] as LevelCursor) >= present) return read(cursors) // a node has a leaf
    skip(cursors, start, end)
    return null
  }

/** The definition level that a cursor is at. */
export const levelOf = ({ at, definition }: LevelCursor): number => {
  if (at >= definition.length) throw new Error("its lists do not fit its rows")
  return definition[at] as number // within bounds
}

/** Moves the cursors of a node's leaves on by one place. */
export const skip = (cursors: ReadonlyArray<LevelCursor>, start: number, end: number): void => {
  for (let i = start; i < end; i++) (cursors[i] as LevelCursor).at++ // one for each leaf
}

/** The items of a list of leaves, in one loop. */
export const leafItems =
  (index: number, present: number, repetition: number, maxDefinition: number): Reader =>
  (cursors) => {
    const cursor = cursors[index] as LevelCursor // one for each leaf
    const { definition, repetition: repetitions, values } = cursor
    let { at, valueAt } = cursor
    if (levelOf(cursor) < present) {
      cursor.at++
      return []
    }
    let end = at + 1
    while (end < repetitions.length && repetitions[end] === repetition) end++
    const items = new Array<unknown>(end - at) // of its size at once: an array that grows reserves room for more
    for (let i = 0; at < end; i++, at++) items[i] = definition[at] === maxDefinition ? values[valueAt++] : null
    cursor.at = at
    cursor.valueAt = valueAt
    return items
  }
