/**
 * What `Nbow.fit` can be told. The defaults are the tutorial's.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as CountVectorizer from "../CountVectorizer.ts"
import { decode, invalid, type OptionsError, orElse } from "./options.ts"

const positiveInt = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
const notNegative = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))
const share = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0), Schema.isLessThan(1))

/** Options of `Nbow.fit`. */
export const Options = Schema.Struct({
  /** At most so many terms are looked at, the most frequent. */
  vocabularySize: orElse(positiveInt, 750),
  /** How texts become counts. */
  vectorizer: orElse(
    Schema.Struct({
      minDf: orElse(CountVectorizer.Bound, { proportion: 0.005 }),
      maxDf: orElse(CountVectorizer.Bound, { proportion: 0.75 }),
      stopWords: orElse(CountVectorizer.StopWords, "english"),
      stripAccents: orElse(CountVectorizer.StripAccents, "ascii")
    }),
    {}
  ),
  /** Hidden units. */
  hiddenSize: orElse(positiveInt.check(Schema.isLessThanOrEqualTo(65_536)), 15),
  /** The share of a text's terms that training leaves out, others each time. */
  dropout: orElse(share, 0.1),
  /** How strongly the size of the hidden weights is punished: their absolute values, and their squares. */
  l1: orElse(notNegative, 1e-5),
  l2: orElse(notNegative, 1e-4),
  learningRate: orElse(Schema.Finite.check(Schema.isGreaterThan(0)), 0.002),
  batchSize: orElse(positiveInt, 32),
  epochs: orElse(positiveInt, 10),
  /** The share of the rows, the last ones, that are not trained on: the loss on them shows when to stop. */
  validationSplit: orElse(share, 0.2),
  /** Whether every epoch takes the rows in another order. */
  shuffle: orElse(Schema.Boolean, true),
  /** One seed gives one model. */
  seed: orElse(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)), 1),
  /** Stops when the validation loss has not fallen by more than `minDelta` for `patience` epochs. */
  earlyStopping: orElse(
    Schema.NullOr(Schema.Struct({ patience: positiveInt, minDelta: orElse(notNegative, 0) })),
    null
  ),
  /** Whether the model is the one of the epoch with the lowest validation loss, not the one of the last. */
  restoreBest: orElse(Schema.Boolean, false)
})

/** All options, with their values. */
export type Options = typeof Options.Type

/** Options as they are given. */
export type OptionsInput = typeof Options.Encoded

const check = decode(Options, "Nbow.fit")

/** Options that make sense, alone and together. */
export const make = (given: OptionsInput): Effect.Effect<Options, OptionsError> =>
  Effect.flatMap(check(given), (options) => {
    if (options.validationSplit === 0 && options.earlyStopping !== null) {
      return Effect.fail(invalid("Nbow.fit", "earlyStopping", "there is no validation loss with validationSplit 0"))
    }
    if (options.validationSplit === 0 && options.restoreBest) {
      return Effect.fail(invalid("Nbow.fit", "restoreBest", "there is no validation loss with validationSplit 0"))
    }
    return Effect.succeed(options)
  })

/** What a model's vectorizer is told. */
export const vectorizerOptions = ({ vectorizer, vocabularySize }: Options): CountVectorizer.Options => ({
  ...vectorizer,
  maxFeatures: vocabularySize
})
