/**
 * Whole columns, checked and converted in one loop each: from a table's values to what the Parquet file holds, and from
 * the values of a page to a table's. A column that fails says in which row, and what was expected there.
 */
import * as CanonicalJson from "./canonicalJson.ts"
import * as CodecIssue from "./codecIssue.ts"
import { type ColumnType, isNumbers, type NumberArrays, numberArrays } from "./columnType.ts"

/** Values as Parquet's pages hold them. */
export type Physical = ReadonlyArray<any> | NumberArrays[keyof NumberArrays] | Uint8Array | Uint32Array | BigUint64Array

/** Why a column is none, and in which row. Rows count from 0 here, and from 1 in what people read. */
export class Flaw {
  readonly reason: "null" | "invalid" | "outOfRange"
  readonly column: string
  readonly row: number | undefined
  readonly detail: string
  constructor(reason: Flaw["reason"], column: string, row: number | undefined, detail: string) {
    this.reason = reason
    this.column = column
    this.row = row
    this.detail = detail
  }
  /** `row 4 of column labels: expected Int, got 1.5` */
  get message(): string {
    return `${this.row === undefined ? "" : `row ${this.row + 1} of `}column ${this.column}: ${this.detail}`
  }
}

const encoder = new TextEncoder()

const isInt64 = (value: bigint): boolean => BigInt.asIntN(64, value) === value

/** What each kind takes as a value. */
const accepts: { readonly [K in ColumnType["kind"]]: (value: any) => boolean } = {
  text: (value) => typeof value === "string",
  int: Number.isSafeInteger,
  number: (value) => typeof value === "number",
  boolean: (value) => typeof value === "boolean",
  bigint: (value) => typeof value === "bigint",
  date: (value) => value instanceof Date && !Number.isNaN(value.getTime()),
  bytes: (value) => value instanceof Uint8Array,
  json: () => true,
  float32: (value) => typeof value === "number",
  float64: (value) => typeof value === "number",
  int32: (value) => Number.isInteger(value),
  int64: (value) => typeof value === "bigint"
}

/**
 * A slice of a column as the file holds it: `bigint` for INT64, a typed array where no value is missing, bytes for JSON,
 * `null` for what is missing.
 */
export const toPhysical = (
  type: ColumnType,
  values: ArrayLike<unknown>,
  start: number,
  end: number
): Physical | Flaw => {
  if (isNumbers(type.kind)) return (values as NumberArrays[keyof NumberArrays]).subarray(start, end) // see `shapeOf`
  const { allowed, codec, kind, name, optional } = type
  const fits = accepts[kind]
  const count = end - start
  const stored = new Array<unknown>(count)
  let missing = 0
  for (let i = 0; i < count; i++) {
    let value = values[start + i]
    if (codec !== undefined) {
      const encoded = codec.encode(value)
      if (encoded._tag === "Failure")
        return new Flaw("invalid", name, start + i, CodecIssue.causeText(encoded.cause, value))
      value = encoded.value
    }
    if (optional && (value === null || value === undefined)) {
      stored[i] = null
      missing++
      continue
    }
    if (!fits(value) || (allowed !== undefined && !allowed.has(value))) {
      return new Flaw("invalid", name, start + i, `expected ${type.declared}, got ${CodecIssue.valueText(value)}`)
    }
    if (kind === "bigint" && !isInt64(value as bigint)) {
      return new Flaw("outOfRange", name, start + i, `${value} does not fit the 64 bits of an integer column`)
    }
    if (kind === "text" && !(value as string).isWellFormed()) {
      return new Flaw("invalid", name, start + i, "the text has half a surrogate pair, which UTF-8 can't hold")
    }
    stored[i] = kind === "date" ? (value as Date).getTime() : kind === "json" ? jsonBytes(value) : value
  }
  if (kind === "int" || kind === "date")
    return missing === 0 ? bigIntsOf(stored as Array<number>) : stored.map(toBigInt)
  if (kind === "bigint" && missing === 0) return BigInt64Array.from(stored as Array<bigint>)
  if (kind === "number" && missing === 0) return Float64Array.from(stored as Array<number>)
  return stored
}

const toBigInt = (value: unknown) => (value === null ? null : BigInt(value as number)) // an integer, as checked

const jsonBytes = (value: unknown): Uint8Array => encoder.encode(CanonicalJson.stringify(value))

/** 64-bit integers of safe ones, by halves: no bigint is made for each. */
const bigIntsOf = (values: ReadonlyArray<number>): BigInt64Array => {
  const halves = new Int32Array(values.length * 2)
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number // within its length
    halves[2 * i] = value | 0
    halves[2 * i + 1] = Math.floor(value / 0x1_0000_0000)
  }
  return new BigInt64Array(halves.buffer)
}

/** Where a column's values are gathered while it is read. */
export interface Gathered {
  readonly type: ColumnType
  /** Rows so far. */
  rows: number
  readonly values: Array<unknown> | NumberArrays[keyof NumberArrays]
}

/** An empty column of a table that will have so many rows. */
export const gather = (type: ColumnType, numRows: number): Gathered => ({
  type,
  rows: 0,
  values: isNumbers(type.kind) ? new numberArrays[type.kind](numRows) : []
})

/**
 * Adds the values of a page. `present` has a 1 for each row that has a value, and is left out where all have; `values`
 * are those that there are.
 */
export const append = (column: Gathered, values: Physical, present: Uint8Array | undefined): Flaw | undefined => {
  const { type } = column
  if (present !== undefined && !type.optional) {
    return new Flaw("null", type.name, column.rows + present.indexOf(0), `it is null, and ${type.declared} is required`)
  }
  const start = column.rows
  column.rows += present === undefined ? values.length : present.length
  if (!Array.isArray(column.values)) return appendNumbers(column, column.values, values, start)
  if (present === undefined && type.codec === undefined && type.allowed === undefined) {
    if (type.kind === "int" && values instanceof BigInt64Array) return appendInt64(column.values, values, type, start)
    if (type.kind === "text" || type.kind === "boolean" || type.kind === "date" || type.kind === "bytes") {
      for (let i = 0; i < values.length; i++) column.values.push(values[i])
      return undefined
    }
  }
  return appendEach(column.values, values, present, type, start)
}

/** Adds rows whose values were converted and checked before, by their index. */
export const appendReady = (
  column: Gathered,
  ready: Gathered["values"],
  indexes: ArrayLike<number>,
  present: Uint8Array | undefined
): Flaw | undefined => {
  const { rows, type, values } = column
  if (present !== undefined && !type.optional) return append(column, [], present) // which says where
  const count = present === undefined ? indexes.length : present.length
  column.rows += count
  let at = 0
  for (let i = 0; i < count; i++) {
    const isMissing = present !== undefined && present[i] === 0
    const index = isMissing ? 0 : (indexes[at++] as number) // one for each value that is there
    if (!isMissing && index >= ready.length) throw new Error("an index is beyond its dictionary")
    if (Array.isArray(values)) values.push(isMissing ? missingOf(type) : ready[index])
    else values[rows + i] = ready[index] as never // arrays of one kind
  }
  return undefined
}

/** What stands for a missing value, as the schema has it. */
const missingOf = (type: ColumnType): unknown => {
  if (type.codec === undefined) return type.empty
  const decoded = type.codec.decode(type.empty)
  return decoded._tag === "Success" ? decoded.value : type.empty
}

const appendNumbers = (column: Gathered, into: NumberArrays[keyof NumberArrays], values: Physical, start: number) => {
  if (column.rows > into.length) return undefined // the reader compares the rows with the file's own count
  if (into instanceof BigInt64Array)
    into.set(values instanceof BigInt64Array ? values : Array.from(values, BigInt), start)
  else into.set(values as ArrayLike<number>, start) // the file's type was looked at
  return undefined
}

/** By halves: a bigint for each would cost more than all the rest of reading. */
const appendInt64 = (
  into: Array<unknown>,
  values: BigInt64Array,
  type: ColumnType,
  start: number
): Flaw | undefined => {
  const halves = new Int32Array(values.buffer, values.byteOffset, values.length * 2)
  for (let i = 0; i < values.length; i++) {
    const high = halves[2 * i + 1] as number // both within its length
    const value = high * 0x1_0000_0000 + ((halves[2 * i] as number) >>> 0)
    if (!Number.isSafeInteger(value)) return tooBig(values[i] as bigint, type, start + i)
    into.push(value)
  }
  return undefined
}

const tooBig = (value: bigint, type: ColumnType, row: number) =>
  new Flaw("outOfRange", type.name, row, `${value} is more than a number holds exactly; declare the column BigInt`)

const appendEach = (
  into: Array<unknown>,
  values: Physical,
  present: Uint8Array | undefined,
  type: ColumnType,
  start: number
): Flaw | undefined => {
  const { allowed, codec, empty, kind } = type
  const count = present === undefined ? values.length : present.length
  let at = 0
  for (let i = 0; i < count; i++) {
    const isMissing = present !== undefined && present[i] === 0
    let value: unknown = isMissing ? empty : values[at++]
    if (!isMissing) {
      if (kind === "bigint")
        value = BigInt(value as number | bigint) // an integer column of the file
      else if ((kind === "int" || kind === "number") && typeof value === "bigint") {
        const number = Number(value)
        if (!Number.isSafeInteger(number)) return tooBig(value, type, start + i)
        value = number
      } else if (kind === "json" && typeof value === "string") {
        const parsed = parseJson(value)
        if (parsed === undefined)
          return new Flaw("invalid", type.name, start + i, `${CodecIssue.valueText(value)} is no JSON`)
        value = parsed.value
      }
      if (allowed !== undefined && !allowed.has(value)) {
        return new Flaw(
          "invalid",
          type.name,
          start + i,
          `expected ${type.declared}, got ${CodecIssue.valueText(value)}`
        )
      }
    }
    if (codec !== undefined) {
      const decoded = codec.decode(value)
      if (decoded._tag === "Failure") {
        return new Flaw("invalid", type.name, start + i, CodecIssue.causeText(decoded.cause, value))
      }
      value = decoded.value
    }
    into.push(value)
  }
  return undefined
}

const parseJson = (text: string): { readonly value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}
