/**
 * Decoded values by digest and schema, bounded by the bytes they are stored in; what was used longest ago falls out
 * first. Bytes are counted in their stored form, and what an entry itself takes: the form in memory has no size that
 * could be asked for. As long as less than half of what may be kept is kept, nothing is about to fall out and the order
 * of use is not looked after: a hit then costs one look into a map.
 */

/** Values by key. */
export interface ValueCache {
  readonly get: (key: string) => { readonly value: unknown } | undefined
  readonly set: (key: string, value: unknown, bytes: number) => void
}

interface Entry {
  readonly value: unknown
  readonly bytes: number
}

/** What an entry takes beside its value: its key and its places in the map. */
const overhead = 256

/** A cache of at most `limit` bytes. */
export const make = (limit: number): ValueCache => {
  const entries = new Map<string, Entry>() // in order of last use
  // Where the oldest stands. A new iterator would first walk over the places of all that has fallen out.
  let oldest = entries.entries()
  let total = 0
  return {
    get: (key) => {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      if (total * 2 > limit) {
        entries.delete(key)
        entries.set(key, entry)
      }
      return entry
    },
    set: (key, value, size) => {
      const bytes = size + overhead
      const old = entries.get(key)
      if (old !== undefined) {
        entries.delete(key)
        total -= old.bytes
      }
      if (bytes > limit) return
      entries.set(key, { value, bytes })
      total += bytes
      while (total > limit) {
        const next = oldest.next()
        if (next.done === true) oldest = entries.entries()
        else {
          entries.delete(next.value[0])
          total -= next.value[1].bytes
        }
      }
    }
  }
}
