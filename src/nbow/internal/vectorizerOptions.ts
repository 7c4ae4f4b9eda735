/** The options of a vectorizer, named as in scikit-learn. */
import * as Schema from "effect/Schema"
import { orElse } from "./options.ts"
import { problemOf } from "./tokenizers.ts"

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

/** The shortest and the longest n-gram, in words: `[1, 2]` for words and pairs of words. */
export const NgramRange = Schema.Tuple([
  Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)),
  Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
]).check(
  Schema.makeFilter<readonly [number, number]>(([least, most]) => least <= most || "Expected the smaller number first")
)

/**
 * What splits texts into tokens: the word boundaries of a language (`{ locale: "ja" }`, by `Intl.Segmenter`), or a function
 * that `CountVectorizer.tokenizer` defined under a name. `null` is scikit-learn's pattern: words of at least two letters.
 */
export const Tokenizer = Schema.Union([
  Schema.Struct({ locale: Schema.String }).annotate({ identifier: "{ locale }" }),
  Schema.Struct({ name: Schema.String }).annotate({ identifier: "{ name }" })
])

/** What splits texts into tokens. */
export type Tokenizer = typeof Tokenizer.Type

/** How counts are weighted, with the names and defaults of scikit-learn's `TfidfVectorizer`. */
export const TfIdf = Schema.Struct({
  /** Whether rare terms weigh more. */
  useIdf: orElse(Schema.Boolean, true),
  /** Whether document frequencies are counted as if one more text had every term. */
  smoothIdf: orElse(Schema.Boolean, true),
  /** Whether a count is replaced by 1 + ln(count). */
  sublinearTf: orElse(Schema.Boolean, false),
  /** The norm by which each row is divided. */
  norm: orElse(Schema.NullOr(Schema.Literals(["l1", "l2"])), "l2")
})

/** How counts are weighted. */
export type TfIdf = typeof TfIdf.Type

/**
 * The options that came after the first version. They are absent where they are not given, so that a model without them is
 * stored as before.
 */
export const laterFields = {
  /** The shortest and the longest n-gram, in words. Default: `[1, 1]`. */
  ngramRange: Schema.optionalKey(NgramRange),
  /** Whether to only mark the terms that a text has, with 1, instead of counting them. Default: false. */
  binary: Schema.optionalKey(Schema.Boolean),
  /** What splits texts into tokens. Default: scikit-learn's pattern. */
  tokenizer: Schema.optionalKey(Schema.NullOr(Tokenizer)),
  /** How counts are weighted; `{}` for scikit-learn's defaults. Default: they are not. */
  tfidf: Schema.optionalKey(Schema.NullOr(TfIdf))
}

/** The options of a vectorizer, with scikit-learn's defaults. */
export const Options = Schema.Struct({
  /** Terms that occur in fewer texts are left out. */
  minDf: orElse(Bound, { count: 1 }),
  /** Terms that occur in more texts are left out. */
  maxDf: orElse(Bound, { proportion: 1 }),
  /** Words that are left out: scikit-learn's English list, or a list of your own. */
  stopWords: orElse(StopWords, null),
  /** `"ascii"` removes accents, and drops the characters that are then not ASCII. */
  stripAccents: orElse(StripAccents, null),
  /** Keep only this many of the remaining terms, the most frequent ones. */
  maxFeatures: orElse(Schema.NullOr(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))), null),
  ...laterFields
})

/** All options, with their values. */
export type Options = typeof Options.Type

/** Options as callers pass them, with defaults missing. */
export type OptionsInput = typeof Options.Encoded

/** What to do with a tokenizer that is given as a function, or `undefined`. */
export const problemBefore = (given: unknown): { readonly option: string; readonly message: string } | undefined => {
  const tokenizer = typeof given === "object" && given !== null && "tokenizer" in given ? given.tokenizer : undefined
  if (typeof tokenizer !== "function") return undefined
  const message =
    "a function can't be stored with a model: define it under a name, with CountVectorizer.tokenizer(name, split), and " +
    "pass what that returns"
  return { option: "tokenizer", message }
}

/** Why options that fit their schema can't be used: the option and a message, or `undefined`. */
export const problemIn = ({
  tokenizer
}: Pick<Options, "tokenizer">): { readonly option: string; readonly message: string } | undefined => {
  if (tokenizer === undefined || tokenizer === null) return undefined
  const message = problemOf(tokenizer)
  return message === undefined ? undefined : { option: "tokenizer", message }
}
