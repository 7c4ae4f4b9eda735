/**
 * A neural bag-of-words classifier: term counts, one hidden layer, and a probability. `fit` learns the vocabulary and
 * the network from labelled texts, `predict` scores texts, and a model is plain data, which `Model` stores as
 * safetensors.
 *
 * `fit` uses TensorFlow.js with a custom kernel: the network is initialized as a `tf.LayersModel`, and a fused training
 * kernel, registered with TensorFlow.js, updates its weights on sparse rows. Scoring does not need TensorFlow.
 */
import type { LayersModel } from "@tensorflow/tfjs-layers"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Effects from "./internal/effects.ts"
import { explained } from "./internal/effects.ts"
import * as Layers from "./internal/layers.ts"
import type { Model, MulticlassModel } from "./internal/nbowModel.ts"
import { predict } from "./internal/predict.ts"
import type { TextError } from "./internal/texts.ts"
import * as Tensorflow from "./Tensorflow.ts"

export { type CardOptions, type EvaluationCard, evaluationCard, type LabelledRows } from "./evaluationCard.ts"
export { type Classified, type ClassifyOptions, classify } from "./internal/classify.ts"
export type { LabelledOf, TextsOf, TrainingDataOf } from "./internal/datasetTexts.ts"
export type { CountedEffect, Explanation, TermEffect } from "./internal/effects.ts"
export { FitError } from "./internal/fitNetwork.ts"
export { type CurveOptions, type CurvePoint, learningCurve } from "./internal/learningCurve.ts"
export { type Fit, type FitOptions, fit, type TrainingData } from "./internal/nbowFit.ts"
export { Model } from "./internal/nbowModel.ts"
export { Options, type OptionsInput } from "./internal/nbowOptions.ts"
export type { Weights } from "./internal/network.ts"

import { limitOf } from "./internal/options.ts"

export { OptionsError } from "./internal/options.ts"
export { type Evaluation, evaluate, type Labelled, type Predict, predict } from "./internal/predict.ts"
export { TrainingError } from "./internal/TrainingError.ts"
export { TextError } from "./internal/texts.ts"
export type { Epoch } from "./internal/train.ts"

/**
 * The probability of label 1 for each text of a stream, which may be endless. Texts are scored in the chunks that they
 * arrive in. Fails with `TextError` if one is not a string.
 *
 * @param model A trained model.
 * @param texts The texts.
 *
 * @example
 * ```ts
 * const scores = Nbow.predictStream(model, Stream.make("good", "bad"))
 * ```
 */
export const predictStream = <E, R>(
  model: Model,
  texts: Stream.Stream<string, E, R>
): Stream.Stream<number, E | TextError, R> =>
  Stream.mapArrayEffect(texts, (chunk) =>
    Effect.map(predict(model, chunk), (scores) => Array.from(scores) as [number, ...Array<number>])
  ) // chunks are never empty

/**
 * Explains the score of a text: the effect of each of its terms on the log-odds of label 1. Fails with `TextError` if the text
 * is not a string.
 *
 * @param model A trained model.
 * @param text The text.
 *
 * @example
 * ```ts
 * const { score, terms } = yield* Nbow.explain(model, "Soft, but not worth the price")
 * for (const { effect, term } of terms) yield* Effect.log(`${term}: ${effect.toFixed(2)}`)
 * ```
 */
export const explain = (model: Model, text: string): Effect.Effect<Effects.Explanation, TextError> =>
  Effect.map(
    explained(model, text, () => 0),
    ({ output: _, ...explanation }) => explanation
  )

/** The terms with the largest effects. */
export interface TopTerms {
  /** For label 1, the strongest first. */
  readonly positive: ReadonlyArray<Effects.TermEffect>
  /** For label 0, the strongest first. */
  readonly negative: ReadonlyArray<Effects.TermEffect>
}

/**
 * The terms that speak most for label 1 and for label 0: by the log-odds of label 1 of a text that has only this term,
 * compared with a text without known terms.
 *
 * @param model A trained model.
 * @param options The number of terms for each label. Default: 10.
 *
 * @example
 * ```ts
 * const { negative, positive } = Nbow.topTerms(model, { limit: 5 })
 * ```
 */
export const topTerms = (model: Model, { limit = 10 }: { readonly limit?: number } = {}): TopTerms => {
  const sorted = Effects.ofTerms(model, 0)
  const positive = sorted.filter(({ effect }) => effect > 0)
  const negative = sorted.filter(({ effect }) => effect < 0).reverse()
  const most = limitOf("Nbow.topTerms", limit)
  return { positive: positive.slice(0, most), negative: negative.slice(0, most) }
}

/**
 * The model, or one of `MulticlassNbow`, as a `tf.LayersModel` on dense counts, for code that takes such models. Its weights are copies. It is disposed when
 * the scope closes. Fails with `TensorflowError` if TensorFlow.js can't be loaded.
 *
 * @example
 * ```ts
 * const layersModel = yield* Nbow.toLayersModel(model)
 * ```
 */
export const toLayersModel = (
  model: Model | MulticlassModel
): Effect.Effect<LayersModel, Tensorflow.TensorflowError, Tensorflow.Tensorflow | Scope.Scope> =>
  Effect.flatMap(Tensorflow.tf, (tf) =>
    Effect.acquireRelease(
      Effect.sync(() => Layers.of(tf, model.vectorizer.vocabulary.length, model.options, model.weights)),
      (layersModel) => Effect.sync(() => layersModel.dispose())
    )
  )
