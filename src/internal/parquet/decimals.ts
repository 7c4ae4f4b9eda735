/** Decimals of a leaf: exact as texts and bigints, and as the nearest double. */
import { type Convert, each, type Target, ValueError } from "./convert.ts"
import type { Raw } from "./encodings.ts"
import { narrowed, safeNumbers } from "./integers.ts"
import type { Leaf } from "./leaf.ts"

export const decimals = (leaf: Leaf & { readonly kind: "decimal" }, target: Target): Convert | undefined => {
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
