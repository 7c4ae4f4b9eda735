/** Iterates over any number of texts without blocking other fibers. */
import * as Effect from "effect/Effect"

/** The fiber yields after about this many characters, some 10 ms. */
const charactersPerTurn = 2_000_000

/** Calls a function with each text in turn. */
export const eachText = Effect.fnUntraced(function* (
  texts: ReadonlyArray<string>,
  each: (text: string, index: number) => void
) {
  let characters = 0
  for (let i = 0; i < texts.length; i++) {
    const text = texts[i] as string // i is within the texts
    if (typeof text !== "string")
      return yield* Effect.die(new TypeError(`Text ${i} is ${text}. Texts must be strings.`))
    each(text, i)
    characters += text.length
    if (characters >= charactersPerTurn) {
      characters = 0
      yield* Effect.yieldNow
    }
  }
})
