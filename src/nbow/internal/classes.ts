/** Classes other than 0 and 1: words or numbers, numbered by their order. */
import * as CodecIssue from "../../internal/schema/codecIssue.ts"
import { compareCodePoints } from "./codePoints.ts"

/** A class: a word, or a finite number. */
export type Class = string | number

/** Whether a value can be a class. */
export const isClass = (value: unknown): value is Class => typeof value === "string" || Number.isFinite(value)

const compare = (a: Class, b: Class): number => {
  if (typeof a === "string" && typeof b === "string") return compareCodePoints(a, b)
  if (typeof a === "number" && typeof b === "number") return a - b
  return typeof a === "number" ? -1 : 1
}

/** The distinct classes of lists, in order: numbers, then words by code points. */
export const distinct = (...lists: ReadonlyArray<ArrayLike<Class>>): ReadonlyArray<Class> =>
  [...new Set(lists.flatMap((list) => Array.from(list)))].sort(compare)

/** What is wrong with a list of classes, or `undefined`. */
export const problemOf = (classes: unknown): string | undefined => {
  if (!Array.isArray(classes)) return `expected a list of at least two classes, got ${CodecIssue.valueText(classes)}`
  if (classes.length < 2) return `expected at least two classes, got ${classes.length}`
  const bad = classes.find((value) => !isClass(value))
  if (bad !== undefined) return `expected texts or finite numbers, got ${CodecIssue.valueText(bad)}`
  const again = classes.find((value, i) => classes.indexOf(value) < i)
  return again === undefined ? undefined : `${CodecIssue.valueText(again)} is there twice`
}

/** The number of each value of a list, or the first value that is no class, with a message. */
export const numbersOf = (
  values: ArrayLike<unknown>,
  classes: ReadonlyArray<Class>,
  what: string
): { readonly numbers: Int32Array } | { readonly row: number; readonly message: string } => {
  const numbers = new Int32Array(values.length)
  const numberOf = new Map<unknown, number>(classes.map((value, number) => [value, number]))
  for (let row = 0; row < values.length; row++) {
    const value = values[row]
    const number = isClass(value) ? numberOf.get(value) : undefined
    if (number === undefined) {
      const list = classes.slice(0, 10).map(CodecIssue.valueText).join(", ")
      const more = classes.length > 10 ? ", …" : ""
      return {
        row,
        message: `The ${what} of row ${row} is ${CodecIssue.valueText(value)}. The classes are ${list}${more}.`
      }
    }
    numbers[row] = number
  }
  return { numbers }
}
