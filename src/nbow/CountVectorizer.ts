/**
 * Turns texts into counts of terms, exactly as scikit-learn's `CountVectorizer` does: the same tokens and n-grams, bounds on
 * document frequencies, tie-breaking and order of columns. With `tfidf`, counts are weighted as `TfidfVectorizer` weighs
 * them. A single scan of the texts learns the vocabulary and builds the matrix.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { argsort } from "./internal/introsort.ts"
import * as CheckedOptions from "./internal/options.ts"
import { RowCounts } from "./internal/RowCounts.ts"
import type { Finder, Learner, Term } from "./internal/terms.ts"
import * as Terms from "./internal/termsOf.ts"
import { checkList, detailsOf, eachText, laterBy, TextError } from "./internal/texts.ts"
import * as TfIdfWeights from "./internal/tfidf.ts"
import * as Tokenizers from "./internal/tokenizers.ts"
import * as VectorizerOptions from "./internal/vectorizerOptions.ts"
import type { SparseMatrix } from "./SparseMatrix.ts"

export { OptionsError } from "./internal/options.ts"
export { TextError } from "./internal/texts.ts"
export {
  Bound,
  NgramRange,
  Options,
  type OptionsInput,
  StopWords,
  StripAccents,
  TfIdf,
  Tokenizer
} from "./internal/vectorizerOptions.ts"

type Options = VectorizerOptions.Options
type OptionsInput = VectorizerOptions.OptionsInput
type Bound = VectorizerOptions.Bound

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
  /** With `tfidf`, unless `useIdf` is false: the inverse document frequency of each term. */
  readonly idf?: ReadonlyArray<number>
}

/** A vocabulary and the counts of the texts it was learned from. */
export interface Fitted {
  readonly vectorizer: CountVectorizer
  readonly matrix: SparseMatrix
}

const parseOptions = CheckedOptions.decode(VectorizerOptions.Options, "CountVectorizer")

const decodeOptions = Effect.fnUntraced(function* (given: OptionsInput) {
  const refused = VectorizerOptions.problemBefore(given)
  if (refused !== undefined) return yield* CheckedOptions.invalid("CountVectorizer", refused.option, refused.message)
  const options = yield* parseOptions(given)
  const problem = VectorizerOptions.problemIn(options)
  if (problem !== undefined) return yield* CheckedOptions.invalid("CountVectorizer", problem.option, problem.message)
  return options
})

/**
 * Defines a tokenizer: a function that splits texts, for languages or conventions that the others don't cover. A function
 * can't be stored, so a model stores the name, and a program that reads the model has to define the tokenizer, too. Define
 * it at the top of a module that the program's steps import, and give it another name when it changes.
 *
 * @param name The name, which options and stored models have.
 * @param split Splits a text, which is lower-cased and without accents if `stripAccents` says so, into tokens.
 * @returns The value of the option `tokenizer`.
 *
 * @example
 * ```ts
 * const bySpaces = CountVectorizer.tokenizer("by spaces", (text) => text.split(" ").filter((word) => word !== ""))
 * const vectorizer = yield* CountVectorizer.fit(["don't panic", "don't"], { tokenizer: bySpaces })
 * ```
 */
export const tokenizer = (name: string, split: (text: string) => ReadonlyArray<string>): { readonly name: string } => {
  Tokenizers.define(name, split)
  return { name }
}

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
  if (Array.isArray(options.stopWords)) yield* warnOfStopWords(options, options.stopWords)
  const learner = Terms.learner(options, rows)
  const count = eachChunk((texts) => {
    const before = learner.rows
    return Effect.mapError(
      eachText(texts, (text) => learner.add(text)),
      (error) => laterBy(error, before)
    )
  })
  yield* Effect.mapError(count, (error) =>
    error instanceof TextError ? vocabularyError(error) : (error as Exclude<E, TextError>)
  )
  const { size, terms } = yield* select(learner, options)
  const columnOf = new Int32Array(size).fill(-1)
  terms.forEach((term, column) => {
    columnOf[term.id] = column
  })
  const vocabulary = terms.map(({ text }) => text)
  const matrix = yield* learner.toMatrix(vocabulary.length, columnOf)
  if (options.binary === true) matrix.values.fill(1)
  const { tfidf } = options
  if (tfidf === undefined || tfidf === null) return { vectorizer: { options, vocabulary }, matrix }
  const idf = tfidf.useIdf ? Array.from(TfIdfWeights.idfOf(matrix, tfidf)) : undefined
  TfIdfWeights.weigh(matrix, tfidf, idf)
  return { vectorizer: { options, vocabulary, ...(idf === undefined ? {} : { idf }) }, matrix }
})

/** Warns of stop words that no token equals, as scikit-learn does: `"don't"` is the token `don`. */
const warnOfStopWords = (options: Options, stopWords: ReadonlyArray<string>) =>
  Effect.suspend(() => {
    const scanner = Terms.tokens(options)
    for (const word of stopWords) scanner.scan(word, true)
    const words = new Set(stopWords)
    const strays = scanner.inOrder(() => true).filter(({ text }) => !words.has(text))
    if (strays.length === 0) return Effect.void
    return Effect.logWarning(
      "The stop words may not match the texts as intended: lower-cased and split like the texts, they give the tokens " +
        `${strays.map(({ text }) => JSON.stringify(text)).join(", ")}, which are not stop words.`
    )
  })

/** The terms within the bounds, in code point order, cut to the most frequent, and the number of all that were counted. */
const select = Effect.fnUntraced(function* (learner: Learner, options: Options) {
  const { rows } = learner
  const inTexts = (bound: Bound): number => ("count" in bound ? bound.count : bound.proportion * rows)
  const minTexts = inTexts(options.minDf)
  const maxTexts = inTexts(options.maxDf)
  const { documents, occurrences, terms: termCount } = yield* learner.totals(minTexts)
  const size = documents.length
  if (termCount === 0) {
    return yield* new VocabularyError({ reason: "empty", message: emptyMessage(rows, options) })
  }
  if (maxTexts < minTexts) {
    return yield* new VocabularyError({
      reason: "bounds",
      message: `No term can be in ${minTexts} or more texts (minDf) and in ${maxTexts} or fewer (maxDf): there are ${rows} texts.`
    })
  }
  const terms = learner.inOrder((id) => {
    const count = documents[id] as number // within bounds
    return count > 0 && count >= minTexts && count <= maxTexts
  })
  if (terms.length === 0) {
    return yield* new VocabularyError({
      reason: "pruned",
      message: `None of the ${termCount === undefined ? "" : `${termCount} `}terms is in at least ${minTexts} and at most ${maxTexts} of the ${rows} texts. Lower minDf or raise maxDf.`
    })
  }
  const limit = options.maxFeatures
  if (limit === null || terms.length <= limit) return { terms, size }
  const negated = Float64Array.from(
    terms,
    ({ id }) => -((options.binary === true ? documents : occurrences)[id] as number)
  ) // within bounds
  const kept = argsort(negated).subarray(0, limit).sort()
  return { terms: Array.from(kept, (index) => terms[index] as Term), size } // `kept` has indices of `terms`
})

const emptyMessage = (rows: number, { ngramRange: [least] = [1, 1], tokenizer }: Options): string => {
  if (rows === 0) return "There are no texts to learn a vocabulary from."
  if (least > 1) return `None of the ${rows} texts has ${least} words that are not stop words.`
  return tokenizer === undefined || tokenizer === null
    ? `None of the ${rows} texts has a word of at least two letters that is not a stop word.`
    : `None of the ${rows} texts has a token that is not a stop word.`
}

const finders = new WeakMap<CountVectorizer, Finder>()

/**
 * Finds a vectorizer's terms in texts, built on first use. A term's number is its column.
 *
 * @internal
 */
export const finderOf = (self: CountVectorizer): Finder => {
  let finder = finders.get(self)
  if (finder === undefined) {
    finder = Terms.finder(self.options, self.vocabulary)
    finders.set(self, finder)
  }
  return finder
}

/**
 * Counts a vocabulary's terms in texts. The result has a row for each text and a column for each term. Fails with
 * `TextError` if a text is not a string.
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
  if (error !== undefined) return yield* error
  const finder = finderOf(self)
  const columns = self.vocabulary.length
  const counts = new RowCounts(texts.length)
  yield* eachText(texts, (text) => {
    const count = finder.scan(text, false)
    counts.add(finder.tokens, count, 0, columns)
  })
  const matrix = yield* counts.toMatrix(columns, Int32Array.from(self.vocabulary.keys()))
  if (self.options.binary === true) matrix.values.fill(1)
  const { tfidf } = self.options
  if (tfidf !== undefined && tfidf !== null) TfIdfWeights.weigh(matrix, tfidf, self.idf)
  return matrix
})
