/**
 * Turns texts into counts of terms, exactly as scikit-learn's `CountVectorizer` does: the same tokens, bounds on
 * document frequencies, tie-breaking and order of columns. A single scan of the texts learns the vocabulary and builds
 * the matrix.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { compareCodePoints } from "./internal/codePoints.ts"
import { argsort } from "./internal/introsort.ts"
import * as CheckedOptions from "./internal/options.ts"
import { RowCounts } from "./internal/RowCounts.ts"
import { english } from "./internal/stopWords.ts"
import { TermTable } from "./internal/TermTable.ts"
import { checkList, detailsOf, eachText, laterBy, TextError } from "./internal/texts.ts"
import type { SparseMatrix } from "./SparseMatrix.ts"

export { OptionsError } from "./internal/options.ts"

const { orElse } = CheckedOptions

/**
 * A bound on the number of texts that have a term: a count, or a proportion of all texts. `{ count: 1 }` is one text
 * and `{ proportion: 1 }` is all texts. A bare number is not allowed, because 1 would be ambiguous.
 */
export const Bound = Schema.Union([
  Schema.Struct({ count: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)) }).annotate({ identifier: "{ count }" }),
  Schema.Struct({ proportion: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })) }).annotate({
    identifier: "{ proportion }"
  })
])

/** A bound on the number of texts that have a term. */
export type Bound = typeof Bound.Type

/** Terms to leave out: scikit-learn's English list, or your own list, in lower case. */
export const StopWords = Schema.NullOr(Schema.Union([Schema.Literal("english"), Schema.Array(Schema.String)]))

/** With `"ascii"`, accents are removed and the remaining non-ASCII characters are dropped. */
export const StripAccents = Schema.NullOr(Schema.Literal("ascii"))

/** The options of a vectorizer, with scikit-learn's defaults. */
export const Options = Schema.Struct({
  /** Terms that occur in fewer texts are left out. */
  minDf: orElse(Bound, { count: 1 }),
  /** Terms that occur in more texts are left out. */
  maxDf: orElse(Bound, { proportion: 1 }),
  stopWords: orElse(StopWords, null),
  stripAccents: orElse(StripAccents, null),
  /** Keep only this many of the remaining terms, the most frequent ones. */
  maxFeatures: orElse(Schema.NullOr(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))), null),
  /** Whether to only mark the terms that a text has, with 1, instead of counting them. Default: false. */
  binary: Schema.optionalKey(Schema.Boolean)
})

/** All options, with their values. */
export type Options = typeof Options.Type

/** Options as callers pass them, with defaults missing. */
export type OptionsInput = typeof Options.Encoded

/** No vocabulary could be learned. */
export class VocabularyError extends Schema.TaggedError<VocabularyError>()("VocabularyError", {
  /** `empty`: the texts have no terms. `pruned`: all were left out by the bounds. `bounds`: the bounds exclude each other. `text`: a text is not a string. */
  reason: Schema.Literals(["empty", "pruned", "bounds", "text"]),
  message: Schema.String,
  /** The row that the message is about, from 0. */
  row: Schema.optionalKey(Schema.Int)
}) {}

const vocabularyError = (error: TextError): VocabularyError =>
  new VocabularyError({ reason: "text", ...detailsOf(error) })

/** A learned vocabulary. It is plain data. The table that scans texts is built on first use. */
export interface CountVectorizer {
  readonly options: Options
  /** The terms, in code point order: term `i` is column `i`. */
  readonly vocabulary: ReadonlyArray<string>
}

/** A vocabulary and the counts of the texts it was learned from. */
export interface Fitted {
  readonly vectorizer: CountVectorizer
  readonly matrix: SparseMatrix
}

const decodeOptions = CheckedOptions.decode(Options, "CountVectorizer")

/**
 * Learns a vocabulary from texts. Fails with `VocabularyError` if no term is left or a text is not a string, and with
 * `OptionsError` if an option is not valid.
 *
 * @param texts One text for each row.
 * @param options scikit-learn's options, with its defaults.
 *
 * @example
 * ```ts
 * const vectorizer = yield* CountVectorizer.fit(["good good", "bad"], { minDf: { count: 1 } })
 * ```
 */
export const fit = (
  texts: ReadonlyArray<string>,
  options: OptionsInput = {}
): Effect.Effect<CountVectorizer, VocabularyError | CheckedOptions.OptionsError> =>
  Effect.map(fitTransform(texts, options), ({ vectorizer }) => vectorizer)

/**
 * Learns a vocabulary from texts and counts its terms in them, in one pass. Fails as `fit` fails.
 *
 * @param texts One text for each row.
 * @param options scikit-learn's options, with its defaults.
 *
 * @example
 * ```ts
 * const { matrix, vectorizer } = yield* CountVectorizer.fitTransform(["good good", "bad"])
 * ```
 */
export const fitTransform = (
  texts: ReadonlyArray<string>,
  options?: OptionsInput
): Effect.Effect<Fitted, VocabularyError | CheckedOptions.OptionsError> => {
  const error = checkList(texts)
  const rows = error === undefined ? texts.length : 0
  return fitTransformChunks(rows, (use) => (error === undefined ? use(texts) : Effect.fail(error)), options)
}

/**
 * As `fitTransform`, for texts that arrive in chunks and are not kept.
 *
 * @internal
 */
export const fitTransformChunks = Effect.fnUntraced(function* <E, R>(
  rows: number,
  eachChunk: (
    use: (texts: ReadonlyArray<string>) => Effect.Effect<void, TextError>
  ) => Effect.Effect<void, E | TextError, R>,
  given: OptionsInput = {}
): Effect.fn.Return<Fitted, Exclude<E, TextError> | VocabularyError | CheckedOptions.OptionsError, R> {
  const options = yield* decodeOptions(given)
  const stopWords = options.stopWords === "english" ? english : (options.stopWords ?? [])
  const table = new TermTable(options.stripAccents, stopWords)
  const stops = table.size
  if (Array.isArray(options.stopWords)) yield* warnOfStopWords(options.stopWords, options.stripAccents)
  const counts = new RowCounts(rows)
  const count = eachChunk((texts) => {
    const before = counts.rows
    return Effect.mapError(
      eachText(texts, (text) => {
        const tokens = table.scan(text, true)
        counts.add(table.tokens, tokens, stops, table.size)
      }),
      (error) => laterBy(error, before)
    )
  })
  yield* Effect.mapError(count, (error) =>
    error instanceof TextError ? vocabularyError(error) : (error as Exclude<E, TextError>)
  )
  const terms = yield* select(table, stops, counts, options)
  const columnOf = new Int32Array(table.size).fill(-1)
  terms.forEach((term, column) => {
    columnOf[term.id] = column
  })
  const vocabulary = terms.map(({ text }) => text)
  const matrix = yield* counts.toMatrix(vocabulary.length, columnOf)
  if (options.binary === true) matrix.values.fill(1)
  return { vectorizer: { options, vocabulary }, matrix }
})

/** Warns of stop words that no token equals, as scikit-learn does: `"don't"` is the token `don`. */
const warnOfStopWords = (stopWords: ReadonlyArray<string>, stripAccents: Options["stripAccents"]) =>
  Effect.suspend(() => {
    const table = new TermTable(stripAccents)
    const words = new Set(stopWords)
    const strays = new Set<string>()
    for (const word of stopWords) {
      const count = table.scan(word, true)
      for (const id of table.tokens.subarray(0, count)) strays.add(table.term(id))
    }
    const missing = [...strays].filter((token) => !words.has(token)).sort(compareCodePoints)
    if (missing.length === 0) return Effect.void
    return Effect.logWarning(
      "The stop words may not match the texts as intended: lower-cased and split like the texts, they give the tokens " +
        `${missing.map((token) => JSON.stringify(token)).join(", ")}, which are not stop words.`
    )
  })

interface Term {
  readonly id: number
  readonly text: string
}

/** The terms within the bounds, in code point order, cut to the most frequent. */
const select = Effect.fnUntraced(function* (table: TermTable, stops: number, counts: RowCounts, options: Options) {
  if (table.size === stops) {
    return yield* new VocabularyError({
      reason: "empty",
      message:
        counts.rows === 0
          ? "There are no texts to learn a vocabulary from."
          : `None of the ${counts.rows} texts has a word of at least two letters that is not a stop word.`
    })
  }
  const inTexts = (bound: Bound): number => ("count" in bound ? bound.count : bound.proportion * counts.rows)
  const minTexts = inTexts(options.minDf)
  const maxTexts = inTexts(options.maxDf)
  if (maxTexts < minTexts) {
    return yield* new VocabularyError({
      reason: "bounds",
      message: `No term can be in ${minTexts} or more texts (minDf) and in ${maxTexts} or fewer (maxDf): there are ${counts.rows} texts.`
    })
  }
  const { documents, occurrences } = counts.totals(table.size)
  const terms: Array<Term> = []
  for (let id = stops; id < table.size; id++) {
    const count = documents[id] as number // within bounds
    if (count >= minTexts && count <= maxTexts) terms.push({ id, text: table.term(id) })
  }
  if (terms.length === 0) {
    return yield* new VocabularyError({
      reason: "pruned",
      message: `None of the ${table.size - stops} terms is in at least ${minTexts} and at most ${maxTexts} of the ${counts.rows} texts. Lower minDf or raise maxDf.`
    })
  }
  terms.sort((a, b) => compareCodePoints(a.text, b.text))
  const limit = options.maxFeatures
  if (limit === null || terms.length <= limit) return terms
  const negated = Float64Array.from(
    terms,
    ({ id }) => -((options.binary === true ? documents : occurrences)[id] as number)
  ) // within bounds
  const kept = argsort(negated).subarray(0, limit).sort()
  return Array.from(kept, (index) => terms[index] as Term) // `kept` has indices of `terms`
})

const tables = new WeakMap<CountVectorizer, TermTable>()

/**
 * The table that finds a vectorizer's terms in texts, built on first use.
 *
 * @internal
 */
export const tableOf = (self: CountVectorizer): TermTable => {
  let table = tables.get(self)
  if (table === undefined) {
    table = new TermTable(self.options.stripAccents, self.vocabulary)
    tables.set(self, table)
  }
  return table
}

/**
 * Counts a vocabulary's terms in texts. The result has a row for each text and a column for each term. A text that is
 * not a string is a defect, `TextError`.
 *
 * @param self The vocabulary.
 * @param texts One text for each row.
 *
 * @example
 * ```ts
 * const vectorizer = yield* CountVectorizer.fit(["good", "bad"])
 * const matrix = yield* CountVectorizer.transform(vectorizer, ["good enough"])
 * ```
 */
export const transform = Effect.fnUntraced(function* (self: CountVectorizer, texts: ReadonlyArray<string>) {
  const error = checkList(texts)
  if (error !== undefined) return yield* Effect.die(error)
  const table = tableOf(self)
  const counts = new RowCounts(texts.length)
  yield* Effect.orDie(
    eachText(texts, (text) => {
      const count = table.scan(text, false)
      counts.add(table.tokens, count, 0, table.size)
    })
  )
  const matrix = yield* counts.toMatrix(table.size, Int32Array.from(self.vocabulary.keys()))
  if (self.options.binary === true) matrix.values.fill(1)
  return matrix
})
