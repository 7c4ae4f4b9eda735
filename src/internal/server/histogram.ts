/**
 * Looking at numbers: the least, the greatest, the mean and a histogram of a few bars, in two passes and without a copy.
 * What is not finite is counted and left out.
 */
import type { Histogram } from "./shapes.ts"

/** What was found in a list of numbers. */
export interface Look {
  readonly min: number
  readonly max: number
  readonly mean: number
  readonly nonFinite: number
  readonly histogram: Histogram
}

/** Numbers by index: an array of any kind. */
export interface Numbers {
  readonly length: number
  readonly [index: number]: number
}

/** The numbers' look, or `undefined` where none is finite. */
export const look = (numbers: Numbers, bars: number): Look | undefined => {
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  let sum = 0
  let finite = 0
  let whole = true
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i] as number // below its length
    if (!Number.isFinite(value)) continue
    finite++
    sum += value
    if (value < min) min = value
    if (value > max) max = value
    if (whole && !Number.isInteger(value)) whole = false
  }
  if (finite === 0) return undefined
  // Integers of a small range get a bar each: nothing is spread over bars that no value could fall into.
  const count = whole && max - min < bars ? max - min + 1 : bars
  const width = whole && max - min < bars ? 1 : (max - min) / count
  const counts = new Array<number>(count).fill(0)
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i] as number // below its length
    if (!Number.isFinite(value)) continue
    const bar = width === 0 ? 0 : Math.min(count - 1, Math.floor((value - min) / width))
    counts[bar] = (counts[bar] as number) + 1 // between the first and the last
  }
  return { min, max, mean: sum / finite, nonFinite: numbers.length - finite, histogram: { min, max, bars: counts } }
}
