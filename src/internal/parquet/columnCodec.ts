import * as CodecIssue from "../schema/codecIssue.ts"
import { type ColumnType, isNumbers, type NumberArrays, numberArrays } from "./columnType.ts"

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
