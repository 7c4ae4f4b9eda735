/**
 * Finds, for a task, the most similar of many earlier tasks of its step: the one whose key has the fewest parts that
 * differ. Comparing every task with every earlier one takes quadratic time, so earlier tasks are indexed by the sum of
 * the hashes of their key's parts with one part left out: two tasks that differ in one part share such a sum. Tasks that
 * differ in more are compared with the few that share their rarest parts.
 */
import type { TaskRecord } from "../../RunRecord.ts"

/** Earlier tasks of one step. */
export interface Nearest {
  /** The tasks with this key, in their original order. */
  readonly withKey: (key: string) => ReadonlyArray<TaskRecord>
  /** The most similar task, or the first of several equally similar ones. `undefined` if there are no earlier tasks. */
  readonly to: (task: TaskRecord) => TaskRecord | undefined
}

/** Up to this many earlier tasks, a task is compared with all of them, which is exact and still cheap. */
const exhaustiveLimit = 32

/** The number of tasks that the index keeps per part, and that a task is compared with. */
const candidateLimit = 8

/** A `Map` holds about 16 million entries, so the index stops growing at this size. */
const mapLimit = 8_000_000

/** Indexes earlier tasks, in linear time. */
export const make = (earlier: ReadonlyArray<TaskRecord>): Nearest => {
  const byKey = Map.groupBy(earlier, ({ key }) => key)
  const index = earlier.length <= exhaustiveLimit ? undefined : makeIndex(earlier)
  return {
    withKey: (key) => byKey.get(key) ?? [],
    to: (task) => {
      const candidates = index === undefined ? earlier : index(task)
      let [best] = candidates
      if (best === undefined || candidates.length === 1) return best
      const inputs = new Map(task.inputs.map(({ digest, name }) => [name, digest]))
      let leastDistance = Number.POSITIVE_INFINITY
      for (const candidate of candidates) {
        const partsDiffering = distance(candidate, task, inputs)
        if (partsDiffering >= leastDistance) continue
        leastDistance = partsDiffering
        best = candidate
      }
      return best
    }
  }
}

/** How many parts of two tasks' keys differ. */
const distance = (before: TaskRecord, now: TaskRecord, inputs: ReadonlyMap<string, string>): number => {
  let shared = 0
  let partsDiffering = Number(before.version !== now.version) + Number(before.cache !== now.cache)
  for (const { digest, name } of before.inputs) {
    const other = inputs.get(name)
    if (other !== undefined) shared++
    if (other !== digest) partsDiffering++
  }
  return partsDiffering + inputs.size - shared
}

/** Returns a function that finds the candidates for a task, in their original order. */
const makeIndex = (earlier: ReadonlyArray<TaskRecord>): ((task: TaskRecord) => ReadonlyArray<TaskRecord>) => {
  const equal = new Map<number, number>()
  const byAllButOne = new Map<number, number>()
  const sharing = new Map<number, { count: number; readonly places: Array<number> }>()
  for (const [place, task] of earlier.entries()) {
    const parts = partsOf(task)
    const sum = sumOf(parts)
    if (!equal.has(sum)) equal.set(sum, place)
    for (const { name, value } of parts) {
      const without = withoutPart(sum, value, name)
      if (!byAllButOne.has(without) && byAllButOne.size < mapLimit) byAllButOne.set(without, place)
      const entry = sharing.get(value)
      if (entry === undefined) {
        if (sharing.size < mapLimit) sharing.set(value, { count: 1, places: [place] })
      } else {
        entry.count++
        if (entry.places.length < candidateLimit) entry.places.push(place)
      }
    }
  }
  return (task) => {
    const parts = partsOf(task)
    const sum = sumOf(parts)
    const samePlace = equal.get(sum)
    if (samePlace !== undefined) return pick(earlier, [samePlace])
    const close = new Set<number>()
    for (const { name, value } of parts) {
      const place = byAllButOne.get(withoutPart(sum, value, name))
      if (place !== undefined) close.add(place)
      if (close.size >= candidateLimit) break
    }
    if (close.size > 0) return pick(earlier, close)
    const candidates = new Set([0])
    const rarest = parts.flatMap(({ value }) => sharing.get(value) ?? []).sort((a, b) => a.count - b.count)
    for (const { places } of rarest) {
      for (const place of places) candidates.add(place)
      if (candidates.size > candidateLimit) break
    }
    return pick(earlier, candidates)
  }
}

const pick = (earlier: ReadonlyArray<TaskRecord>, places: Iterable<number>): ReadonlyArray<TaskRecord> =>
  [...places].sort((a, b) => a - b).map((place) => earlier[place] as TaskRecord) // places are indices of `earlier`

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

/** Sums of hashes stay below this limit, so a double represents each exactly. */
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
