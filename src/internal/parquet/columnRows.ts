/**
 * Whole columns while they are written, checked and converted in one loop each: from a table's values to what the Parquet
 * file holds. A value that would come back as another one is refused, with its row.
 */
import * as CanonicalJson from "../schema/canonicalJson.ts"
import * as CodecIssue from "../schema/codecIssue.ts"
import { type Difference, difference } from "../schema/difference.ts"
import { ColumnError, type Physical, type Rows } from "./columnCodec.ts"
import { type ColumnType, isNumbers, type NumberArrays, type ValueCodec } from "./columnType.ts"

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
  if (codec === undefined && !optional && kind === "int") return intRows(type, values, start, end)
  if (codec === undefined && allowed === undefined && !optional) {
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
  const { allowed } = type
  const halves = new Int32Array((end - start) * 2)
  for (let row = start, at = 0; row < end; row++, at += 2) {
    const value = values[row]
    if (!Number.isSafeInteger(value) || (allowed !== undefined && !allowed.has(value))) return unfit(type, value, row)
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
