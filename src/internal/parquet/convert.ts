/** What a leaf can be read as, and the error of a value that can't. */
import type { Raw } from "./encodings.ts"

/** What a leaf is read as. `natural` is what a column of no declared type gets, `plain` is the same in the terms of JSON. */
export type Target =
  | "text"
  | "int"
  | "number"
  | "boolean"
  | "bigint"
  | "date"
  | "bytes"
  | "json"
  | "float32"
  | "float64"
  | "int32"
  | "int64"
  | "plain"

/** A value that can't be had as asked for. `index` counts the values that are there, from 0. */
export class ValueError extends Error {
  readonly reason: "invalid" | "outOfRange"
  readonly index: number
  constructor(reason: ValueError["reason"], index: number, message: string) {
    super(message)
    this.reason = reason
    this.index = index
  }
}

/** Converts the values of a page or of a dictionary. Throws `ValueError`. */
export type Convert = (raw: Raw) => Raw

export const same: Convert = (raw) => raw

export const each = <A>(raw: Raw, f: (value: A, index: number) => unknown): Array<unknown> => {
  const values = new Array<unknown>(raw.length)
  for (let i = 0; i < raw.length; i++) values[i] = f(raw[i] as A, i) // within bounds
  return values
}
