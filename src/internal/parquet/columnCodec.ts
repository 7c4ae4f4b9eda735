/**
 * Whole columns, checked and converted in one loop each: from a table's values to what the Parquet file holds, and from
 * the values of a page to a table's. A column that fails says in which row, and what was expected there.
 */
import * as CanonicalJson from "../schema/canonicalJson.ts"
import * as CodecIssue from "../schema/codecIssue.ts"
import { type Difference, difference } from "../schema/difference.ts"
import { type ColumnType, isNumbers, type NumberArrays, numberArrays, type ValueCodec } from "./columnType.ts"

/** Values as Parquet's pages hold them: typed arrays of numbers, arrays of all else. */
export type Physical = ReadonlyArray<any> | NumberArrays[keyof NumberArrays] | Uint8Array | Uint32Array | BigUint64Array

/** Rows of a column: the values that there are, and a 1 for each row that has one. Without `present`, all have. */
export interface Rows {
  readonly values: Physical
  readonly present: Uint8Array | undefined
}

/** Why a column is none, and in which row. Rows count from 0 here, and from 1 in what people read. */
export class ColumnError {
  readonly reason: "null" | "invalid" | "outOfRange"
  readonly column: string
  readonly row: number | undefined
  readonly detail: string
  constructor(reason: ColumnError["reason"], column: string, row: number | undefined, detail: string) {
    this.reason = reason
    this.column = column
    this.row = row
    this.detail = detail
  }
  /** The same of a table that so many rows come before. */
  after(rows: number): ColumnError {
    return this.row === undefined ? this : new ColumnError(this.reason, this.column, this.row + rows, this.detail)
  }
  /** `row 4 of column labels: expected Int, got 1.5` */
  get message(): string {
    return `${this.row === undefined ? "" : `row ${this.row + 1} of `}column ${this.column}: ${this.detail}`
  }
}

const encoder = new TextEncoder()

/** Whether an integer fits 64 bits. */
export const isInt64 = (value: bigint): boolean => BigInt.asIntN(64, value) === value

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

/** Some rows of a column as the file holds them: INT64 for integers and dates, bytes for JSON, values as they are else. */
export const toRows = (
  type: ColumnType,
  values: ArrayLike<unknown>,
  start: number,
  end: number
): Rows | ColumnError => {
  const { allowed, codec, kind, name, optional } = type
  if (isNumbers(kind)) {
    return { values: (values as NumberArrays[keyof NumberArrays]).subarray(start, end), present: undefined } // of its kind
  }
  if (codec === undefined && allowed === undefined && !optional) {
    if (kind === "int") return intRows(type, values, start, end)
    if (kind === "number") return numberRows(type, values, start, end)
    if (kind === "text") return textRows(type, values, start, end)
  }
  const fits = accepts[kind]
  const stored = new Array<any>(end - start)
  let count = 0
  const present = new Uint8Array(end - start)
  for (let row = start; row < end; row++) {
    const given = values[row]
    let value = given
    if (codec !== undefined) {
      const encoded = codec.encode(value)
      if (encoded._tag === "Failure")
        return new ColumnError("invalid", name, row, CodecIssue.causeText(encoded.cause, value))
      value = encoded.value
    }
    if (optional && (value === null || value === undefined)) {
      const lost = codec === undefined ? given !== type.empty : changedIn(codec, type.empty, given)
      if (lost !== false) {
        return new ColumnError("invalid", name, row, lost === true ? `${value} would come back as ${type.empty}` : lost)
      }
      continue
    }
    if (!fits(value) || (allowed !== undefined && !allowed.has(value))) return unfit(type, value, row)
    if (kind === "int" && Object.is(value, -0)) return negativeZero(type, row)
    if (kind === "bigint" && !isInt64(value as bigint)) {
      return new ColumnError("outOfRange", name, row, `${value} does not fit the 64 bits of an integer column`)
    }
    if (kind === "text" && !(value as string).isWellFormed()) return illFormed(type, row)
    present[row - start] = 1
    if (codec === undefined) {
      stored[count++] = kind === "date" ? (value as Date).getTime() : kind === "json" ? jsonBytes(value) : value
      continue
    }
    const text = kind === "json" ? jsonText(value) : undefined
    if (text instanceof Error) return new ColumnError("invalid", name, row, CodecIssue.fromThrown(text, given).message)
    const lost = changedIn(codec, text === undefined ? value : JSON.parse(text), given)
    if (lost !== false) return new ColumnError("invalid", name, row, lost)
    stored[count++] = kind === "date" ? (value as Date).getTime() : text === undefined ? value : encoder.encode(text)
  }
  stored.length = count
  return { values: pack(kind, stored), present: count === end - start ? undefined : present }
}

const jsonText = (value: unknown): string | Error => {
  try {
    return CanonicalJson.stringify(value)
  } catch (cause) {
    return cause as Error // `TooDeep`
  }
}

/** How a value comes back as another one, or `false`. */
const changedIn = (codec: ValueCodec, stored: unknown, given: unknown): string | false => {
  const decoded = codec.decode(stored)
  if (decoded._tag === "Failure") return CodecIssue.causeText(decoded.cause, stored)
  const lost = difference(given, decoded.value, codec.unions())
  if (lost === undefined) return false
  if (!lost.isCertain) {
    const again = codec.encode(decoded.value)
    if (again._tag === "Success" && CanonicalJson.stringify(again.value) === CanonicalJson.stringify(stored))
      return false
  }
  return lossMessage(lost)
}

/** How a value comes back as another one. */
export const lossMessage = ({ message, path }: Difference): string => {
  const at = path.length === 0 ? "" : `at ${path.map(String).join(".")}: `
  return `${at}the value does not survive being stored: ${message}`
}

const unfit = ({ declared, name }: ColumnType, value: unknown, row: number) =>
  new ColumnError("invalid", name, row, `expected ${declared}, got ${CodecIssue.valueText(value)}`)

const negativeZero = ({ name }: ColumnType, row: number) => new ColumnError("invalid", name, row, negativeZeroMessage)

const illFormed = ({ name }: ColumnType, row: number) =>
  new ColumnError("invalid", name, row, "the text has half a surrogate pair, which UTF-8 can't hold")

/** Why an integer column can't hold -0. */
export const negativeZeroMessage =
  "-0 would come back as 0, since Parquet's integers have no -0. Add 0 to it, or declare the column Schema.Number"

/** Values as a page holds them. */
export const pack = (kind: ColumnType["kind"], values: Array<any>): Physical => {
  switch (kind) {
    case "int":
    case "date":
      return bigIntsOf(values)
    case "number":
      return Float64Array.from(values)
    case "bigint":
      return BigInt64Array.from(values)
    default:
      return values
  }
}

const jsonBytes = (value: unknown): Uint8Array => encoder.encode(CanonicalJson.stringify(value))

/** 64-bit integers of safe ones, by halves: no bigint is made for each. */
const bigIntsOf = (values: ReadonlyArray<number>): BigInt64Array => {
  const halves = new Int32Array(values.length * 2)
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number // within bounds
    halves[2 * i] = value | 0
    halves[2 * i + 1] = Math.floor(value / 0x1_0000_0000)
  }
  return new BigInt64Array(halves.buffer)
}

const intRows = (type: ColumnType, values: ArrayLike<unknown>, start: number, end: number): Rows | ColumnError => {
  const halves = new Int32Array((end - start) * 2)
  for (let row = start, at = 0; row < end; row++, at += 2) {
    const value = values[row]
    if (!Number.isSafeInteger(value)) return unfit(type, value, row)
    if (value === 0 && Object.is(value, -0)) return negativeZero(type, row)
    halves[at] = (value as number) | 0 // an integer, as was just seen
    halves[at + 1] = Math.floor((value as number) / 0x1_0000_0000)
  }
  return { values: new BigInt64Array(halves.buffer), present: undefined }
}

const numberRows = (type: ColumnType, values: ArrayLike<unknown>, start: number, end: number): Rows | ColumnError => {
  const packed = new Float64Array(end - start)
  for (let row = start; row < end; row++) {
    const value = values[row]
    if (typeof value !== "number") return unfit(type, value, row)
    packed[row - start] = value
  }
  return { values: packed, present: undefined }
}

const textRows = (type: ColumnType, values: ArrayLike<unknown>, start: number, end: number): Rows | ColumnError => {
  const texts = new Array<string>(end - start)
  for (let row = start; row < end; row++) {
    const value = values[row]
    if (typeof value !== "string") return unfit(type, value, row)
    if (!value.isWellFormed()) return illFormed(type, row)
    texts[row - start] = value
  }
  return { values: texts, present: undefined }
}

/** Where a column's values are gathered while it is read. */
export interface Gathered {
  readonly type: ColumnType
  /** Rows so far. */
  rows: number
  values: Array<unknown> | NumberArrays[keyof NumberArrays]
}

/** An array longer than this would be one that the engine takes for sparse. */
const maxPreallocated = 1 << 25

/**
 * An empty column.
 *
 * @param numRows How many rows it will have.
 * @param reserve How many rows to reserve memory for at once. What a file claims without having the bytes for it is
 * reserved as it comes.
 */
export const gather = (type: ColumnType, numRows: number, reserve = numRows): Gathered => ({
  type,
  rows: 0,
  // An array that is as long as it will be: growing would cost more than all the rest of reading.
  values: isNumbers(type.kind)
    ? new numberArrays[type.kind](reserve)
    : reserve === numRows && numRows <= maxPreallocated
      ? new Array(numRows)
      : []
})

/** A finished column, which has no more room than rows. */
export const finished = ({ rows, values }: Gathered): Gathered["values"] =>
  values.length === rows ? values : values.slice(0, rows)

/** Adds rows of a page, whose values are those of the column's kind. */
export const append = (column: Gathered, { present, values }: Rows): ColumnError | undefined => {
  const { type } = column
  if (present !== undefined && !type.optional) return missing(column, present)
  const start = column.rows
  column.rows += present === undefined ? values.length : present.length
  if (!Array.isArray(column.values)) {
    withRoom(column).set(values as never, start) // of the column's own kind
    return undefined
  }
  if (present === undefined && type.codec === undefined && type.allowed === undefined) {
    if (values instanceof Int32Array) copyIntegers(column.values, values, start)
    else if (values instanceof Float64Array) copyDoubles(column.values, values, start)
    else copyItems(column.values, values, start)
    return undefined
  }
  return appendEach(column.values, values, present, type, start)
}

// One loop for each kind of array: the engine compiles a loop that meets several kinds to slower code for all of them.

const copyIntegers = (into: Array<unknown>, values: Int32Array, start: number): void => {
  for (let i = 0; i < values.length; i++) into[start + i] = values[i]
}

const copyDoubles = (into: Array<unknown>, values: Float64Array, start: number): void => {
  for (let i = 0; i < values.length; i++) into[start + i] = values[i]
}

const copyItems = (into: Array<unknown>, values: ArrayLike<unknown>, start: number): void => {
  for (let i = 0; i < values.length; i++) into[start + i] = values[i]
}

/** A column's typed array, with room for all of its rows. */
const withRoom = (column: Gathered): NumberArrays[keyof NumberArrays] => {
  const values = column.values as NumberArrays[keyof NumberArrays] // asked only for those
  if (column.rows <= values.length) return values
  const Numbers = values.constructor as new (length: number) => typeof values
  const larger = new Numbers(Math.max(column.rows, values.length * 2))
  larger.set(values as never) // of the same kind
  column.values = larger
  return larger
}

/** The error for the first row without a value, in a column that must have one. */
export const missing = ({ rows, type }: Gathered, present: Uint8Array): ColumnError =>
  new ColumnError("null", type.name, rows + present.indexOf(0), `it is null, and ${type.declared} is required`)

/** Checks and decodes a dictionary's values, of which no row need have any. Nothing where one is at fault. */
export const ready = (type: ColumnType, values: Physical): ArrayLike<unknown> | undefined => {
  if (type.codec === undefined && type.allowed === undefined) return values
  const column: Gathered = { type, rows: 0, values: [] }
  return append(column, { values, present: undefined }) === undefined ? column.values : undefined
}

/** Adds rows whose values were checked and decoded before, by their index. */
export const appendReady = (
  column: Gathered,
  ready: ArrayLike<unknown>,
  indexes: ArrayLike<number>,
  present: Uint8Array | undefined
): ColumnError | undefined => {
  const { rows, type } = column
  if (present !== undefined && !type.optional) return missing(column, present)
  const count = present === undefined ? indexes.length : present.length
  column.rows += count
  const values = Array.isArray(column.values) ? column.values : withRoom(column)
  const empty = present === undefined ? undefined : emptyOf(type)
  let at = 0
  for (let i = 0; i < count; i++) {
    const isMissing = present !== undefined && present[i] === 0
    values[rows + i] = (isMissing ? empty : ready[indexes[at++] as number]) as never // one for each value that is there
  }
  return undefined
}

/** What stands for a missing value, as the schema has it. */
export const emptyOf = (type: ColumnType): unknown => {
  if (type.codec === undefined) return type.empty
  const decoded = type.codec.decode(type.empty)
  return decoded._tag === "Success" ? decoded.value : type.empty
}

const appendEach = (
  into: Array<unknown>,
  values: Physical,
  present: Uint8Array | undefined,
  type: ColumnType,
  start: number
): ColumnError | undefined => {
  const { allowed, codec, empty } = type
  const count = present === undefined ? values.length : present.length
  let at = 0
  for (let i = 0; i < count; i++) {
    const isMissing = present !== undefined && present[i] === 0
    let value: unknown = isMissing ? empty : values[at++]
    if (!isMissing && allowed !== undefined && !allowed.has(value)) {
      return new ColumnError(
        "invalid",
        type.name,
        start + i,
        `expected ${type.declared}, got ${CodecIssue.valueText(value)}`
      )
    }
    if (codec !== undefined) {
      const decoded = codec.decode(value)
      if (decoded._tag === "Failure") {
        return new ColumnError("invalid", type.name, start + i, CodecIssue.causeText(decoded.cause, value))
      }
      value = decoded.value
    }
    into[start + i] = value
  }
  return undefined
}
