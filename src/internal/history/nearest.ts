/**
 * Finds, for a task, the most similar of many earlier tasks of its step: the one whose key has the fewest parts that
 * differ. Comparing every task with every earlier one takes quadratic time, so earlier tasks are indexed by the sum of
 * the hashes of their key's parts with one part left out: two tasks that differ in one part share such a sum. Tasks that
 * differ in more are compared with the few that share their rarest parts.
 */
import type { TaskRecord } from "../../RunRecord.ts"

/** Earlier tasks of one step. */
export interface Nearest {
  /** Those with this key, in their order. */
  readonly withKey: (key: string) => ReadonlyArray<TaskRecord>
  /** The most similar one, and the first of several; none where there are no earlier tasks. */
  readonly to: (task: TaskRecord) => TaskRecord | undefined
}

/** With up to this many earlier tasks, all are compared: that is exact, and cheap. */
const comparedWithAll = 32

/** Tasks that are remembered for each part, and those that a task is compared with. */
const remembered = 8

/** A `Map` holds about 16 million entries; beyond this many no more are added. */
const mapLimit = 8_000_000

/** Indexes earlier tasks, in linear time. */
export const make = (earlier: ReadonlyArray<TaskRecord>): Nearest => {
  const byKey = Map.groupBy(earlier, ({ key }) => key)
  const index = earlier.length <= comparedWithAll ? undefined : makeIndex(earlier)
  return {
    withKey: (key) => byKey.get(key) ?? [],
    to: (task) => {
      const candidates = index === undefined ? earlier : index(task)
      let [best] = candidates
      if (best === undefined || candidates.length === 1) return best
      const inputs = new Map(task.inputs.map(({ digest, name }) => [name, digest]))
      let least = Number.POSITIVE_INFINITY
      for (const candidate of candidates) {
        const differing = distance(candidate, task, inputs)
        if (differing >= least) continue
        least = differing
        best = candidate
      }
      return best
    }
  }
}

/** How many parts of two tasks' keys differ. */
const distance = (before: TaskRecord, now: TaskRecord, inputs: ReadonlyMap<string, string>): number => {
  let shared = 0
  let differing = Number(before.version !== now.version) + Number(before.cache !== now.cache)
  for (const { digest, name } of before.inputs) {
    const other = inputs.get(name)
    if (other !== undefined) shared++
    if (other !== digest) differing++
  }
  return differing + inputs.size - shared
}

/** The candidates for a task, in their order. */
const makeIndex = (earlier: ReadonlyArray<TaskRecord>): ((task: TaskRecord) => ReadonlyArray<TaskRecord>) => {
  const equal = new Map<number, number>()
  const butOne = new Map<number, number>()
  const sharing = new Map<number, { count: number; readonly places: Array<number> }>()
  for (const [place, task] of earlier.entries()) {
    const parts = partsOf(task)
    const sum = sumOf(parts)
    if (!equal.has(sum)) equal.set(sum, place)
    for (const { name, value } of parts) {
      const without = withoutPart(sum, value, name)
      if (!butOne.has(without) && butOne.size < mapLimit) butOne.set(without, place)
      const known = sharing.get(value)
      if (known === undefined) {
        if (sharing.size < mapLimit) sharing.set(value, { count: 1, places: [place] })
      } else {
        known.count++
        if (known.places.length < remembered) known.places.push(place)
      }
    }
  }
  return (task) => {
    const parts = partsOf(task)
    const sum = sumOf(parts)
    const same = equal.get(sum)
    if (same !== undefined) return pick(earlier, [same])
    const close = new Set<number>()
    for (const { name, value } of parts) {
      const place = butOne.get(withoutPart(sum, value, name))
      if (place !== undefined) close.add(place)
      if (close.size >= remembered) break
    }
    if (close.size > 0) return pick(earlier, close)
    const alike = new Set([0])
    const rarest = parts.flatMap(({ value }) => sharing.get(value) ?? []).sort((a, b) => a.count - b.count)
    for (const { places } of rarest) {
      for (const place of places) alike.add(place)
      if (alike.size > remembered) break
    }
    return pick(earlier, alike)
  }
}

const pick = (earlier: ReadonlyArray<TaskRecord>, places: Iterable<number>): ReadonlyArray<TaskRecord> =>
  [...places].sort((a, b) => a - b).map((place) => earlier[place] as TaskRecord) // places are indices of it

/** A part of a task's key: a hash of its name, and one of its name and value. */
interface Part {
  readonly name: number
  readonly value: number
}

const partsOf = ({ cache, inputs, version }: TaskRecord): ReadonlyArray<Part> => {
  const parts = [part("version", version), part("cache", cache ?? "")]
  for (const { digest, name } of inputs) parts.push(part(`input ${name}`, digest))
  return parts
}

const part = (name: string, value: string): Part => {
  const hashed = hash(name, 7)
  return { name: hashed, value: hash(value, hashed % 2 ** 31) }
}

/** Sums of hashes stay below this, so that a double holds each exactly. */
const modulus = 2 ** 52

const sumOf = (parts: ReadonlyArray<Part>): number => parts.reduce((sum, { value }) => (sum + value) % modulus, 0)

const withoutPart = (sum: number, value: number, name: number): number =>
  (((sum - value + modulus) % modulus) + name) % modulus

/** 52 bits of a text: two 32-bit FNV-1a hashes with different offsets, mixed. */
const hash = (text: string, seed: number): number => {
  let low = 0x811c9dc5 ^ seed
  let high = 0xcbf29ce4 ^ seed
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    low = Math.imul(low ^ code, 0x01000193)
    high = Math.imul(high ^ (code + i), 0x5bd1e995)
  }
  return ((high ^ (high >>> 15)) >>> 12) * 2 ** 32 + ((low ^ (low >>> 13)) >>> 0)
}
