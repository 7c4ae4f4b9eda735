/** Values that JSON has no form for, in JSON all the same: for `dump --json` and the page, which show and do not store. */

/** A JSON value. */
export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

/** How much is shown of large values. */
export interface Limits {
  /** The characters of a text; the rest becomes an ellipsis. */
  readonly maxLength?: number
  /** The items of an array; the rest becomes an ellipsis. */
  readonly maxItems?: number
  /** How bytes are shown. Default: Base64. */
  readonly bytes?: (bytes: Uint8Array) => string
}

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")

/** Whether an object has the entries of a map in the same order: integers would come first. */
const isObjectLike = (map: ReadonlyMap<unknown, unknown>): boolean =>
  [...map.keys()].every((key) => typeof key === "string" && key !== "__proto__" && !/^\d+$/.test(key))

/**
 * A value as JSON. Bigints that a number holds are numbers, other ones and NaN are texts. Maps are objects where their keys
 * are texts, and lists of entries where they are not.
 */
export const jsonValue = (value: unknown, limits: Limits = {}): Json => {
  const { bytes = base64, maxItems = Number.POSITIVE_INFINITY, maxLength = Number.POSITIVE_INFINITY } = limits
  if (value === null || value === undefined) return null
  switch (typeof value) {
    case "string":
      return value.length > maxLength ? `${value.slice(0, maxLength)}…` : value
    case "number":
      return Number.isFinite(value) ? value : String(value)
    case "boolean":
      return value
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid date" : value.toISOString()
  if (value instanceof Uint8Array) return bytes(value)
  if (value instanceof Map && isObjectLike(value)) return jsonValue(Object.fromEntries(value), limits)
  if (value instanceof Map || value instanceof Set) return jsonValue([...value], limits)
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const items = Array.from(value as unknown as ArrayLike<unknown>) // typed arrays; readers never return a DataView
    const shown = items.slice(0, maxItems).map((item) => jsonValue(item, limits))
    return items.length > maxItems ? [...shown, "…"] : shown
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonValue(item, limits)]))
}
