/** Metrics of an order: how well scores rank rows of class 1 above rows of class 0. Defined as in scikit-learn. */
import * as Effect from "effect/Effect"
import { checkClasses, type MetricsError } from "./metricsInput.ts"

/** Scores of one class, ascending. */
const sortedScores = (labels: ArrayLike<number>, scores: ArrayLike<number>, label: 0 | 1): Float64Array => {
  const ofLabel = new Float64Array(labels.length)
  let count = 0
  for (let row = 0; row < labels.length; row++) if (labels[row] === label) ofLabel[count++] = scores[row] as number // there is a score for each label
  return ofLabel.subarray(0, count).sort()
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
    const error = checkClasses(labels, scores)
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

/** Counts of the rows with at least a score, by label, for each distinct score from the highest down. */
interface Counts {
  readonly falsePositives: ReadonlyArray<number>
  readonly truePositives: ReadonlyArray<number>
  readonly thresholds: ReadonlyArray<number>
}

/** Counts rows by label for each distinct score. */
export const countsOf = (labels: ArrayLike<number>, scores: ArrayLike<number>): Counts => {
  const ones = sortedScores(labels, scores, 1)
  const zeros = sortedScores(labels, scores, 0)
  const falsePositives: Array<number> = []
  const truePositives: Array<number> = []
  const thresholds: Array<number> = []
  for (let i = ones.length, j = zeros.length; i > 0 || j > 0; ) {
    const score = Math.max(ones[i - 1] ?? -Infinity, zeros[j - 1] ?? -Infinity)
    while (i > 0 && (ones[i - 1] as number) >= score) i-- // within bounds
    while (j > 0 && (zeros[j - 1] as number) >= score) j--
    falsePositives.push(zeros.length - j)
    truePositives.push(ones.length - i)
    thresholds.push(score)
  }
  return { falsePositives, truePositives, thresholds }
}

/** Points of a ROC curve, from no row predicted 1 to all of them. */
export interface RocCurve {
  readonly falsePositiveRates: ReadonlyArray<number>
  readonly truePositiveRates: ReadonlyArray<number>
  /** Rows with a score of at least this are predicted 1; infinite at the first point. */
  readonly thresholds: ReadonlyArray<number>
}

/**
 * The ROC curve: the points of scikit-learn's `roc_curve`, which leaves out points between equal steps. Fails with
 * `MetricsError` if a class is missing.
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
    const error = checkClasses(labels, scores)
    if (error !== undefined) return Effect.fail(error)
    const { falsePositives, thresholds, truePositives } = countsOf(labels, scores)
    const last = thresholds.length - 1
    const bends = (counts: ReadonlyArray<number>, at: number): boolean => {
      const [before, here, after] = [counts[at - 1], counts[at], counts[at + 1]] as [number, number, number] // an inner point
      return after - here !== here - before
    }
    const kept = [...thresholds.keys()].filter(
      (at) => at === 0 || at === last || bends(falsePositives, at) || bends(truePositives, at)
    )
    const pick = (values: ReadonlyArray<number>) => kept.map((at) => values[at] as number) // indices of `values`
    const zeros = falsePositives[last] as number // all rows of a class
    const ones = truePositives[last] as number
    return Effect.succeed({
      falsePositiveRates: [0, ...pick(falsePositives).map((count) => count / zeros)],
      truePositiveRates: [0, ...pick(truePositives).map((count) => count / ones)],
      thresholds: [Infinity, ...pick(thresholds)]
    })
  })

/** Points of a precision-recall curve, from all rows predicted 1 to none of them. */
export interface PrecisionRecallCurve {
  /** The precision at each threshold, and 1 at the end, where no row is predicted 1. */
  readonly precisions: ReadonlyArray<number>
  /** The recall at each threshold, and 0 at the end. */
  readonly recalls: ReadonlyArray<number>
  /** The distinct scores, ascending. Rows with a score of at least this are predicted 1. One fewer than points. */
  readonly thresholds: ReadonlyArray<number>
}

/**
 * The precision-recall curve, with a point for each distinct score. Fails with `MetricsError` if a class is missing.
 *
 * @param labels 0 or 1 for each row.
 * @param scores A score for each row.
 *
 * @example
 * ```ts
 * const { precisions, recalls } = yield* BinaryMetrics.precisionRecallCurve([0, 1, 1], [0.2, 0.9, 0.4])
 * ```
 */
export const precisionRecallCurve = (
  labels: ArrayLike<number>,
  scores: ArrayLike<number>
): Effect.Effect<PrecisionRecallCurve, MetricsError> =>
  Effect.suspend(() => {
    const error = checkClasses(labels, scores)
    if (error !== undefined) return Effect.fail(error)
    const { falsePositives, thresholds, truePositives } = countsOf(labels, scores)
    const ones = truePositives[thresholds.length - 1] as number // there is a score
    const precisions = truePositives.map((count, i) => count / (count + (falsePositives[i] as number))) // as long
    return Effect.succeed({
      precisions: [...precisions.reverse(), 1],
      recalls: [...truePositives.map((count) => count / ones).reverse(), 0],
      thresholds: [...thresholds].reverse()
    })
  })

/**
 * The average precision: the mean of the precisions at each threshold, weighted by the recall that it adds. It summarizes
 * the precision-recall curve without interpolating between its points. Fails with `MetricsError` if a class is missing.
 *
 * @param labels 0 or 1 for each row.
 * @param scores A score for each row.
 *
 * @example
 * ```ts
 * const average = yield* BinaryMetrics.averagePrecision([0, 1, 1], [0.2, 0.9, 0.4]) // 1
 * ```
 */
export const averagePrecision = (
  labels: ArrayLike<number>,
  scores: ArrayLike<number>
): Effect.Effect<number, MetricsError> => Effect.map(precisionRecallCurve(labels, scores), averageOf)

/** The average precision of a curve. */
export const averageOf = ({ precisions, recalls }: PrecisionRecallCurve): number =>
  integrate(recalls, (i) => precisions[i] as number) // one for each recall

/**
 * The area under the precision-recall curve by the trapezoidal rule: scikit-learn's `auc(recall, precision)`. It is a
 * little optimistic; `averagePrecision` is not. Fails with `MetricsError` if a class is missing.
 *
 * @param labels 0 or 1 for each row.
 * @param scores A score for each row.
 *
 * @example
 * ```ts
 * const area = yield* BinaryMetrics.prAuc([0, 1, 1], [0.2, 0.9, 0.4]) // 1
 * ```
 */
export const prAuc = (labels: ArrayLike<number>, scores: ArrayLike<number>): Effect.Effect<number, MetricsError> =>
  Effect.map(precisionRecallCurve(labels, scores), ({ precisions, recalls }) =>
    integrate(recalls, (i) => ((precisions[i] as number) + (precisions[i + 1] as number)) / 2)
  )

/** The area under a curve whose recalls descend. `height` gives the height from a point to the next one. */
const integrate = (recalls: ReadonlyArray<number>, height: (at: number) => number): number => {
  let area = 0
  for (let i = 0; i + 1 < recalls.length; i++) area += ((recalls[i] as number) - (recalls[i + 1] as number)) * height(i) // within bounds
  return area
}
