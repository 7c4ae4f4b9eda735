/**
 * What this process remembers of artifacts that it has just written or read, so that a hand-over between two of its tasks
 * does not go through the store: decoded values that are frozen or copied for each receiver, and the bytes of all others.
 * Bounded by the memory that the entries take; the least recently used entry is dropped first. As long as less than half
 * of the bound is in use, nothing is about to be dropped and the order of use is not maintained: a hit then costs one
 * look into a map.
 */
import { getHeapStatistics } from "node:v8"
import * as Bytes from "../schema/bytes.ts"

/** Remembered values and bytes. */
export interface ValueCache {
  /** A decoded value, by the digest of its bytes and the id of its sharing. */
  readonly get: (key: string) => { readonly value: unknown } | undefined
  readonly set: (key: string, value: unknown, memoryBytes: number) => void
  /** Gives bytes away: they are the caller's own. A short array is copied, a long one leaves the cache. */
  readonly takeBytes?: (digest: string) => Uint8Array | undefined
  /** Keeps bytes, in parts that nobody else will change. */
  readonly setBytes?: (digest: string, parts: ReadonlyArray<Uint8Array>) => void
}

interface Entry {
  readonly value: unknown
  readonly bytes: number
}

/** What an entry takes beside its value: its key and its places in the map. */
const overheadBytes = 256

/** Up to this size, bytes are copied for a receiver and stay for the next one. */
const copiedBytes = 1024 ** 2

/** The default bound where the heap is large; the threads of a pool have it together. */
export const greatestDefaultBytes = 1024 ** 3

/** The default bound: 1 GiB, or a quarter of the heap where that is less. */
export const defaultLimitBytes = (): number =>
  Math.min(greatestDefaultBytes, Math.floor(getHeapStatistics().heap_size_limit / 4))

/**
 * A cache.
 *
 * @param limitBytes The bound.
 * @param options.keepBytes `false` for a store that itself keeps the chunks it is given in memory.
 */
export const make = (limitBytes: number, options: { readonly keepBytes?: boolean } = {}): Required<ValueCache> => {
  const entries = new Map<string, Entry>() // in order of last use
  // Where the oldest entry stands. A new iterator would first walk over the places of all that was dropped.
  let oldest = entries.entries()
  let total = 0

  const get = (key: string): Entry | undefined => {
    const entry = entries.get(key)
    if (entry === undefined) return undefined
    if (total * 2 > limitBytes) {
      entries.delete(key)
      entries.set(key, entry)
    }
    return entry
  }
  const remove = (key: string): void => {
    const entry = entries.get(key)
    if (entry === undefined) return
    entries.delete(key)
    total -= entry.bytes
  }
  const set = (key: string, value: unknown, memoryBytes: number): void => {
    const bytes = memoryBytes + overheadBytes
    const entry = entries.get(key)
    if (entry !== undefined) remove(key)
    if (!(bytes <= limitBytes)) return
    entries.set(key, { value, bytes })
    total += bytes
    while (total > limitBytes) {
      const next = oldest.next()
      if (next.done === true) oldest = entries.entries()
      else {
        entries.delete(next.value[0])
        total -= next.value[1].bytes
      }
    }
  }
  return {
    get,
    set,
    takeBytes: (digest) => {
      const entry = get(digest)
      if (entry === undefined) return undefined
      const parts = entry.value as ReadonlyArray<Uint8Array> // only `setBytes` uses a digest as a key
      const size = Bytes.sizeOf(parts)
      if (size <= copiedBytes) return Bytes.concat(parts, size)
      remove(digest)
      return Bytes.isWhole(parts[0]) && parts.length === 1 ? parts[0] : Bytes.concat(parts, size)
    },
    setBytes: (digest, parts) => {
      if (options.keepBytes !== false) set(digest, Bytes.compact(parts), Bytes.sizeOf(parts))
    }
  }
}
