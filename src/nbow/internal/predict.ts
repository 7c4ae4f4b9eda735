/** Scores texts, and evaluates a model on labelled texts. Shared by `Nbow` and its evaluation card. */
import * as Effect from "effect/Effect"
import type * as Artifact from "../../Artifact.ts"
import type { ArtifactError, ArtifactStore } from "../../ArtifactStore.ts"
import * as BinaryMetrics from "../BinaryMetrics.ts"
import { eachTextChunk, isDataset, type TextsOf } from "./datasetTexts.ts"
import type { Model } from "./nbowModel.ts"
import { measure, penaltyOf } from "./network.ts"
import { makeScorer, type TextNetwork } from "./scorer.ts"
import { checkList, detailsOf, eachText, laterBy, type TextError } from "./texts.ts"

/** Texts with labels 0 or 1. */
export interface Labelled {
  readonly texts: ReadonlyArray<string>
  readonly labels: ArrayLike<number>
}

/** Scores texts, or a column of a dataset. */
export interface Predict {
  (model: Model, texts: ReadonlyArray<string>): Effect.Effect<Float32Array, TextError>
  <F extends Artifact.TableFields>(
    model: Model,
    texts: TextsOf<F>
  ): Effect.Effect<Float32Array, ArtifactError | TextError, ArtifactStore>
}

/**
 * The probability of label 1 for each text, from 0 to 1. It needs neither TensorFlow.js nor more memory than one number
 * per text: the texts of a dataset are read a row group at a time. Fails with `TextError` if a text is not a string.
 *
 * @param model A trained model.
 * @param texts The texts, or the dataset and the column that has them.
 *
 * @example
 * ```ts
 * const [score] = yield* Nbow.predict(model, ["good"])
 * const scores = yield* Nbow.predict(model, { dataset: reviews, texts: "review" })
 * ```
 */
export const predict: Predict = ((model: Model, texts: ReadonlyArray<string> | TextsOf<Artifact.TableFields>) =>
  scoreGiven(model, texts)) as Predict // services and errors are those of a dataset only where one is given

/** Scores texts, or a column of a dataset: one number for each output of a row. */
export const scoreGiven = (model: TextNetwork, texts: ReadonlyArray<string> | TextsOf<Artifact.TableFields>) =>
  isDataset(texts) ? scoreChunks(model, texts.dataset.numRows, (use) => eachTextChunk(texts, use)) : score(model, texts)

/** Scores texts that are in memory: one number for each output of a row. */
const score = (model: TextNetwork, texts: ReadonlyArray<string>): Effect.Effect<Float32Array, TextError> => {
  const error = checkList(texts)
  return error === undefined ? scoreChunks(model, texts.length, (use) => use(texts)) : Effect.fail(error)
}

/** Scores texts that arrive in chunks: one number for each output of a row. */
const scoreChunks = <E, R>(
  model: TextNetwork,
  rows: number,
  eachChunk: (use: (texts: ReadonlyArray<string>) => Effect.Effect<void, TextError>) => Effect.Effect<void, E, R>
) =>
  Effect.suspend(() => {
    const scoreText = makeScorer(model)
    const outputs = model.weights.outputBias.length
    const scores = new Float32Array(rows * outputs)
    let row = 0
    const scoring = eachChunk((texts) => {
      const before = row
      row += texts.length
      return Effect.mapError(
        eachText(texts, (text, i) => {
          scoreText(text, scores, outputs * (before + i))
        }),
        (error) => laterBy(error, before)
      )
    })
    return Effect.as(scoring, scores)
  })

/** Scores texts. Fails as metrics do if one is not a string. */
export const scoreLabelled = (model: TextNetwork, texts: ReadonlyArray<string>) =>
  Effect.mapError(
    score(model, texts),
    (error) => new BinaryMetrics.MetricsError({ reason: "text", ...detailsOf(error) })
  )

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
    const scores = yield* scoreLabelled(model, texts)
    const accuracy = yield* BinaryMetrics.accuracy(labels, scores)
    const rocAuc = yield* BinaryMetrics.rocAuc(labels, scores)
    return { accuracy, rocAuc, loss: lossOf(model, labels, scores) }
  })

/** The mean cross-entropy of scores plus the penalty. Every label is 0 or 1. */
export const lossOf = (model: Model, labels: ArrayLike<number>, scores: Float32Array): number =>
  measure(labels, scores, 0).loss + penaltyOf(model.weights, model.options)
