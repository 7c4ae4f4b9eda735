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
  for (let row = 0; row < texts.length; ) {
    const next = takeTurn(texts, row, each)
    if (next instanceof TextError) return yield* next
    row = next
    if (row < texts.length) yield* Effect.yieldNow
  }
})

/** Goes through texts from a row on, until it is another fiber's turn. Returns the next row. */
const takeTurn = (
  texts: ReadonlyArray<string>,
  first: number,
  each: (text: string, index: number) => void
): number | TextError => {
  const position = { row: first }
  try {
    return advance(texts, position, each) ? position.row : noText(texts, position.row)
  } catch (cause) {
    // A tokenizer that a program defines doesn't know the row.
    if (cause instanceof TextError) {
      const { row } = position
      return new TextError({ message: `The text of row ${row} can't be split: ${cause.message}`, row })
    }
    throw cause
  }
}

/**
 * Moves on by a turn. Stops at a row without a text and returns `false`. It is a function of its own because V8 compiles a
 * loop inside `try` to slower code, which costs scoring a tenth.
 */
const advance = (
  texts: ReadonlyArray<string>,
  position: { row: number },
  each: (text: string, index: number) => void
): boolean => {
  let { row } = position
  for (let characters = 0; row < texts.length && characters < charactersPerTurn; position.row = ++row) {
    const text = texts[row] as string // the row is within the texts
    if (typeof text !== "string") return false
    each(text, row)
    characters += text.length
  }
  return true
}

const noText = (texts: ReadonlyArray<unknown>, row: number): TextError =>
  new TextError({
    message: `The text of row ${row} is ${CodecIssue.valueText(texts[row])}. Texts must be strings.`,
    row
  })
