/** Searches the keys and values of a JSON value in steps, so that other questions about it are answered meanwhile. */

/** A way to a part: keys and places from the root. */
export type Path = ReadonlyArray<string>

export interface Hits {
  /** The first of them, in the order of the value. */
  readonly paths: ReadonlyArray<Path>
  readonly total: number
}

/** So many hits can be gone to. */
export const hitsLimit = 1000
/** So many items are looked at in a step, which takes some milliseconds. */
const stepSize = 20_000

/** A list or an object on the way to the item that is looked at. */
interface Frame {
  readonly value: Readonly<Record<string, unknown>> | ReadonlyArray<unknown>
  /** Absent for a list. */
  readonly keys: ReadonlyArray<string> | undefined
  readonly length: number
  at: number
}

const frameOf = (value: object): Frame => {
  if (Array.isArray(value)) return { value, keys: undefined, length: value.length, at: -1 }
  const keys = Object.keys(value)
  return { value: value as Frame["value"], keys, length: keys.length, at: -1 } // an object of JSON
}

const keyIn = ({ at, keys }: Frame): string => (keys === undefined ? String(at) : (keys[at] ?? ""))

const itemIn = ({ at, keys, value }: Frame): unknown =>
  keys === undefined
    ? (value as ReadonlyArray<unknown>)[at] // without keys it is a list
    : (value as Readonly<Record<string, unknown>>)[keys[at] ?? ""]

/** Whether a number or a word (`true`, `null`) can contain a text. */
const canBeInNumber = (text: string): boolean => /^[-+.\de]+$/i.test(text) || /^[a-z]+$/i.test(text)

/**
 * Finds a text, in whatever case, in the keys of objects and in the values; the place of an item in a list is no key. It
 * yields after each step, and returns what it found.
 */
export function* searchJson(root: unknown, text: string): Generator<void, Hits, void> {
  const pattern = new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "iu")
  const inNumbers = canBeInNumber(text)
  const paths: Array<Path> = []
  let total = 0
  let looked = 0
  const isIn = (value: unknown): boolean =>
    typeof value === "string"
      ? pattern.test(value)
      : inNumbers && (typeof value !== "object" || value === null) && pattern.test(String(value))
  // A stack of its own: a value may be nested deeper than the engine's stack.
  const stack: Array<Frame> = []
  if (typeof root === "object" && root !== null) stack.push(frameOf(root))
  else if (isIn(root)) return { paths: [[]], total: 1 }
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    if (++frame.at >= frame.length) {
      stack.pop()
      continue
    }
    if (++looked % stepSize === 0) yield
    const item = itemIn(frame)
    if ((frame.keys !== undefined && pattern.test(keyIn(frame))) || isIn(item)) {
      total++
      if (paths.length < hitsLimit) paths.push(stack.map(keyIn))
    }
    if (typeof item === "object" && item !== null) stack.push(frameOf(item))
  }
  return { paths, total }
}
