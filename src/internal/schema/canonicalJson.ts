/**
 * Canonical JSON: object keys sorted by code unit, no white space. Equal values get equal bytes, which is what makes a
 * digest an identity. It follows RFC 8785 (JSON Canonicalization Scheme), whose number format is JavaScript's own, with
 * one exception: -0 is written "-0", which JSON allows, because a stored value must be read back unchanged.
 *
 * The engine's own `JSON.stringify` is several times faster than anything written on top of it. So a value whose keys
 * are sorted is passed to it as it is, and any other value as a sorted copy. Only two cases are written by this module:
 * objects whose key order the language fixes (keys like "10" always come first), and -0.
 */

/**
 * The maximum depth of nested arrays and objects. Reading and writing recurse, and a value that was written with much
 * stack left must also be readable with little.
 */
export const maxDepth = 1000

/** Thrown for a value that is nested more deeply than `maxDepth`, or is cyclic. */
export class TooDeep extends Error {
  override readonly name = "TooDeep"
  constructor() {
    super(`it is nested more than ${maxDepth} levels deep`)
  }
}

/**
 * The canonical text of a JSON value. Properties that are `undefined` are left out, as `JSON.stringify` does. Throws
 * `TooDeep`.
 */
export const stringify = (value: unknown): string => {
  if (value === null || typeof value !== "object") return primitive(value)
  const ordered = inOrder(value, 1)
  return ordered === unorderable ? write(value) : JSON.stringify(ordered)
}

const primitive = (value: unknown): string => (Object.is(value, -0) ? "-0" : (JSON.stringify(value) ?? "null"))

const unorderable = Symbol()

/** The value itself if its keys are sorted, or a copy with sorted keys. */
const inOrder = (value: object, depth: number): object | typeof unorderable => {
  if (depth > maxDepth) throw new TooDeep()
  return Array.isArray(value) ? arrayInOrder(value, depth) : objectInOrder(value as Record<string, unknown>, depth) // not an array, so an object
}

const arrayInOrder = (items: ReadonlyArray<unknown>, depth: number): object | typeof unorderable => {
  let copy: Array<unknown> | undefined
  for (let i = 0; i < items.length; i++) {
    const item = items[i]
    if (typeof item !== "object" || item === null) {
      if (item === 0 && Object.is(item, -0)) return unorderable
      continue
    }
    const ordered = inOrder(item, depth + 1)
    if (ordered === unorderable) return unorderable
    if (ordered !== item) {
      copy ??= items.slice()
      copy[i] = ordered
    }
  }
  return copy ?? items
}

const objectInOrder = (object: Record<string, unknown>, depth: number): object | typeof unorderable => {
  // `JSON.stringify` would call `toJSON` of class instances, so only plain data is passed to it.
  const prototype = Object.getPrototypeOf(object)
  if (prototype !== Object.prototype && prototype !== null) return unorderable
  if (object.toJSON !== undefined) return unorderable
  const keys = Object.keys(object)
  let isOrdered = true
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string // within bounds
    const first = key.charCodeAt(0)
    if ((first >= 48 && first <= 57) || key === "__proto__") return unorderable // may be an array index, or not an ordinary property
    if (i > 0 && (keys[i - 1] as string) > key) isOrdered = false
  }
  if (!isOrdered) keys.sort()
  let copy: Record<string, unknown> | undefined = isOrdered ? undefined : {}
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string // within bounds
    const item = object[key]
    let ordered: unknown = item
    if (typeof item === "object" && item !== null) {
      ordered = inOrder(item, depth + 1)
      if (ordered === unorderable) return unorderable
    } else if (item === 0 && Object.is(item, -0)) return unorderable
    if (copy === undefined && ordered !== item) {
      copy = {}
      for (let j = 0; j < i; j++) copy[keys[j] as string] = object[keys[j] as string] // the keys before it
    }
    if (copy !== undefined) copy[key] = ordered
  }
  return copy ?? object
}

const write = (value: unknown, depth = 1): string => {
  if (value === null || typeof value !== "object") return primitive(value)
  if (depth > maxDepth) throw new TooDeep()
  if (Array.isArray(value)) {
    const items: Array<string> = []
    for (let i = 0; i < value.length; i++) items.push(write(value[i], depth + 1))
    return `[${items.join(",")}]`
  }
  const properties: Array<string> = []
  for (const key of Object.keys(value).sort()) {
    const item = (value as Record<string, unknown>)[key] // an object's own keys index it
    if (item !== undefined) properties.push(`${JSON.stringify(key)}:${write(item, depth + 1)}`)
  }
  return `{${properties.join(",")}}`
}
