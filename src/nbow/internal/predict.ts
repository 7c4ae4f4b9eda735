/** Scores texts, and evaluates a model on labelled texts. Shared by `Nbow` and its evaluation card. */
import * as Effect from "effect/Effect"
import * as BinaryMetrics from "../BinaryMetrics.ts"
import * as CountVectorizer from "../CountVectorizer.ts"
import type { Model } from "./nbowModel.ts"
import { makeTokenScore, measure, penaltyOf } from "./network.ts"
import { checkList, detailsOf, eachText } from "./texts.ts"

/** Texts with labels 0 or 1. */
export interface Labelled {
  readonly texts: ReadonlyArray<string>
  readonly labels: ArrayLike<number>
}

/**
 * The probability of label 1 for each text, from 0 to 1. It needs neither TensorFlow.js nor more memory than one number
 * per text. A text that is not a string is a defect, `TextError`.
 *
 * @param model A trained model.
 * @param texts The texts.
 *
 * @example
 * ```ts
 * const [score] = yield* Nbow.predict(model, ["good"])
 * ```
 */
export const predict: (model: Model, texts: ReadonlyArray<string>) => Effect.Effect<Float32Array> = (model, texts) =>
  Effect.orDie(score(model, texts))

const score = Effect.fnUntraced(function* (model: Model, texts: ReadonlyArray<string>) {
  const error = checkList(texts)
  if (error !== undefined) return yield* error
  const table = CountVectorizer.tableOf(model.vectorizer)
  const scoreTokens = makeTokenScore(model.weights)
  const scores = new Float32Array(texts.length)
  yield* eachText(texts, (text, i) => {
    const count = table.scan(text, false)
    scores[i] = scoreTokens(table.tokens, count)
  })
  return scores
})

/** The metrics of a model on labelled texts. */
export interface Evaluation {
  /** The fraction of texts whose probability is on the correct side of 0.5. */
  readonly accuracy: number
  readonly rocAuc: number
  /** The mean cross-entropy plus the penalty, as in training. */
  readonly loss: number
}

/**
 * Evaluates a model on labelled texts. Fails with `MetricsError` if a label is missing or neither 0 nor 1, or a
 * text is not a string.
 *
 * @param model A trained model.
 * @param data Texts and their labels. Both labels must occur.
 *
 * @example
 * ```ts
 * const { accuracy, rocAuc } = yield* Nbow.evaluate(model, { texts: ["good", "bad"], labels: [1, 0] })
 * ```
 */
export const evaluate: (model: Model, data: Labelled) => Effect.Effect<Evaluation, BinaryMetrics.MetricsError> =
  Effect.fnUntraced(function* (model, { labels, texts }) {
    const scores = yield* Effect.mapError(
      score(model, texts),
      (error) => new BinaryMetrics.MetricsError({ reason: "text", ...detailsOf(error) })
    )
    const accuracy = yield* BinaryMetrics.accuracy(labels, scores)
    const rocAuc = yield* BinaryMetrics.rocAuc(labels, scores)
    return { accuracy, rocAuc, loss: measure(labels, scores, 0).loss + penaltyOf(model.weights, model.options) }
  })
