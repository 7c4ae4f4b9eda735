/** The options of `Nbow.fit`. The defaults are the tutorial's. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as CountVectorizer from "../CountVectorizer.ts"
import { decode, invalid, type OptionsError, orElse } from "./options.ts"
import { laterFields, problemBefore, problemIn } from "./vectorizerOptions.ts"

const positiveInt = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
const notNegative = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))
const share = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0), Schema.isLessThan(1))

/** Options of `Nbow.fit`. */
export const Options = Schema.Struct({
  /** The maximum number of terms. The most frequent ones are used. */
  vocabularySize: orElse(positiveInt, 750),
  /** How texts are turned into counts. */
  vectorizer: orElse(
    Schema.Struct({
      minDf: orElse(CountVectorizer.Bound, { proportion: 0.005 }),
      maxDf: orElse(CountVectorizer.Bound, { proportion: 0.75 }),
      stopWords: orElse(CountVectorizer.StopWords, "english"),
      stripAccents: orElse(CountVectorizer.StripAccents, "ascii"),
      ...laterFields
    }),
    {}
  ),
  /** The number of hidden units. */
  hiddenSize: orElse(positiveInt.check(Schema.isLessThanOrEqualTo(65_536)), 15),
  /** The fraction of a text's terms that training drops at random. */
  dropout: orElse(share, 0.1),
  /** The L1 regularization of the hidden weights. */
  l1: orElse(notNegative, 1e-5),
  /** The L2 regularization of the hidden weights. */
  l2: orElse(notNegative, 1e-4),
  /** The step size of the optimizer, Adam. */
  learningRate: orElse(Schema.Finite.check(Schema.isGreaterThan(0)), 0.002),
  /** How many rows the weights are updated by at a time. */
  batchSize: orElse(positiveInt, 32),
  /** How often training goes through all rows. */
  epochs: orElse(positiveInt, 10),
  /** The fraction of rows, taken from the end, that is used for validation instead of training. */
  validationSplit: orElse(share, 0.2),
  /** Whether every epoch shuffles the rows. */
  shuffle: orElse(Schema.Boolean, true),
  /** The same seed gives the same model. */
  seed: orElse(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)), 1),
  /** Stops when the validation loss has not fallen by more than `minDelta` for `patience` epochs. */
  earlyStopping: orElse(
    Schema.NullOr(Schema.Struct({ patience: positiveInt, minDelta: orElse(notNegative, 0) })),
    null
  ),
  /**
   * The weight of each class, by which the losses of its rows are multiplied in training, 1 for those that are missing; or
   * `"balanced"` for weights that make up for different numbers of rows, as scikit-learn computes them. Default: none.
   */
  classWeight: Schema.optionalKey(
    Schema.NullOr(Schema.Union([Schema.Literal("balanced"), Schema.Record(Schema.String, notNegative)]))
  ),
  /** Whether to return the weights of the epoch with the lowest validation loss instead of the last. */
  restoreBest: orElse(Schema.Boolean, false)
})

/** All options, with their values. */
export type Options = typeof Options.Type

/** Options as callers pass them, with defaults missing. */
export type OptionsInput = typeof Options.Encoded

/** Validates options, also in combination. `owner` is the function that messages name. */
export const make = (given: OptionsInput, owner = "Nbow.fit"): Effect.Effect<Options, OptionsError> => {
  if (typeof given === "object" && given !== null && "sampleWeight" in given) {
    const message = "the weights of rows are data: pass them beside texts and labels"
    return Effect.fail(invalid(owner, "sampleWeight", message))
  }
  const refused = problemBefore((given as { readonly vectorizer?: unknown } | undefined)?.vectorizer)
  if (refused !== undefined) return Effect.fail(invalid(owner, `vectorizer.${refused.option}`, refused.message))
  return Effect.flatMap(decode(Options, owner)(given), (options) => {
    if (options.validationSplit === 0 && options.earlyStopping !== null) {
      return Effect.fail(invalid(owner, "earlyStopping", "there is no validation loss with validationSplit 0"))
    }
    if (options.validationSplit === 0 && options.restoreBest) {
      return Effect.fail(invalid(owner, "restoreBest", "there is no validation loss with validationSplit 0"))
    }
    const problem = problemIn(options.vectorizer)
    return problem === undefined
      ? Effect.succeed(options)
      : Effect.fail(invalid(owner, `vectorizer.${problem.option}`, problem.message))
  })
}

/** The options of a model's vectorizer. */
export const vectorizerOptions = ({ vectorizer, vocabularySize }: Options): CountVectorizer.Options => ({
  ...vectorizer,
  maxFeatures: vocabularySize
})

/** Whether options have what the first version of stored models does not know. */
export const isLater = ({ classWeight, vectorizer }: Options): boolean =>
  classWeight !== undefined || Object.keys(laterFields).some((name) => name in vectorizer)
