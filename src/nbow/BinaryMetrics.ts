/**
 * Metrics of binary classification: accuracy, the ROC curve, the area under it, and the confusion matrix, defined as in
 * scikit-learn. Labels are 0 and 1. A higher score means that a row is more likely to be 1.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { badLabel } from "./internal/labels.ts"

/** Labels and scores from which a metric can't be computed. */
export class MetricsError extends Schema.TaggedError<MetricsError>()("MetricsError", {
  /**
   * `length`: there are not as many scores as labels. `empty`: there are no rows. `label`: one is neither 0 nor 1.
   * `score`: a score is not finite. `class`: all labels are the same, so there is nothing to distinguish.
   */
  reason: Schema.Literals(["length", "empty", "label", "score", "class"]),
  message: Schema.String,
  /** The row that the message is about, from 0. */
  row: Schema.optionalKey(Schema.Int)
}) {}

const checkLabels = (labels: ArrayLike<number>, scores: ArrayLike<number>): MetricsError | undefined => {
  if (labels.length !== scores.length) {
    return new MetricsError({
      reason: "length",
      message: `There are ${labels.length} labels and ${scores.length} scores.`
    })
  }
  if (labels.length === 0) return new MetricsError({ reason: "empty", message: "There are no rows to measure." })
  const bad = badLabel(labels)
  return bad === undefined ? undefined : new MetricsError({ reason: "label", ...bad })
}

const check = (labels: ArrayLike<number>, scores: ArrayLike<number>): MetricsError | undefined => {
  const error = checkLabels(labels, scores)
  if (error !== undefined) return error
  let ones = 0
  for (let row = 0; row < labels.length; row++) {
    if (!Number.isFinite(scores[row])) {
      return new MetricsError({ reason: "score", message: `The score of row ${row} is ${scores[row]}.`, row })
    }
    if (labels[row] === 1) ones++
  }
  if (ones > 0 && ones < labels.length) return undefined
  return new MetricsError({
    reason: "class",
    message: `All ${labels.length} labels are ${labels[0]}: without rows of both classes there is no ROC curve and no area under it.`
  })
}

/** The number of rows by label and prediction. */
export interface ConfusionMatrix {
  readonly truePositives: number
  readonly falsePositives: number
  readonly trueNegatives: number
  readonly falseNegatives: number
}

/**
 * Counts rows by label and prediction. Fails with `MetricsError` if the lengths differ or a label is neither 0 nor 1.
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
    const error = checkLabels(labels, scores)
    if (error !== undefined) return Effect.fail(error)
    let [truePositives, falsePositives, trueNegatives, falseNegatives] = [0, 0, 0, 0]
    for (let row = 0; row < labels.length; row++) {
      const predicted = (scores[row] as number) > threshold // there is a score for each label
      if (labels[row] === 1) predicted ? truePositives++ : falseNegatives++
      else predicted ? falsePositives++ : trueNegatives++
    }
    return Effect.succeed({ truePositives, falsePositives, trueNegatives, falseNegatives })
  })

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
  Effect.map(
    confusionMatrix(labels, scores, threshold),
    ({ truePositives, trueNegatives }) => (truePositives + trueNegatives) / labels.length
  )

/** Scores of one class, ascending. */
const sortedScores = (labels: ArrayLike<number>, scores: ArrayLike<number>, label: 0 | 1): Float64Array => {
  const found = new Float64Array(labels.length)
  let count = 0
  for (let row = 0; row < labels.length; row++) if (labels[row] === label) found[count++] = scores[row] as number // there is a score for each label
  return found.subarray(0, count).sort()
}

/**
 * The area under the ROC curve, from 0 to 1: the probability that a row of class 1 has a higher score than a row of
 * class 0, with ties counted as one half (the Mann-Whitney U statistic, divided by the number of pairs). Fails with
 * `MetricsError` if a class is missing.
 *
 * @param labels 0 or 1 for each row.
 * @param scores A score for each row.
 *
 * @example
 * ```ts
 * const auc = yield* BinaryMetrics.rocAuc([0, 1, 1], [0.2, 0.9, 0.4]) // 1
 * ```
 */
export const rocAuc = (labels: ArrayLike<number>, scores: ArrayLike<number>): Effect.Effect<number, MetricsError> =>
  Effect.suspend(() => {
    const error = check(labels, scores)
    if (error !== undefined) return Effect.fail(error)
    const ones = sortedScores(labels, scores, 1)
    const zeros = sortedScores(labels, scores, 0)
    let lower = 0
    let notHigher = 0
    let halves = 0 // integers until the final division, so nothing is rounded before it
    for (const score of ones) {
      while (lower < zeros.length && (zeros[lower] as number) < score) lower++
      while (notHigher < zeros.length && (zeros[notHigher] as number) <= score) notHigher++
      halves += lower + notHigher
    }
    return Effect.succeed(halves / 2 / ones.length / zeros.length)
  })

/** Points of a ROC curve, from no row predicted 1 to all of them. */
export interface RocCurve {
  readonly falsePositiveRates: ReadonlyArray<number>
  readonly truePositiveRates: ReadonlyArray<number>
  /** Rows with a score of at least this are predicted 1; infinite at the first point. */
  readonly thresholds: ReadonlyArray<number>
}

/**
 * The ROC curve, reduced to the points where it turns. Fails with `MetricsError` if a class is missing.
 *
 * @param labels 0 or 1 for each row.
 * @param scores A score for each row.
 *
 * @example
 * ```ts
 * const { truePositiveRates } = yield* BinaryMetrics.rocCurve([0, 1, 1], [0.2, 0.9, 0.4])
 * ```
 */
export const rocCurve = (labels: ArrayLike<number>, scores: ArrayLike<number>): Effect.Effect<RocCurve, MetricsError> =>
  Effect.suspend(() => {
    const error = check(labels, scores)
    if (error !== undefined) return Effect.fail(error)
    const ones = sortedScores(labels, scores, 1)
    const zeros = sortedScores(labels, scores, 0)
    // Counts of rows at or above each score, from the highest down.
    const points: Array<readonly [falsePositives: number, truePositives: number, threshold: number]> = [
      [0, 0, Infinity]
    ]
    for (let i = ones.length, j = zeros.length; i > 0 || j > 0; ) {
      const score = Math.max(ones[i - 1] ?? -Infinity, zeros[j - 1] ?? -Infinity)
      while (i > 0 && (ones[i - 1] as number) >= score) i--
      while (j > 0 && (zeros[j - 1] as number) >= score) j--
      points.push([zeros.length - j, ones.length - i, score])
    }
    const turns = points.filter(([x, y], at) => {
      const before = points[at - 1]
      const after = points[at + 1]
      if (before === undefined || after === undefined) return true
      return (x - before[0]) * (after[1] - y) !== (after[0] - x) * (y - before[1])
    })
    return Effect.succeed({
      falsePositiveRates: turns.map(([x]) => x / zeros.length),
      truePositiveRates: turns.map(([, y]) => y / ones.length),
      thresholds: turns.map(([, , threshold]) => threshold)
    })
  })
