/** Integers of a leaf, signed or not, as the numbers, bigints or typed arrays that a column asks for. */
import { type Convert, each, type Target, ValueError } from "./convert.ts"
import type { Raw } from "./encodings.ts"
import type { Leaf } from "./leaf.ts"

export const integers = (leaf: Leaf & { readonly kind: "integer" }, target: Target): Convert | undefined => {
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

export const safeNumbers = (raw: Raw): Raw => {
  if (raw instanceof Int32Array || raw.length === 0 || typeof raw[0] === "number") return raw
  if (raw instanceof BigInt64Array) return narrowed(raw) ?? numbersOfHalves(raw)
  return each(raw, (value: bigint, i) => {
    const number = Number(value)
    if (!Number.isSafeInteger(number)) throw tooBig(value, i)
    return number
  })
}

/** As 32-bit integers, where all are. */
export const narrowed = (raw: BigInt64Array): Int32Array | undefined => {
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
