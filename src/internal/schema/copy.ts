/** Copies of data whose owner may go on changing it. */

/** A copy of data: lists, plain objects, maps, sets, dates and bytes. Instances of other classes are kept. */
export const copy = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(copy)
  if (value instanceof Date) return new Date(value.getTime())
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (value instanceof DataView) return new DataView(Uint8Array.from(bytesOf(value)).buffer)
  if (ArrayBuffer.isView(value)) return (value as Float64Array).slice() // every typed array has it; never shared memory
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [copy(key), copy(item)]))
  if (value instanceof Set) return new Set([...value].map(copy))
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  const copied: Record<PropertyKey, unknown> = {}
  for (const key of Reflect.ownKeys(value)) {
    const { enumerable } = Object.getOwnPropertyDescriptor(value, key) ?? {}
    if (enumerable !== true) continue
    const item = copy((value as Record<PropertyKey, unknown>)[key]) // one of its own keys
    Object.defineProperty(copied, key, { value: item, enumerable, writable: true, configurable: true })
  }
  return copied
}

const bytesOf = (view: ArrayBufferView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
