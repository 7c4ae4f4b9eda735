/** How a model gets better with more rows to train on: whether more data would help, and whether it only learns by heart. */
import * as Effect from "effect/Effect"
import { take } from "../Split.ts"
import type { Tensorflow } from "../Tensorflow.ts"
import type { FitError } from "./fitNetwork.ts"
import type { MetricsError } from "./metricsInput.ts"
import * as NbowFit from "./nbowFit.ts"
import { invalid } from "./options.ts"
import { type Evaluation, evaluate, type Labelled } from "./predict.ts"
import { Random } from "./random.ts"

/** The models of a curve. */
export interface CurveOptions {
  /** The fractions of the rows to train on, from 0 to 1. Default: 0.1, 0.325, 0.55, 0.775 and 1. */
  readonly fractions?: ReadonlyArray<number>
  /** Of the order in which rows are added. Default: 1. */
  readonly seed?: number
}

/** One model of a curve. */
export interface CurvePoint {
  /** The number of rows that it was trained on. */
  readonly rows: number
  /** Its metrics on these rows. */
  readonly train: Evaluation
  /** Its metrics on the rows to test on. */
  readonly test: Evaluation
}

/**
 * Trains a model on growing parts of the data, and evaluates each on its part and on other texts. Fails as `fit` and
 * `evaluate` fail; each part needs rows of both labels.
 *
 * @param data Texts and labels to train on.
 * @param test Texts and labels to evaluate on.
 * @param options The options of `fit`.
 * @param curve The parts.
 *
 * @example
 * ```ts
 * const train = { texts: df.columns.review, labels: df.columns.labels }
 * const test = { texts: valdf.columns.review, labels: valdf.columns.labels }
 * for (const { rows, test: { rocAuc } } of yield* Nbow.learningCurve(train, test)) yield* Effect.log(rows, rocAuc)
 * ```
 */
export const learningCurve: (
  data: NbowFit.TrainingData,
  test: Labelled,
  options?: NbowFit.FitOptions,
  curve?: CurveOptions
) => Effect.Effect<ReadonlyArray<CurvePoint>, FitError | MetricsError, Tensorflow> = Effect.fnUntraced(function* (
  { labels, sampleWeight, texts },
  test,
  options = {},
  { fractions = [0.1, 0.325, 0.55, 0.775, 1], seed = 1 } = {}
) {
  const bad = fractions.find((fraction) => !(fraction > 0 && fraction <= 1))
  if (bad !== undefined || fractions.length === 0) {
    const message = `expected numbers above 0 and at most 1, got ${bad ?? "none"}`
    return yield* invalid("Nbow.learningCurve", "fractions", message)
  }
  if (!Number.isSafeInteger(seed) || seed < 0) {
    return yield* invalid("Nbow.learningCurve", "seed", `expected a whole number of at least 0, got ${seed}`)
  }
  const order = Int32Array.from(texts.keys())
  new Random(seed).shuffle(order)
  const points: Array<CurvePoint> = []
  for (const fraction of fractions) {
    const rows = order.subarray(0, Math.max(1, Math.round(fraction * order.length)))
    const part = { texts: take(texts, rows), labels: take(labels, rows) }
    const weights = sampleWeight === undefined ? {} : { sampleWeight: take(sampleWeight, rows) }
    const model = yield* NbowFit.fit({ ...part, ...weights }, options)
    points.push({ rows: rows.length, train: yield* evaluate(model, part), test: yield* evaluate(model, test) })
  }
  return points
})
