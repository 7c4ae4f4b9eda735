/** Metrics of predictions: scores that a threshold divides into 0 and 1. Defined as in scikit-learn. */
import * as Effect from "effect/Effect"
import { check, checkThreshold, type MetricsError } from "./metricsInput.ts"

/** The number of rows by label and prediction. */
export interface ConfusionMatrix {
  readonly truePositives: number
  readonly falsePositives: number
  readonly trueNegatives: number
  readonly falseNegatives: number
}

/**
 * Counts rows by label and prediction. Fails with `MetricsError` if the lengths differ, a label is neither 0 nor
 * 1, or a score or the threshold is not a number.
 *
 * @param labels 0 or 1 for each row.
 * @param scores A score for each row.
 * @param threshold Scores above it predict 1; a score equal to it predicts 0. Default: 0.5.
 *
 * @example
 * ```ts
 * const matrix = yield* BinaryMetrics.confusionMatrix([0, 1, 1], [0.2, 0.9, 0.4])
 * ```
 */
export const confusionMatrix = (
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  threshold = 0.5
): Effect.Effect<ConfusionMatrix, MetricsError> =>
  Effect.suspend(() => {
    const error = check(labels, scores) ?? checkThreshold(threshold)
    return error === undefined ? Effect.succeed(matrixOf(labels, scores, threshold)) : Effect.fail(error)
  })

/** Counts rows that were checked. */
export const matrixOf = (labels: ArrayLike<number>, scores: ArrayLike<number>, threshold: number): ConfusionMatrix => {
  let [truePositives, falsePositives, trueNegatives, falseNegatives] = [0, 0, 0, 0]
  for (let row = 0; row < labels.length; row++) {
    const predicted = (scores[row] as number) > threshold // there is a score for each label
    if (labels[row] === 1) predicted ? truePositives++ : falseNegatives++
    else predicted ? falsePositives++ : trueNegatives++
  }
  return { truePositives, falsePositives, trueNegatives, falseNegatives }
}

/** A quotient, or 0 if there is nothing to divide by, as in scikit-learn. */
const ratio = (part: number, of: number): number => (of === 0 ? 0 : part / of)

/** What is said of predictions as one number. */
export interface Figures {
  readonly accuracy: number
  readonly precision: number
  readonly recall: number
  readonly f1: number
}

/** What counted rows come to. */
export const figuresOf = (matrix: ConfusionMatrix): Figures => {
  const { falseNegatives, falsePositives, trueNegatives, truePositives } = matrix
  return {
    accuracy: ratio(truePositives + trueNegatives, truePositives + trueNegatives + falsePositives + falseNegatives),
    precision: ratio(truePositives, truePositives + falsePositives),
    recall: ratio(truePositives, truePositives + falseNegatives),
    f1: ratio(2 * truePositives, 2 * truePositives + falsePositives + falseNegatives)
  }
}

/**
 * The fraction of rows that are predicted correctly, from 0 to 1. Fails as `confusionMatrix` fails.
 *
 * @param labels 0 or 1 for each row.
 * @param scores A score for each row.
 * @param threshold Scores above it predict 1; a score equal to it predicts 0. Default: 0.5.
 *
 * @example
 * ```ts
 * const accuracy = yield* BinaryMetrics.accuracy([0, 1, 1], [0.2, 0.9, 0.4]) // 0.667
 * ```
 */
export const accuracy = (
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  threshold = 0.5
): Effect.Effect<number, MetricsError> =>
  Effect.map(confusionMatrix(labels, scores, threshold), (matrix) => figuresOf(matrix).accuracy)

/**
 * The fraction of the rows predicted 1 whose label is 1, and 0 if no row is predicted 1. Fails as `confusionMatrix` fails.
 *
 * @param labels 0 or 1 for each row.
 * @param scores A score for each row.
 * @param threshold Scores above it predict 1; a score equal to it predicts 0. Default: 0.5.
 *
 * @example
 * ```ts
 * const precision = yield* BinaryMetrics.precision([0, 1, 1], [0.2, 0.9, 0.4]) // 1
 * ```
 */
export const precision = (
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  threshold = 0.5
): Effect.Effect<number, MetricsError> =>
  Effect.map(confusionMatrix(labels, scores, threshold), (matrix) => figuresOf(matrix).precision)

/**
 * The fraction of the rows with label 1 that are predicted 1, and 0 if no label is 1. Fails as `confusionMatrix` fails.
 *
 * @param labels 0 or 1 for each row.
 * @param scores A score for each row.
 * @param threshold Scores above it predict 1; a score equal to it predicts 0. Default: 0.5.
 *
 * @example
 * ```ts
 * const recall = yield* BinaryMetrics.recall([0, 1, 1], [0.2, 0.9, 0.4]) // 0.5
 * ```
 */
export const recall = (
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  threshold = 0.5
): Effect.Effect<number, MetricsError> =>
  Effect.map(confusionMatrix(labels, scores, threshold), (matrix) => figuresOf(matrix).recall)

/**
 * The harmonic mean of precision and recall, and 0 if no row is predicted 1 and no label is 1. Fails as `confusionMatrix` fails.
 *
 * @param labels 0 or 1 for each row.
 * @param scores A score for each row.
 * @param threshold Scores above it predict 1; a score equal to it predicts 0. Default: 0.5.
 *
 * @example
 * ```ts
 * const f1 = yield* BinaryMetrics.f1([0, 1, 1], [0.2, 0.9, 0.4]) // 0.667
 * ```
 */
export const f1 = (
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  threshold = 0.5
): Effect.Effect<number, MetricsError> =>
  Effect.map(confusionMatrix(labels, scores, threshold), (matrix) => figuresOf(matrix).f1)
