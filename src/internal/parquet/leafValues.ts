/**
 * The values of a leaf, from what the file holds to what a table's column asks for. Each conversion is exact or fails:
 * a value that the target can't hold is an error that says which value it is, never a neighbour of it.
 */
import type { Raw } from "./encodings.ts"
import type { Leaf, TimeUnit } from "./leaf.ts"

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

/** How a leaf's values are read as the target's; nothing where they can't be. */
export const conversion = (leaf: Leaf, target: Target): Convert | undefined => {
  switch (leaf.kind) {
    case "text":
      return target === "text" || target === "plain"
        ? texts
        : target === "json"
          ? jsons
          : target === "bytes"
            ? same
            : undefined
    case "json":
      return target === "text"
        ? texts
        : target === "json" || target === "plain"
          ? jsons
          : target === "bytes"
            ? same
            : undefined
    case "boolean":
      return target === "boolean" || target === "plain" ? same : undefined
    case "integer":
      return integers(leaf, target)
    case "float16":
    case "float":
    case "double":
      return floats(leaf.kind, target)
    case "decimal":
      return decimals(leaf, target)
    case "date":
      return dates(target)
    case "timestamp":
      return timestamps(leaf.unit, leaf.isUtc, target)
    case "int96": {
      const convert = timestamps("NANOS", true, target)
      return convert === undefined ? undefined : (raw) => convert(each(raw, nanosOfInt96))
    }
    case "time":
      return times(leaf.unit, target)
    case "uuid":
      return target === "text" || target === "plain"
        ? (raw) => each(raw, uuidText)
        : target === "bytes"
          ? same
          : undefined
    case "interval":
      return target === "text" || target === "plain"
        ? (raw) => each(raw, intervalText)
        : target === "bytes"
          ? same
          : undefined
    case "bytes":
      return target === "bytes"
        ? same
        : target === "text" && leaf.isText
          ? texts
          : target === "plain"
            ? (raw) => each(raw, (bytes: Uint8Array) => Buffer.from(bytes).toString("base64"))
            : undefined
    case "null":
      return same // no value is ever there
  }
}

const same: Convert = (raw) => raw

const each = <A>(raw: Raw, f: (value: A, index: number) => unknown): Array<unknown> => {
  const values = new Array<unknown>(raw.length)
  for (let i = 0; i < raw.length; i++) values[i] = f(raw[i] as A, i) // within bounds
  return values
}

// Texts

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Buffer's decoder is twice as fast; it puts U+FFFD in place of what is not UTF-8, so texts with one are looked at again. */
export const textOf = (bytes: Uint8Array, index: number): string => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
  return text.includes("\uFFFD") ? strictText(bytes, index) : text
}

const strictText = (bytes: Uint8Array, index: number): string => {
  try {
    return strict.decode(bytes)
  } catch {
    throw new ValueError(
      "invalid",
      index,
      "the text is not valid UTF-8; declare the column Uint8Array to read its bytes"
    )
  }
}

const texts: Convert = (raw) => each(raw, textOf)

const jsons: Convert = (raw) =>
  each(raw, (bytes: Uint8Array, index) => {
    const text = textOf(bytes, index)
    try {
      return JSON.parse(text) as unknown
    } catch {
      throw new ValueError("invalid", index, `${shortened(text)} is no JSON`)
    }
  })

const shortened = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 39)}…` : text)

// Integers

const integers = (leaf: Leaf & { readonly kind: "integer" }, target: Target): Convert | undefined => {
  switch (target) {
    case "int":
    case "number":
      return (raw) => safeNumbers(unsigned(raw, leaf))
    case "int32":
      return leaf.bits > 32 ? undefined : leaf.isSigned || leaf.bits < 32 ? (raw) => small(raw, leaf) : toInt32
    case "int64":
      return (raw) => toInt64(unsigned(raw, leaf))
    case "bigint":
      return (raw) => each(unsigned(raw, leaf), BigInt)
    case "plain":
      return (raw) => each(unsigned(raw, leaf), plainInteger)
    default:
      return undefined
  }
}

/** A 64-bit integer in JSON: a number where a number holds it, else its digits. */
const plainInteger = (value: number | bigint): number | string =>
  Number.isSafeInteger(Number(value)) ? Number(value) : String(value)

/** Narrow integers are stored in 32 bits, of which a careless writer sets more than it should. */
const small = (raw: Raw, { bits, isSigned }: { readonly bits: number; readonly isSigned: boolean }): Raw => {
  if (bits >= 32 || !(raw instanceof Int32Array)) return raw
  const shift = 32 - bits
  return raw.map(isSigned ? (value) => (value << shift) >> shift : (value) => value & (2 ** bits - 1))
}

const unsigned = (raw: Raw, leaf: { readonly bits: number; readonly isSigned: boolean }): Raw => {
  if (leaf.bits < 32) return small(raw, leaf)
  if (leaf.isSigned) return raw
  if (raw instanceof Int32Array) return Array.from(raw, (value) => value >>> 0)
  return each(raw, (value: bigint) => BigInt.asUintN(64, value))
}

const toInt32: Convert = (raw) => {
  if (raw instanceof Int32Array) {
    const over = raw.findIndex((value) => value < 0)
    if (over >= 0) {
      throw new ValueError(
        "outOfRange",
        over,
        `${(raw[over] as number) >>> 0} does not fit 32 bits with a sign; declare the column Int`
      )
    }
  }
  return raw
}

const toInt64 = (raw: Raw): Raw => {
  if (raw instanceof BigInt64Array) return raw
  const values = new BigInt64Array(raw.length)
  for (let i = 0; i < raw.length; i++) {
    const value = BigInt(raw[i] as number | bigint) // integers
    if (value >= 1n << 63n) {
      throw new ValueError("outOfRange", i, `${value} does not fit 64 bits with a sign; declare the column BigInt`)
    }
    values[i] = value
  }
  return values
}

const tooBig = (value: bigint, index: number) =>
  new ValueError("outOfRange", index, `${value} is more than a number holds exactly; declare the column BigInt`)

const safeNumbers = (raw: Raw): Raw => {
  if (raw instanceof Int32Array || raw.length === 0 || typeof raw[0] === "number") return raw
  if (raw instanceof BigInt64Array) return narrowed(raw) ?? numbersOfHalves(raw)
  return each(raw, (value: bigint, i) => {
    const number = Number(value)
    if (!Number.isSafeInteger(number)) throw tooBig(value, i)
    return number
  })
}

/** As 32-bit integers, where all are. */
const narrowed = (raw: BigInt64Array): Int32Array | undefined => {
  const halves = new Int32Array(raw.buffer, raw.byteOffset, raw.length * 2)
  const values = new Int32Array(raw.length)
  for (let i = 0; i < values.length; i++) {
    const low = halves[2 * i] as number // both within bounds
    if (halves[2 * i + 1] !== low >> 31) return undefined
    values[i] = low
  }
  return values
}

/** By halves: a bigint for each would cost more than all the rest of reading. */
const numbersOfHalves = (raw: BigInt64Array): Array<number> => {
  const halves = new Int32Array(raw.buffer, raw.byteOffset, raw.length * 2)
  const values = new Array<number>(raw.length)
  for (let i = 0; i < raw.length; i++) {
    const low = halves[2 * i] as number // both within bounds
    const high = halves[2 * i + 1] as number
    const value = high === low >> 31 ? low : high * 0x1_0000_0000 + (low >>> 0) // 32 bits stay a small integer
    if (!Number.isSafeInteger(value)) throw tooBig(raw[i] as bigint, i)
    values[i] = value
  }
  return values
}

// Numbers

const floats = (kind: "float16" | "float" | "double", target: Target): Convert | undefined => {
  const wide: Convert = kind === "float16" ? (raw) => Float32Array.from(raw as ReadonlyArray<Uint8Array>, half) : same
  switch (target) {
    case "number":
    case "float64":
      return wide
    case "float32":
      return kind === "double" ? undefined : wide
    case "plain":
      return (raw) => each(wide(raw), (value: number) => (Number.isFinite(value) ? value : String(value)))
    default:
      return undefined
  }
}

/** IEEE 754's half precision, little-endian. */
const half = (bytes: Uint8Array): number => {
  const bits = ((bytes[1] as number) << 8) | (bytes[0] as number) // two bytes
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

// Decimals

const decimals = (leaf: Leaf & { readonly kind: "decimal" }, target: Target): Convert | undefined => {
  const { scale } = leaf
  if (!Number.isInteger(scale) || Math.abs(scale) > maxScale) return undefined
  switch (target) {
    case "text":
    case "plain":
      return (raw) => each(raw, (value) => decimalText(unscaledOf(value), scale))
    case "bigint":
      return (raw) => each(raw, unscaledOf)
    case "number":
    case "float64":
      return (raw) => decimalNumbers(raw, scale)
    case "int":
      return scale === 0 ? (raw) => safeNumbers(each(raw, unscaledOf) as ReadonlyArray<any>) : undefined
    default:
      return undefined
  }
}

const maxScale = 1000

/** The integer that is to be divided by a power of ten: INT32, INT64, or big-endian bytes of two's complement. */
const unscaledOf = (value: unknown): bigint => {
  if (!(value instanceof Uint8Array)) return BigInt(value as number | bigint)
  if (value.length === 0) return 0n
  return BigInt.asIntN(
    value.length * 8,
    BigInt(`0x${Buffer.from(value.buffer, value.byteOffset, value.length).toString("hex")}`)
  )
}

/** `-12.340`: all digits of the scale. */
export const decimalText = (unscaled: bigint, scale: number): string => {
  if (scale <= 0) return String(unscaled * 10n ** BigInt(-scale))
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, "0")
  return `${unscaled < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

const decimalNumbers = (raw: Raw, scale: number): Raw => {
  if (raw instanceof Int32Array && scale >= 0 && scale <= 22) {
    const divisor = 10 ** scale // exact, as is each integer, so the quotient is the nearest double
    return Float64Array.from(raw, (value) => value / divisor)
  }
  if (raw instanceof BigInt64Array && scale >= 0 && scale <= 22) {
    const small = narrowed(raw)
    if (small !== undefined) return decimalNumbers(small, scale)
  }
  return each(raw, (value, i) => decimalNumber(unscaledOf(value), scale, i))
}

/** The nearest double, where it stands for this decimal and no other of the same scale. */
const decimalNumber = (unscaled: bigint, scale: number, index: number): number => {
  const small = Number(unscaled)
  // Both are exact, so the quotient is rounded once, and 15 digits survive that.
  if (Math.abs(small) < 1e15 && scale >= 0 && scale <= 22) return small / 10 ** scale
  const text = decimalText(unscaled, scale)
  const number = Number(text)
  if (unscaledOfNumber(number, scale) !== unscaled) {
    throw new ValueError(
      "outOfRange",
      index,
      `${text} is more than a number holds exactly; declare the column String, BigDecimal or BigInt`
    )
  }
  return number
}

/** The decimal of this scale that is nearest to a number, by the number's shortest digits. */
const unscaledOfNumber = (number: number, scale: number): bigint | undefined => {
  if (!Number.isFinite(number)) return undefined
  const [mantissa = "", exponent = "0"] = number.toExponential().split("e")
  const [whole = "", fraction = ""] = mantissa.split(".")
  const shift = Number(exponent) - fraction.length + scale
  const digits = BigInt(whole + fraction)
  if (shift >= 0) return digits * 10n ** BigInt(shift)
  const divisor = 10n ** BigInt(-shift)
  return digits % divisor === 0n ? digits / divisor : undefined
}

// Dates and times

const dayMs = 86_400_000
const maxTimeMs = 8.64e15

const dates = (target: Target): Convert | undefined => {
  const moment = (days: number, index: number): number => {
    const ms = days * dayMs
    if (Math.abs(ms) > maxTimeMs) {
      throw new ValueError(
        "outOfRange",
        index,
        `day ${days} since 1970 is beyond what a Date holds (some writers put infinity there); declare the column BigInt to read the count`
      )
    }
    return ms
  }
  switch (target) {
    case "date":
      return (raw) => each(raw, (days: number, i) => new Date(moment(days, i)))
    case "text":
    case "plain":
      return (raw) => each(raw, (days: number, i) => new Date(moment(days, i)).toISOString().slice(0, -14))
    case "bigint":
      return (raw) => each(raw, BigInt)
    default:
      return undefined
  }
}

const perSecond: { readonly [U in TimeUnit]: bigint } = { MILLIS: 1000n, MICROS: 1_000_000n, NANOS: 1_000_000_000n }
const perMs: { readonly [U in TimeUnit]: bigint } = { MILLIS: 1n, MICROS: 1000n, NANOS: 1_000_000n }
const digits: { readonly [U in TimeUnit]: number } = { MILLIS: 3, MICROS: 6, NANOS: 9 }

const floorDivide = (a: bigint, b: bigint): bigint => (a >= 0n || a % b === 0n ? a / b : a / b - 1n)

const timestamps = (unit: TimeUnit, isUtc: boolean, target: Target): Convert | undefined => {
  const moment = (value: bigint, index: number): Date => {
    const ms = Number(floorDivide(value, perMs[unit]))
    if (Math.abs(ms) > maxTimeMs) {
      throw new ValueError(
        "outOfRange",
        index,
        `the timestamp ${value} is beyond what a Date holds (some writers put infinity there); declare the column BigInt to read the count`
      )
    }
    return new Date(ms)
  }
  switch (target) {
    case "date":
      return (raw) => each(raw, (value: bigint, i) => moment(value, i))
    case "text":
    case "plain":
      return (raw) =>
        each(raw, (value: bigint, i) => {
          const seconds = moment(value, i).toISOString().slice(0, -5)
          const rest = value - floorDivide(value, perSecond[unit]) * perSecond[unit]
          return `${seconds}.${String(rest).padStart(digits[unit], "0")}${isUtc ? "Z" : ""}`
        })
    case "bigint":
      return (raw) => (raw instanceof BigInt64Array ? Array.from(raw) : raw)
    case "int64":
      return (raw) => (raw instanceof BigInt64Array ? raw : BigInt64Array.from(raw as ReadonlyArray<bigint>))
    default:
      return undefined
  }
}

/** Julian day 2440588 is the first of January 1970. */
const nanosOfInt96 = (value: bigint): bigint =>
  ((value >> 64n) - 2_440_588n) * 86_400_000_000_000n + BigInt.asUintN(64, value)

const times = (unit: TimeUnit, target: Target): Convert | undefined => {
  switch (target) {
    case "text":
    case "plain":
      return (raw) => each(raw, (value: number | bigint) => timeText(BigInt(value), unit))
    case "bigint":
      return (raw) => each(raw, BigInt)
    case "int64":
      return (raw) => BigInt64Array.from(raw as ReadonlyArray<number>, BigInt)
    default:
      return undefined
  }
}

/** `23:59:59.999999`, with the digits of the unit. */
const timeText = (value: bigint, unit: TimeUnit): string => {
  const total = value / perSecond[unit]
  const two = (part: bigint) => String(part).padStart(2, "0")
  const rest = String(value % perSecond[unit]).padStart(digits[unit], "0")
  return `${two(total / 3600n)}:${two((total / 60n) % 60n)}:${two(total % 60n)}.${rest}`
}

/** ISO 8601's duration of three little-endian counts: months, days and milliseconds. `P14M3DT4.500S` */
const intervalText = (bytes: Uint8Array): string => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const ms = view.getUint32(8, true)
  const seconds = `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, "0")}`
  return `P${view.getUint32(0, true)}M${view.getUint32(4, true)}DT${seconds}S`
}

const uuidText = (bytes: Uint8Array): string => {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
