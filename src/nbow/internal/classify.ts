/** Predicts labels 0 and 1 with a threshold that is given, or chosen on labelled texts. */
import * as Effect from "effect/Effect"
import { bestThreshold } from "./bestThreshold.ts"
import { checkThreshold, MetricsError } from "./metricsInput.ts"
import type { Model } from "./nbowModel.ts"
import { type Labelled, scoreLabelled } from "./predict.ts"

/** A threshold, or how to choose one on labelled texts. */
export type ClassifyOptions =
  | {
      /** Scores above it predict 1. Default: 0.5. */
      readonly threshold?: number
    }
  | {
      /** The threshold with the highest F1 on these texts. */
      readonly by: "f1"
      readonly on: Labelled
    }
  | {
      /** The threshold with the lowest cost on these texts. */
      readonly by: "cost"
      readonly on: Labelled
      /** What it costs to predict 1 for label 0. */
      readonly falsePositive: number
      /** What it costs to predict 0 for label 1. */
      readonly falseNegative: number
    }

/** Predicted labels. */
export interface Classified {
  readonly labels: ReadonlyArray<0 | 1>
  /** The probability of label 1 for each text. */
  readonly scores: Float32Array
  /** Scores above it predict 1. */
  readonly threshold: number
}

/**
 * Predicts a label for each text: 1 if its probability is above the threshold. The threshold is 0.5, or another number, or
 * the best one for labelled texts, which should be none that the model was trained on: `by: "f1"`, or `by: "cost"` if one
 * kind of mistake costs more than the other. Fails with `MetricsError` if the threshold is not a number, a cost is not at
 * least 0, the labelled texts are not as `evaluate` needs them, or a text is not a string.
 *
 * @param model A trained model.
 * @param texts The texts.
 * @param options The threshold.
 *
 * @example
 * ```ts
 * const { labels, threshold } = yield* Nbow.classify(model, texts, {
 *   by: "cost",
 *   on: { texts: valdf.columns.review, labels: valdf.columns.labels },
 *   falsePositive: 1,
 *   falseNegative: 5
 * })
 * ```
 */
export const classify: (
  model: Model,
  texts: ReadonlyArray<string>,
  options?: ClassifyOptions
) => Effect.Effect<Classified, MetricsError> = Effect.fnUntraced(function* (model, texts, options = {}) {
  const threshold = yield* thresholdOf(model, options)
  const scores = yield* scoreLabelled(model, texts)
  return { labels: Array.from(scores, (score) => (score > threshold ? 1 : 0)), scores, threshold }
})

const thresholdOf = Effect.fnUntraced(function* (model: Model, options: ClassifyOptions) {
  if (!("by" in options)) {
    const { threshold = 0.5 } = options
    const error = checkThreshold(threshold)
    return error === undefined ? threshold : yield* error
  }
  const { by, on } = options
  if (by !== "f1" && by !== "cost") {
    const message = `Nbow.classify: option by: expected "f1" or "cost", got ${JSON.stringify(by)}`
    return yield* new MetricsError({ reason: "option", message })
  }
  if (typeof on !== "object" || on === null) {
    const message = "Nbow.classify: option on: expected labelled texts to choose the threshold on"
    return yield* new MetricsError({ reason: "option", message })
  }
  const scores = yield* scoreLabelled(model, on.texts)
  const best = yield* bestThreshold(on.labels, scores, by === "f1" ? by : options)
  return best.threshold
})
