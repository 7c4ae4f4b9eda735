/**
 * How artifacts differ, for people: the refs that differ between two lists, and the lines that differ between two
 * small texts or JSON values.
 */
import * as Effect from "effect/Effect"
import type * as TextDiff from "effect/TextDiff"
import { type ArtifactError, ArtifactStore } from "../../ArtifactStore.ts"
import type { RefRecord } from "../../RunRecord.ts"
import { bytes } from "../units.ts"

/**
 * A name whose artifact differs between two lists. `before` or `now` is `undefined` if that list does not have the
 * name.
 */
export interface ChangedRef {
  readonly name: string
  readonly before: RefRecord | undefined
  readonly now: RefRecord | undefined
}

/** The names whose artifacts differ, sorted. */
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

/** Only values up to this size are compared line by line. */
const comparedSizeLimitBytes = 16 * 1024

/** The number of differing lines shown. */
const shownLinesLimit = 12

/**
 * The lines that differ (`- ` before, `+ ` now). Empty unless both values are small, readable texts or
 * JSON.
 */
export const valueDiff = (
  before: RefRecord | undefined,
  now: RefRecord | undefined
): Effect.Effect<ReadonlyArray<string>, never, ArtifactStore> => {
  if (before === undefined || now === undefined || !isComparable(before) || !isComparable(now))
    return Effect.succeed([])
  return Effect.gen(function* () {
    const store = yield* ArtifactStore
    const texts = yield* Effect.all([textOf(store, before), textOf(store, now)])
    return lineDiff(yield* loadTextDiff, ...texts)
  }).pipe(Effect.orElseSucceed(() => []))
}

/**
 * Loaded on first use: older versions of effect lack this module, and this file must still load so that the version
 * check can report it.
 */
const loadTextDiff = Effect.promise(() => import("effect/TextDiff"))

const isComparable = ({ format, size }: RefRecord): boolean =>
  size <= comparedSizeLimitBytes && (format === "json" || format === "text")

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
  return lines.length <= shownLinesLimit
    ? lines
    : [...lines.slice(0, shownLinesLimit), `… ${lines.length - shownLinesLimit} more lines differ`]
}

/** Both versions of an artifact in one line: `json 3fa9c1… (20 B) → 77b2aa… (24 B)`. */
export const refChange = (before: RefRecord, now: RefRecord): string => {
  const side = ({ digest, size }: RefRecord) => `${digest.slice(0, 12)}… (${bytes(size)})`
  return before.format === now.format
    ? `${now.format} ${side(before)} → ${side(now)}`
    : `${before.format} ${side(before)} → ${now.format} ${side(now)}`
}
