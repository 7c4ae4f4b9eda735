/**
 * The least and the greatest value of a column chunk, as its row group's statistics name them. Readers skip row
 * groups by them, so they must hold for every value: a chunk with a NaN has none.
 */
import type { Statistics } from "hyparquet"
import type { Physical } from "./columnCodec.ts"
import type { Kind } from "./columnType.ts"

type Bound = NonNullable<Statistics["min_value"]>

/** What a row group says of a column. */
export interface ChunkStatistics {
  readonly null_count?: bigint | undefined
  readonly min_value?: Bound | undefined
  readonly max_value?: Bound | undefined
}

/**
 * Texts in the order of their UTF-8 bytes, which is that of their code points; other values in their own.
 *
 * @returns Whether `a` comes before `b`.
 */
export const isBefore = (a: unknown, b: unknown): boolean =>
  typeof a === "string" && typeof b === "string" ? isTextBefore(a, b) : (a as number) < (b as number) // values of one kind

const isTextBefore = (a: string, b: string): boolean => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left === right) continue
    // Surrogates stand for code points beyond all others.
    const isLeftPair = left >= 0xd800 && left <= 0xdfff
    const isRightPair = right >= 0xd800 && right <= 0xdfff
    return isLeftPair === isRightPair ? left < right : isRightPair
  }
  return a.length < b.length
}

/** The bounds of values as the file holds them; none for kinds without an order, and where there is no value or a NaN. */
export const boundsOf = (
  kind: Kind,
  values: Physical
): { readonly min_value: Bound; readonly max_value: Bound } | undefined => {
  if (kind === "bytes" || kind === "json" || kind === "boolean" || values.length === 0) return undefined
  let min = values[0] as Bound // there is one, of a kind with an order
  let max = min
  if (kind === "text") {
    for (let i = 1; i < values.length; i++) {
      const value = values[i] as string // a text column's
      if (value === min || value === max) continue
      if (isTextBefore(value, min as string)) min = value
      else if (isTextBefore(max as string, value)) max = value
    }
  } else {
    for (const value of values as Iterable<number>) {
      if (Number.isNaN(value)) return undefined
      if (value < (min as number)) min = value
      else if (value > (max as number)) max = value
    }
  }
  // The format does not tell the zeros apart, so the bounds include both.
  if (min === 0) min = isFloat(kind) ? -0 : 0
  if (max === 0) max = 0
  return { min_value: min, max_value: max }
}

const isFloat = (kind: Kind): boolean => kind === "number" || kind === "float32" || kind === "float64"
