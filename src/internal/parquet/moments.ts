/** Dates, timestamps and times of day of a leaf. */
import { type Convert, each, type Target, ValueError } from "./convert.ts"
import type { TimeUnit } from "./leaf.ts"

const dayMs = 86_400_000
const maxTimeMs = 8.64e15

export const dates = (target: Target): Convert | undefined => {
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

export const timestamps = (unit: TimeUnit, isUtc: boolean, target: Target): Convert | undefined => {
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
export const nanosOfInt96 = (value: bigint): bigint =>
  ((value >> 64n) - 2_440_588n) * 86_400_000_000_000n + BigInt.asUintN(64, value)

export const times = (unit: TimeUnit, target: Target): Convert | undefined => {
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
export const intervalText = (bytes: Uint8Array): string => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const ms = view.getUint32(8, true)
  const seconds = `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, "0")}`
  return `P${view.getUint32(0, true)}M${view.getUint32(4, true)}DT${seconds}S`
}
