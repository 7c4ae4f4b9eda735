/** Metrics of probabilities: how far they are from what happened. Defined as in scikit-learn. */
import * as Effect from "effect/Effect"
import { check, MetricsError } from "./metricsInput.ts"

/**
 * The mean negative log-likelihood of the labels, in nats. Probabilities are kept away from 0 and 1 by the precision of
 * their type, as in scikit-learn 1.2: 2⁻⁵², or 2⁻²³ for a `Float32Array`. Fails with `MetricsError` if a score is not a
 * probability.
 *
 * @param labels 0 or 1 for each row.
 * @param probabilities The probability of label 1 for each row, from 0 to 1.
 *
 * @example
 * ```ts
 * const loss = yield* BinaryMetrics.logLoss([0, 1, 1], [0.2, 0.9, 0.4]) // 0.415
 * ```
 */
export const logLoss = (
  labels: ArrayLike<number>,
  probabilities: ArrayLike<number>
): Effect.Effect<number, MetricsError> =>
  Effect.suspend(() => {
    const error = check(labels, probabilities, "probability")
    if (error !== undefined) return Effect.fail(error)
    const epsilon = probabilities instanceof Float32Array ? 2 ** -23 : Number.EPSILON
    const clip = (p: number): number => Math.min(Math.max(p, epsilon), 1 - epsilon)
    let sum = 0
    for (let row = 0; row < labels.length; row++) {
      const p = probabilities[row] as number // checked
      const [zero, one] = [clip(1 - p), clip(p)]
      sum -= Math.log((labels[row] === 1 ? one : zero) / (zero + one))
    }
    return Effect.succeed(sum / labels.length)
  })

/**
 * The mean squared difference of probabilities and labels, from 0 to 1. Fails as `logLoss` fails.
 *
 * @param labels 0 or 1 for each row.
 * @param probabilities The probability of label 1 for each row, from 0 to 1.
 *
 * @example
 * ```ts
 * const brier = yield* BinaryMetrics.brierScore([0, 1, 1], [0.2, 0.9, 0.4]) // 0.137
 * ```
 */
export const brierScore = (
  labels: ArrayLike<number>,
  probabilities: ArrayLike<number>
): Effect.Effect<number, MetricsError> =>
  Effect.suspend(() => {
    const error = check(labels, probabilities, "probability")
    if (error !== undefined) return Effect.fail(error)
    let sum = 0
    for (let row = 0; row < labels.length; row++) sum += ((labels[row] as number) - (probabilities[row] as number)) ** 2 // checked
    return Effect.succeed(sum / labels.length)
  })

/** The bins of a calibration curve that have rows. */
export interface CalibrationCurve {
  /** The fraction of rows with label 1 in each bin. */
  readonly observed: ReadonlyArray<number>
  /** The mean probability in each bin. */
  readonly predicted: ReadonlyArray<number>
  /** The number of rows in each bin. */
  readonly counts: ReadonlyArray<number>
}

/** The options of `calibrationCurve`. */
export interface CalibrationOptions {
  /** The number of bins. Default: 5. */
  readonly bins?: number
  /** `uniform`: bins of equal width. `quantile`: bins of equal size. Default: `uniform`. */
  readonly strategy?: "uniform" | "quantile"
}

/**
 * Compares probabilities with how often they came true, by bins. Bins without rows are left out. Fails as `logLoss` fails.
 *
 * @param labels 0 or 1 for each row.
 * @param probabilities The probability of label 1 for each row, from 0 to 1.
 * @param options The bins.
 *
 * @example
 * ```ts
 * const { observed, predicted } = yield* BinaryMetrics.calibrationCurve([0, 1, 1], [0.2, 0.9, 0.4], { bins: 2 })
 * ```
 */
export const calibrationCurve = (
  labels: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  { bins = 5, strategy = "uniform" }: CalibrationOptions = {}
): Effect.Effect<CalibrationCurve, MetricsError> =>
  Effect.suspend(() => {
    const error = check(labels, probabilities, "probability") ?? checkOptions(bins, strategy)
    if (error !== undefined) return Effect.fail(error)
    const inner = Array.from({ length: bins - 1 }, (_, i) => (i + 1) * (1 / bins))
    const edges = strategy === "uniform" ? inner : quantiles(Float64Array.from(probabilities).sort(), inner)
    const ones = new Float64Array(bins)
    const sums = new Float64Array(bins)
    const counts = new Float64Array(bins)
    for (let row = 0; row < labels.length; row++) {
      const p = probabilities[row] as number // checked
      const above = edges.findIndex((edge) => edge >= p)
      const bin = above < 0 ? bins - 1 : above
      ones[bin] = (ones[bin] as number) + (labels[row] as number)
      sums[bin] = (sums[bin] as number) + p
      counts[bin] = (counts[bin] as number) + 1
    }
    const filled = [...counts.keys()].filter((bin) => (counts[bin] as number) > 0)
    const mean = (of: Float64Array) => filled.map((bin) => (of[bin] as number) / (counts[bin] as number)) // bins
    return Effect.succeed({
      observed: mean(ones),
      predicted: mean(sums),
      counts: filled.map((bin) => counts[bin] as number)
    })
  })

const checkOptions = (bins: number, strategy: string): MetricsError | undefined => {
  if (!Number.isSafeInteger(bins) || bins < 1) {
    return new MetricsError({ reason: "option", message: `bins is ${bins}. It must be a whole number of at least 1.` })
  }
  if (strategy !== "uniform" && strategy !== "quantile") {
    return new MetricsError({ reason: "option", message: `strategy is ${strategy}. It must be uniform or quantile.` })
  }
  return undefined
}

/** Quantiles with linear interpolation, computed as numpy computes them. */
const quantiles = (sorted: Float64Array, at: ReadonlyArray<number>): ReadonlyArray<number> =>
  at.map((share) => {
    const place = ((share * 100) / 100) * (sorted.length - 1)
    const index = Math.floor(place)
    const weight = place - index
    const low = sorted[index] as number // within bounds
    const high = sorted[Math.min(index + 1, sorted.length - 1)] as number
    return weight >= 0.5 ? high - (high - low) * (1 - weight) : low + (high - low) * weight
  })
