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
import { eachText } from "./internal/texts.ts"
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
  maxFeatures: orElse(Schema.NullOr(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))), null)
})

/** All options, with their values. */
export type Options = typeof Options.Type

/** Options as callers pass them, with defaults missing. */
export type OptionsInput = typeof Options.Encoded

/** No vocabulary could be learned. */
export class VocabularyError extends Schema.TaggedError<VocabularyError>()("VocabularyError", {
  /** `empty`: the texts have no terms. `pruned`: all were left out by the bounds. `bounds`: the bounds exclude each other. */
  reason: Schema.Literals(["empty", "pruned", "bounds"]),
  message: Schema.String
}) {}

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
 * Learns a vocabulary from texts. Fails with `VocabularyError` if no term is left, and with `OptionsError` if an option is not
 * valid.
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
export const fitTransform: (
  texts: ReadonlyArray<string>,
  options?: OptionsInput
) => Effect.Effect<Fitted, VocabularyError | CheckedOptions.OptionsError> = Effect.fnUntraced(function* (
  texts,
  given = {}
) {
  const options = yield* decodeOptions(given)
  const stopWords = options.stopWords === "english" ? english : (options.stopWords ?? [])
  const table = new TermTable(options.stripAccents, stopWords)
  const stops = table.size
  const counts = new RowCounts(texts.length)
  yield* eachText(texts, (text) => {
    const count = table.scan(text, true)
    counts.add(table.tokens, count, stops, table.size)
  })
  const terms = yield* select(table, stops, counts, options)
  const columnOf = new Int32Array(table.size).fill(-1)
  terms.forEach((term, column) => {
    columnOf[term.id] = column
  })
  const vocabulary = terms.map(({ text }) => text)
  return { vectorizer: { options, vocabulary }, matrix: yield* counts.toMatrix(vocabulary.length, columnOf) }
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
  const negated = Float64Array.from(terms, ({ id }) => -(occurrences[id] as number)) // within bounds
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
 * Counts a vocabulary's terms in texts. The result has a row for each text and a column for each term.
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
  const table = tableOf(self)
  const counts = new RowCounts(texts.length)
  yield* eachText(texts, (text) => {
    const count = table.scan(text, false)
    counts.add(table.tokens, count, 0, table.size)
  })
  return yield* counts.toMatrix(table.size, Int32Array.from(self.vocabulary.keys()))
})
