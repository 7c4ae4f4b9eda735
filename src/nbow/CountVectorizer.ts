/**
 * Texts to counts of terms, exactly as scikit-learn's `CountVectorizer` counts them: the same tokens, the same bounds on
 * document frequencies, the same terms at a tie, the same order of columns. One scan of the texts learns the vocabulary
 * and makes the matrix.
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
 * A bound on the number of texts that have a term: a count, or a proportion of all texts. `{ count: 1 }` is any term,
 * and `{ proportion: 1 }` one that all texts have; a bare 1 could be either, so there is none.
 */
export const Bound = Schema.Union([
  Schema.Struct({ count: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)) }).annotate({ identifier: "{ count }" }),
  Schema.Struct({ proportion: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })) }).annotate({
    identifier: "{ proportion }"
  })
])

/** A bound on the number of texts that have a term. */
export type Bound = typeof Bound.Type

/** Terms that are left out: scikit-learn's list for English, or your own, in lower case. */
export const StopWords = Schema.NullOr(Schema.Union([Schema.Literal("english"), Schema.Array(Schema.String)]))

/** With `"ascii"`, letters lose their accents, and what then is beyond ASCII is dropped. */
export const StripAccents = Schema.NullOr(Schema.Literal("ascii"))

/** The options of a vectorizer, with scikit-learn's defaults. */
export const Options = Schema.Struct({
  /** A term is left out that fewer texts have. */
  minDf: orElse(Bound, { count: 1 }),
  /** A term is left out that more texts have. */
  maxDf: orElse(Bound, { proportion: 1 }),
  stopWords: orElse(StopWords, null),
  stripAccents: orElse(StripAccents, null),
  /** Of the terms left, only this many, those that occur most. */
  maxFeatures: orElse(Schema.NullOr(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))), null)
})

/** All options, with their values. */
export type Options = typeof Options.Type

/** Options as they are given. */
export type OptionsInput = typeof Options.Encoded

/** A vocabulary that counts nothing. */
export class VocabularyError extends Schema.TaggedError<VocabularyError>()("VocabularyError", {
  /** `empty`: the texts have no terms. `pruned`: all were left out by the bounds. `bounds`: the bounds exclude each other. */
  reason: Schema.Literals(["empty", "pruned", "bounds"]),
  message: Schema.String
}) {}

/** A learned vocabulary. It is plain data: what scans texts for it is made at the first use. */
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
          : `None of the ${counts.rows} texts has a word of two letters or more that is no stop word.`
    })
  }
  const inTexts = (bound: Bound): number => ("count" in bound ? bound.count : bound.proportion * counts.rows)
  const least = inTexts(options.minDf)
  const most = inTexts(options.maxDf)
  if (most < least) {
    return yield* new VocabularyError({
      reason: "bounds",
      message: `No term can be in ${least} or more texts (minDf) and in ${most} or fewer (maxDf): there are ${counts.rows} texts.`
    })
  }
  const { documents, occurrences } = counts.totals(table.size)
  const terms: Array<Term> = []
  for (let id = stops; id < table.size; id++) {
    const count = documents[id] as number // ids are below the table's size
    if (count >= least && count <= most) terms.push({ id, text: table.term(id) })
  }
  if (terms.length === 0) {
    return yield* new VocabularyError({
      reason: "pruned",
      message: `None of the ${table.size - stops} terms is in at least ${least} and at most ${most} of the ${counts.rows} texts. Lower minDf or raise maxDf.`
    })
  }
  terms.sort((a, b) => compareCodePoints(a.text, b.text))
  const limit = options.maxFeatures
  if (limit === null || terms.length <= limit) return terms
  const negated = Float64Array.from(terms, ({ id }) => -(occurrences[id] as number)) // ids are below the table's size
  const kept = argsort(negated).subarray(0, limit).sort()
  return Array.from(kept, (index) => terms[index] as Term) // indices of the terms
})

const tables = new WeakMap<CountVectorizer, TermTable>()

/**
 * What finds a vectorizer's terms in texts; made at the first use.
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
