/** Iterates over any number of texts without blocking other fibers. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as CodecIssue from "../../internal/schema/codecIssue.ts"

/** Texts that are not texts, as programs that were not type-checked pass them: a row without a text, or one string. */
export class TextError extends Schema.TaggedError<TextError>()("TextError", {
  message: Schema.String,
  /** The row without a text, from 0. */
  row: Schema.optionalKey(Schema.Int)
}) {}

/** The fields for an error of another type. */
export const detailsOf = ({ message, row }: TextError): { readonly message: string; readonly row?: number } =>
  row === undefined ? { message } : { message, row }

/** The error of a text in a chunk of texts, as one of all texts: with so many rows before the chunk. */
export const laterBy = (error: TextError, rows: number): TextError =>
  error.row === undefined || rows === 0
    ? error
    : new TextError({
        message: error.message.replace(`row ${error.row}`, `row ${error.row + rows}`),
        row: error.row + rows
      })

/** The fiber yields after about this many characters, some 10 ms. */
const charactersPerTurn = 2_000_000

/** Checks that the texts are a list. Their elements are checked when they are read. */
export const checkList = (texts: unknown): TextError | undefined => {
  if (typeof texts === "object" && texts !== null && typeof (texts as { length?: unknown }).length === "number") {
    return undefined
  }
  return new TextError({ message: `The texts are ${CodecIssue.valueText(texts)}. They must be a list of strings.` })
}

/** Calls a function with each text in turn. Fails with `TextError` if one is not a string. */
export const eachText = Effect.fnUntraced(function* (
  texts: ReadonlyArray<string>,
  each: (text: string, index: number) => void
) {
  const error = checkList(texts)
  if (error !== undefined) return yield* error
  let characters = 0
  for (let i = 0; i < texts.length; i++) {
    const text = texts[i] as string // i is within the texts
    if (typeof text !== "string") {
      return yield* new TextError({
        message: `The text of row ${i} is ${CodecIssue.valueText(text)}. Texts must be strings.`,
        row: i
      })
    }
    const error = attempt(each, text, i)
    if (error !== undefined) return yield* error
    characters += text.length
    if (characters >= charactersPerTurn) {
      characters = 0
      yield* Effect.yieldNow
    }
  }
})

/** Calls the function, and adds the row to the error of a tokenizer that a program defines. */
const attempt = (each: (text: string, index: number) => void, text: string, row: number): TextError | undefined => {
  try {
    each(text, row)
    return undefined
  } catch (cause) {
    if (cause instanceof TextError)
      return new TextError({ message: `The text of row ${row} can't be split: ${cause.message}`, row })
    throw cause
  }
}
