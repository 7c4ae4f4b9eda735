/**
 * Checks that a decoded value equals the value that was encoded. Properties that the decoded value lacks are ignored,
 * because schemas drop undeclared properties. Everything it has must equal the original: dates by time, bytes by
 * content, numbers by `Object.is`.
 */
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as CodecIssue from "./codecIssue.ts"

/** Where two values differ. */
export interface Difference {
  readonly path: ReadonlyArray<PropertyKey>
  readonly message: string
  /** `false` if the two can't be compared part by part, for example instances with private state. */
  readonly isCertain: boolean
}

/**
 * The first difference between a value and what its encoding decodes to.
 *
 * @param memberKeys Keys that must not be lost, because a member of a union declares them.
 */
export const difference = (
  given: unknown,
  decoded: unknown,
  memberKeys: ReadonlySet<PropertyKey>
): Difference | undefined => {
  let uncertain: Difference | undefined

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
    if (Array.isArray(b)) {
      if (!Array.isArray(a) || a.length !== b.length) return differs(a, b)
      for (let i = 0; i < b.length; i++) {
        const found = compare(a[i], b[i])
        if (found !== undefined) return at(i, found)
      }
      return undefined
    }
    if (b instanceof Date) return a instanceof Date && Object.is(a.getTime(), b.getTime()) ? undefined : differs(a, b)
    if (ArrayBuffer.isView(b)) return ArrayBuffer.isView(a) && haveSameBytes(a, b) ? undefined : differs(a, b)
    if (b instanceof Map) return compareMaps(a, b)
    if (b instanceof Set) {
      if (!(a instanceof Set) || a.size !== b.size) return differs(a, b)
      for (const item of b) if (!a.has(item)) return typeof item === "object" ? incomparable(a, b) : differs(a, b)
      return undefined
    }
    const prototype = Object.getPrototypeOf(b)
    const isPlainObject = prototype === Object.prototype || prototype === null
    if (!isPlainObject && Equal.isEqual(b) && Equal.equals(a, b)) return undefined
    const isError = b instanceof Error
    if (isError) {
      if (!(a instanceof Error) || a.name !== b.name || a.message !== b.message) return differs(a, b)
    } else if (!isPlainObject && Symbol.iterator in b && !Option.isOption(b) && !Result.isResult(b)) {
      return incomparable(a, b)
    }
    const keys = Object.keys(b)
    if (!isPlainObject && keys.length === 0 && !isError) return incomparable(a, b)
    for (const key of keys) {
      const found = compare(valueAt(a, key), valueAt(b, key))
      if (found !== undefined) return at(key, found)
    }
    return isPlainObject ? lostKey(a, b) : undefined
  }

  const compareMaps = (a: object, b: ReadonlyMap<unknown, unknown>): Difference | undefined => {
    if (!(a instanceof Map) || a.size !== b.size) return differs(a, b)
    for (const [key, value] of b) {
      if (!a.has(key)) return typeof key === "object" ? incomparable(a, b) : differs(a, b)
      const found = compare(a.get(key), value)
      if (found !== undefined) return at(String(key), found)
    }
    return undefined
  }

  const lostKey = (a: object, b: object): Difference | undefined => {
    if (memberKeys.size === 0) return undefined
    for (const key of Object.keys(a)) {
      if (!memberKeys.has(key) || Object.hasOwn(b, key) || valueAt(a, key) === undefined) continue
      return {
        path: [key],
        message: "it would be lost, because the union takes the value for a member that has no such property",
        isCertain: true
      }
    }
    return undefined
  }

  return compare(given, decoded) ?? uncertain
}

const at = (key: PropertyKey, found: Difference): Difference => ({ ...found, path: [key, ...found.path] })

const valueAt = (object: object, key: string): unknown => (object as Record<string, unknown>)[key] // looked up by name

const haveSameBytes = (a: ArrayBufferView, b: ArrayBufferView): boolean =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength))
