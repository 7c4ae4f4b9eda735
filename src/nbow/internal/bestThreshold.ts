/** Chooses the threshold that divides scores into 0 and 1. */
import * as Effect from "effect/Effect"
import * as CodecIssue from "../../internal/schema/codecIssue.ts"
import { check, MetricsError } from "./metricsInput.ts"
import { countsOf } from "./rankMetrics.ts"

/** What a wrong prediction costs, in any unit. */
export interface Costs {
  /** Of a row with label 0 that is predicted 1. */
  readonly falsePositive: number
  /** Of a row with label 1 that is predicted 0. */
  readonly falseNegative: number
}

/** A threshold, and what it was chosen for. */
export interface Threshold {
  /** Scores above it predict 1. */
  readonly threshold: number
  /** The F1, or the mean cost of a row. */
  readonly value: number
}

/**
 * The threshold with the highest F1, or with the lowest cost. It lies in the middle between two scores; if several are
 * equally good, it is the lowest. Choose it on rows that the model was not trained on. Fails with `MetricsError` as
 * `confusionMatrix` fails, or if a cost is not a number of at least 0.
 *
 * @param labels 0 or 1 for each row.
 * @param scores A score for each row.
 * @param by `"f1"`, or the costs of wrong predictions.
 *
 * @example
 * ```ts
 * const { threshold } = yield* BinaryMetrics.bestThreshold([0, 1, 1], [0.2, 0.9, 0.4], "f1") // 0.3
 * const careful = yield* BinaryMetrics.bestThreshold([0, 1, 1], [0.2, 0.9, 0.1], { falsePositive: 10, falseNegative: 1 })
 * ```
 */
export const bestThreshold = (
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  by: "f1" | Costs
): Effect.Effect<Threshold, MetricsError> =>
  Effect.suspend(() => {
    const error = check(labels, scores, "finite") ?? checkBy(by)
    if (error !== undefined) return Effect.fail(error)
    const { falsePositives, thresholds, truePositives } = countsOf(labels, scores)
    const last = thresholds.length - 1
    const ones = truePositives[last] as number // there is a row
    const valueOf = (correct: number, wrong: number): number =>
      by === "f1"
        ? (2 * correct) / (correct + wrong + ones || 1)
        : (wrong * by.falsePositive + (ones - correct) * by.falseNegative) / labels.length
    const sign = by === "f1" ? 1 : -1
    // No row is predicted 1 if the threshold is the highest score.
    let best: Threshold = { threshold: thresholds[0] as number, value: valueOf(0, 0) }
    for (let i = 0; i <= last; i++) {
      const value = valueOf(truePositives[i] as number, falsePositives[i] as number) // one for each threshold
      if (sign * value >= sign * best.value) best = { threshold: below(thresholds, i), value }
    }
    return Effect.succeed(best)
  })

/** A number that is less than a score, and not less than the next lower one. */
const below = (thresholds: ReadonlyArray<number>, at: number): number => {
  const score = thresholds[at] as number
  const next = thresholds[at + 1]
  if (next === undefined) return score > 0 ? score / 2 : score - Math.max(1, -score) * 1e-6
  const middle = next + (score - next) / 2
  return middle < score ? middle : next
}

const checkBy = (by: unknown): MetricsError | undefined => {
  if (by === "f1") return undefined
  const costs = (typeof by === "object" && by !== null ? by : {}) as Partial<Record<string, unknown>> // checked below
  for (const name of ["falsePositive", "falseNegative"]) {
    const cost = costs[name]
    if (typeof cost === "number" && cost >= 0 && cost < Infinity) continue
    return new MetricsError({
      reason: "option",
      message: `by: expected "f1", or the costs falsePositive and falseNegative; ${name} is ${CodecIssue.valueText(cost)}.`
    })
  }
  return undefined
}
