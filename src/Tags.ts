/**
 * Tags are words that users put on runs to find them again. A run has at most 50, each of 1 to 500 characters, in Unicode
 * NFC, so that two spellings of one word are one tag. (System tags are something else: facts about a run's surroundings,
 * written when it starts and never changed.)
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** How many tags a run has at most, and how many characters a tag. */
export const limits = { tags: 50, characters: 500 } as const

/** A tag that can't be put on a run; the message says which and why. */
export class TagError extends Schema.TaggedError<TagError>()("TagError", {
  tag: Schema.String,
  message: Schema.String
}) {}

/** A tag in its stored spelling. Fails with `TagError` where it is empty, too long, or has control characters. */
export const normalize = Effect.fnUntraced(function* (tag: string) {
  const normal = tag.normalize("NFC").trim()
  const length = [...normal].length
  if (length === 0) return yield* new TagError({ tag, message: "A tag can't be empty." })
  if (length > limits.characters) {
    return yield* new TagError({
      tag,
      message: `A tag has at most ${limits.characters} characters; "${normal.slice(0, 20)}…" has ${length}.`
    })
  }
  if (/\p{Cc}/u.test(normal)) {
    return yield* new TagError({ tag, message: `A tag has no control characters; ${JSON.stringify(normal)} has.` })
  }
  return normal
})

/**
 * The tags of a run after a change, sorted. Fails with `TagError` where they would be more than 50.
 *
 * @param tags What the run has.
 * @param change `add` and `remove`, or `replace`: all there will be.
 */
export const change = Effect.fnUntraced(function* (
  tags: ReadonlyArray<string>,
  change: {
    readonly add?: ReadonlyArray<string>
    readonly remove?: ReadonlyArray<string>
    readonly replace?: ReadonlyArray<string>
  }
) {
  const next = new Set(yield* Effect.forEach(change.replace ?? tags, normalize))
  for (const tag of yield* Effect.forEach(change.add ?? [], normalize)) next.add(tag)
  for (const tag of change.remove ?? []) next.delete(tag.normalize("NFC").trim())
  if (next.size > limits.tags) {
    return yield* new TagError({
      tag: (change.replace ?? change.add ?? [])[0] ?? "",
      message: `A run has at most ${limits.tags} tags; this one would have ${next.size}. Remove some first.`
    })
  }
  return [...next].sort()
})
