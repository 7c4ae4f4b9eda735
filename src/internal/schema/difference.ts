/**
 * Checks that a decoded value equals the value that was encoded. Properties that the decoded value lacks are ignored,
 * because schemas drop undeclared properties. Everything it has must equal the original: dates by time, bytes by
 * content, numbers by `Object.is`, maps and sets in any order.
 */
import * as Chunk from "effect/Chunk"
import * as Equal from "effect/Equal"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as CodecIssue from "./codecIssue.ts"
import type { Unions } from "./unions.ts"

/** Where two values differ. */
export interface Difference {
  readonly path: ReadonlyArray<PropertyKey>
  readonly message: string
  /** `false` where the two can't be compared by their parts: an instance that hides its state. */
  readonly isCertain: boolean
}

/** Matching items in another order takes quadratic time. Beyond this many, only their number is compared. */
const maxUnordered = 2000

/**
 * The first difference between a value and what its encoding decodes to.
 *
 * @param unions The unions of the schema, whose members may be taken for one another; `undefined` where it has none.
 */
export const difference = (given: unknown, decoded: unknown, unions: Unions | undefined): Difference | undefined => {
  let uncertain: Difference | undefined
  /** The given objects around the one that is compared, which may be members of a union. */
  const above: Array<object> = []

  // Paths are assembled while returning, so comparing equal values builds none.
  const differs = (a: unknown, b: unknown): Difference => ({
    path: [],
    message: `${CodecIssue.valueText(a)} would come back as ${CodecIssue.valueText(b)}`,
    isCertain: true
  })
  const incomparable = (a: unknown, b: unknown): undefined => {
    uncertain ??= { ...differs(a, b), isCertain: false }
  }

  const compare = (a: unknown, b: unknown): Difference | undefined => {
    if (Object.is(a, b)) return undefined
    if (typeof b !== "object" || b === null || typeof a !== "object" || a === null) return differs(a, b)
    if (unions === undefined) return compareObjects(a, b)
    above.push(a)
    const inner = compareObjects(a, b)
    above.pop()
    return inner
  }

  const compareObjects = (a: object, b: object): Difference | undefined => {
    if (Array.isArray(b)) return Array.isArray(a) ? compareItems(a, b, a, b) : differs(a, b)
    const prototype = Object.getPrototypeOf(b)
    return prototype === Object.prototype || prototype === null ? comparePlain(a, b) : compareInstances(a, b)
  }

  const compareItems = (
    a: ReadonlyArray<unknown>,
    b: ReadonlyArray<unknown>,
    ofA: object,
    ofB: object
  ): Difference | undefined => {
    if (a.length !== b.length) return differs(ofA, ofB)
    for (let i = 0; i < b.length; i++) {
      const inner = compare(a[i], b[i])
      if (inner !== undefined) return at(i, inner)
    }
    return undefined
  }

  const comparePlain = (a: object, b: object): Difference | undefined => {
    const prototype = Object.getPrototypeOf(a)
    if (prototype !== Object.prototype && prototype !== null) {
      // An instance of a user's class may be given for a struct. A map or a date holds more than its properties.
      if (Object.prototype.toString.call(a) !== "[object Object]") return differs(a, b)
      if (unions?.isAmbiguous(above, undefined) === true) return differs(a, b)
    }
    return compareProperties(a, b) ?? lostKey(a, b)
  }

  const compareProperties = (a: object, b: object): Difference | undefined => {
    for (const key of Object.keys(b)) {
      const inner = compare(valueAt(a, key), valueAt(b, key))
      if (inner !== undefined) return at(key, inner)
    }
    return undefined
  }

  const lostKey = (a: object, b: object): Difference | undefined => {
    if (unions === undefined) return undefined
    for (const key of Object.keys(a)) {
      if (Object.hasOwn(b, key) || valueAt(a, key) === undefined || !unions.isAmbiguous(above, key)) continue
      return {
        path: [key],
        message: "it would be lost, because the first matching member of the union has no such property",
        isCertain: true
      }
    }
    return undefined
  }

  const compareInstances = (a: object, b: object): Difference | undefined => {
    if (b instanceof Date) return a instanceof Date && Object.is(a.getTime(), b.getTime()) ? undefined : differs(a, b)
    if (ArrayBuffer.isView(b)) return ArrayBuffer.isView(a) && haveSameBytes(a, b) ? undefined : differs(a, b)
    if (b instanceof Map) return a instanceof Map ? compareMaps(a, b) : differs(a, b)
    if (b instanceof Set) return a instanceof Set ? compareSets(a, b) : differs(a, b)
    if (Equal.isEqual(b) && Equal.equals(a, b)) return undefined
    if (Option.isOption(b)) {
      if (!Option.isOption(a) || Option.isSome(a) !== Option.isSome(b)) return differs(a, b)
      return Option.isSome(a) && Option.isSome(b) ? inside("value", a.value, b.value) : undefined
    }
    if (Result.isResult(b)) {
      if (!Result.isResult(a)) return differs(a, b)
      if (Result.isSuccess(a)) return Result.isSuccess(b) ? inside("success", a.success, b.success) : differs(a, b)
      return Result.isFailure(b) ? inside("failure", a.failure, b.failure) : differs(a, b)
    }
    if (Chunk.isChunk(b)) return Chunk.isChunk(a) ? compareItems([...a], [...b], a, b) : differs(a, b)
    if (HashMap.isHashMap(b)) return HashMap.isHashMap(a) ? compareUnordered([...a], [...b], a, b) : differs(a, b)
    if (HashSet.isHashSet(b)) return HashSet.isHashSet(a) ? compareUnordered([...a], [...b], a, b) : differs(a, b)
    if (b instanceof Error) {
      if (!(a instanceof Error) || a.name !== b.name || a.message !== b.message) return differs(a, b)
      return compareProperties(a, b)
    }
    // Plain data that comes back as an instance was taken for another member of a union.
    if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return differs(a, b)
    if (hasText(a) && hasText(b) && String(a) !== String(b)) return differs(String(a), String(b))
    if (Symbol.iterator in b || Object.keys(b).length === 0) return incomparable(a, b)
    return compareProperties(a, b)
  }

  const inside = (key: string, a: unknown, b: unknown): Difference | undefined => {
    const inner = compare(a, b)
    return inner === undefined ? undefined : at(key, inner)
  }

  const compareMaps = (a: ReadonlyMap<unknown, unknown>, b: ReadonlyMap<unknown, unknown>): Difference | undefined => {
    if (a.size !== b.size) return differs(a, b)
    const entries: Array<unknown> = []
    for (const [key, value] of b) {
      if (typeof key === "object" && key !== null) {
        entries.push([key, value])
        continue
      }
      if (!a.has(key)) return differs(a, b)
      const inner = compare(a.get(key), value)
      if (inner !== undefined) return at(String(key), inner)
    }
    return compareUnordered(
      [...a].filter(([key]) => typeof key === "object" && key !== null),
      entries,
      a,
      b
    )
  }

  const compareSets = (a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): Difference | undefined => {
    const isObject = (item: unknown) => typeof item === "object" && item !== null
    for (const item of b) if (!isObject(item) && !a.has(item)) return differs(a, b)
    return a.size === b.size ? compareUnordered([...a].filter(isObject), [...b].filter(isObject), a, b) : differs(a, b)
  }

  /** Whether each of `b` is one of `a`, whatever their order. */
  const compareUnordered = (
    a: ReadonlyArray<unknown>,
    b: ReadonlyArray<unknown>,
    ofA: object,
    ofB: object
  ): Difference | undefined => {
    if (a.length !== b.length) return differs(ofA, ofB)
    if (b.every((item, i) => matches(a[i], item))) return undefined
    if (b.length > maxUnordered) return incomparable(ofA, ofB)
    const rest = [...a]
    for (const item of b) {
      const index = rest.findIndex((other) => matches(other, item))
      if (index < 0) {
        const message = `one of its items would come back as ${CodecIssue.valueText(item)}`
        return rest.length === 1 ? compare(rest[0], item) : { path: [], message, isCertain: true }
      }
      rest.splice(index, 1)
    }
    return undefined
  }

  const matches = (a: unknown, b: unknown): boolean => {
    const before = uncertain
    const isSame = compare(a, b) === undefined
    if (!isSame) uncertain = before
    return isSame
  }

  return compare(given, decoded) ?? uncertain
}

const at = (key: PropertyKey, inner: Difference): Difference => ({ ...inner, path: [key, ...inner.path] })

const valueAt = (object: object, key: string): unknown => (object as Record<string, unknown>)[key] // looked up by name

/** Whether a value's class says how it reads as a text: a URL, a regular expression. */
const hasText = (value: object): boolean =>
  value.toString !== Object.prototype.toString && Object.keys(value).length === 0

const haveSameBytes = (a: ArrayBufferView, b: ArrayBufferView): boolean =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength))
