/**
 * How two artifacts differ, for people: which refs of two lists do, and the lines of two small texts or JSON values that do.
 */
import * as Effect from "effect/Effect"
import type * as TextDiff from "effect/TextDiff"
import { type ArtifactError, ArtifactStore } from "../../ArtifactStore.ts"
import type { RefRecord } from "../../RunRecord.ts"
import { bytes } from "../units.ts"

/** A name under which two lists have different artifacts; none where a list has no such name. */
export interface ChangedRef {
  readonly name: string
  readonly before: RefRecord | undefined
  readonly now: RefRecord | undefined
}

/** Names whose artifacts differ, in their order. */
export const changedRefs = (
  before: ReadonlyArray<RefRecord>,
  now: ReadonlyArray<RefRecord>
): ReadonlyArray<ChangedRef> => {
  const earlier = new Map(before.map((ref) => [ref.name, ref]))
  const later = new Map(now.map((ref) => [ref.name, ref]))
  return [...new Set([...earlier.keys(), ...later.keys()])]
    .sort()
    .map((name) => ({ name, before: earlier.get(name), now: later.get(name) }))
    .filter(({ before, now }) => before?.digest !== now?.digest)
}

/** Values up to this size are held against each other. */
const small = 16 * 1024

/** So many lines are shown. */
const most = 12

/** The lines that differ (`- ` before, `+ ` now) where both values are small texts or JSON and can be read; else none. */
export const valueDiff = (
  before: RefRecord | undefined,
  now: RefRecord | undefined
): Effect.Effect<ReadonlyArray<string>, never, ArtifactStore> => {
  if (before === undefined || now === undefined || !isShown(before) || !isShown(now)) return Effect.succeed([])
  return Effect.gen(function* () {
    const store = yield* ArtifactStore
    const texts = yield* Effect.all([textOf(store, before), textOf(store, now)])
    return lineDiff(yield* loadTextDiff, ...texts)
  }).pipe(Effect.orElseSucceed(() => []))
}

/** Loaded when something is compared: an older effect does not have it, and must be able to load what says so. */
const loadTextDiff = Effect.promise(() => import("effect/TextDiff"))

const isShown = ({ format, size }: RefRecord): boolean => size <= small && (format === "json" || format === "text")

const textOf = (store: ArtifactStore["Service"], ref: RefRecord): Effect.Effect<string, ArtifactError | SyntaxError> =>
  Effect.flatMap(store.get(ref.digest), (bytes) => {
    const text = new TextDecoder().decode(bytes)
    return ref.format === "text"
      ? Effect.succeed(text)
      : Effect.try({ try: () => JSON.stringify(JSON.parse(text), null, 2), catch: (cause) => cause as SyntaxError }) // what JSON.parse throws
  })

/** The lines of two texts that differ, in order. */
const lineDiff = ({ lines: diff }: typeof TextDiff, before: string, now: string): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const { _tag, items } of diff(before, now, { maxEdits: 1000 })) {
    if (_tag === "Equal") continue
    for (const item of items) lines.push(`${_tag === "Delete" ? "-" : "+"} ${item.replace(/\r?\n$/, "")}`)
  }
  return lines.length <= most ? lines : [...lines.slice(0, most), `… ${lines.length - most} more lines differ`]
}

/** Both sides in a line: `json 3fa9c1… (20 B) → 77b2aa… (24 B)`. */
export const refChange = (before: RefRecord, now: RefRecord): string => {
  const side = ({ digest, size }: RefRecord) => `${digest.slice(0, 12)}… (${bytes(size)})`
  return before.format === now.format
    ? `${now.format} ${side(before)} → ${side(now)}`
    : `${before.format} ${side(before)} → ${now.format} ${side(now)}`
}
