/**
 * Summarizes numbers: minimum, maximum, mean and a histogram, in two passes and without a copy. Non-finite numbers are
 * counted and otherwise ignored.
 */
import type { Histogram } from "./shapes.ts"

/** The summary of a list of numbers. */
export interface Summary {
  readonly min: number
  readonly max: number
  readonly mean: number
  readonly nonFinite: number
  readonly histogram: Histogram
}

/** Numbers by index: an array or a typed array. */
export interface Numbers {
  readonly length: number
  readonly [index: number]: number
}

/** The summary of numbers, or `undefined` if none is finite. */
export const summarize = (numbers: Numbers, bars: number): Summary | undefined => {
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  let sum = 0
  let finite = 0
  let areIntegers = true
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i] as number // within bounds
    if (!Number.isFinite(value)) continue
    finite++
    sum += value
    if (value < min) min = value
    if (value > max) max = value
    if (areIntegers && !Number.isInteger(value)) areIntegers = false
  }
  if (finite === 0) return undefined
  // Integers of a small range get one bar each, so no bar is empty by construction.
  const count = areIntegers && max - min < bars ? max - min + 1 : bars
  const width = areIntegers && max - min < bars ? 1 : (max - min) / count
  const counts = new Array<number>(count).fill(0)
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i] as number // within bounds
    if (!Number.isFinite(value)) continue
    const bar = width === 0 ? 0 : Math.min(count - 1, Math.floor((value - min) / width))
    counts[bar] = (counts[bar] as number) + 1 // within bounds
  }
  return { min, max, mean: sum / finite, nonFinite: numbers.length - finite, histogram: { min, max, bars: counts } }
}
