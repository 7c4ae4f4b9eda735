/**
 * Tags are words that users put on runs to find them again. A run has at most 50 of them, each of 1 to 500 characters.
 * They are stored in Unicode's normal form NFC and without surrounding spaces, so that two spellings of a word are one
 * tag, whether it is added, removed or searched for. (System tags are something else: facts about where a run was started,
 * written once and never changed.)
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/**
 * The most tags a run can have, and the most characters a tag can have.
 *
 * @example
 * ```ts
 * console.log(`up to ${Tags.limits.tags} tags`)
 * ```
 */
export const limits = { tags: 50, characters: 500 } as const

/** A tag can't be put on a run. The message says which tag and why. */
export class TagError extends Schema.TaggedError<TagError>()("TagError", {
  tag: Schema.String,
  message: Schema.String
}) {}

/**
 * A tag as it is stored, whether or not it is a valid one.
 *
 * @example
 * ```ts
 * Tags.spelling(" nightly ") // "nightly"
 * ```
 */
export const spelling = (tag: string): string => tag.normalize("NFC").trim()

/**
 * A tag as it is stored. Fails with `TagError` if it is empty, too long, or has control characters.
 *
 * @example
 * ```ts
 * const tag = yield* Tags.normalize(" nightly ") // "nightly"
 * ```
 */
export const normalize = Effect.fnUntraced(function* (tag: string) {
  const normal = spelling(tag)
  const length = [...normal].length
  if (length === 0) return yield* new TagError({ tag, message: "A tag can't be empty." })
  if (length > limits.characters) {
    return yield* new TagError({
      tag,
      message: `A tag has at most ${limits.characters} characters; "${normal.slice(0, 20)}…" has ${length}.`
    })
  }
  if (/\p{Cc}/u.test(normal)) {
    return yield* new TagError({
      tag,
      message: `A tag can't contain control characters, but ${JSON.stringify(normal)} does.`
    })
  }
  return normal
})

/** Tags to add and to remove, or the tags that replace all others. */
export interface Change {
  readonly add?: ReadonlyArray<string>
  readonly remove?: ReadonlyArray<string>
  readonly replace?: ReadonlyArray<string>
}

/**
 * The tags of a run after a change, sorted. Fails with `TagError` if a tag is not valid or there would be more than 50.
 *
 * @param tags The tags that the run has.
 * @param change What to add and remove, or what replaces them all.
 *
 * @example
 * ```ts
 * const tags = yield* Tags.change(["nightly"], { add: ["reviewed"], remove: ["nightly"] })
 * ```
 */
export const change = Effect.fnUntraced(function* (tags: ReadonlyArray<string>, change: Change) {
  const next = new Set(change.replace === undefined ? tags.map(spelling) : [])
  for (const tag of yield* Effect.forEach(change.replace ?? [], normalize)) next.add(tag)
  for (const tag of yield* Effect.forEach(change.add ?? [], normalize)) next.add(tag)
  for (const tag of change.remove ?? []) next.delete(spelling(tag))
  if (next.size > limits.tags) {
    return yield* new TagError({
      tag: (change.replace ?? change.add ?? [])[0] ?? "",
      message: `A run has at most ${limits.tags} tags; this one would have ${next.size}. Remove some first.`
    })
  }
  return [...next].sort()
})
