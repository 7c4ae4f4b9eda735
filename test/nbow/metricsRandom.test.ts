import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { BinaryMetrics } from "effect-flow/nbow"
import { fixture } from "./fixtures.ts"

type Curve = readonly [length: number, fingerprint: number]

interface Fixture {
  readonly seed: number
  readonly keys: ReadonlyArray<string>
  readonly cases: ReadonlyArray<ReadonlyArray<number | ReadonlyArray<number> | ReadonlyArray<Curve>>>
}

const { cases, keys, seed } = fixture<Fixture>("metrics-random")

/** Draws the cases that the script of the fixture drew. */
const drawing = (seed: number) => {
  let state = seed
  const draw = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state
  }
  return () => {
    const rows = 2 + ((draw() >>> 8) % 39)
    const style = (draw() >>> 8) % 3
    const labels = [0, 1]
    const scores: Array<number> = []
    for (let row = 0; row < rows; row++) {
      if (row > 1) labels.push((draw() >>> 16) & 1)
      const u = draw()
      scores.push([u / 2 ** 32, ((u >>> 8) % 9) / 8, ((u >>> 8) % 101) / 100][style] as number)
    }
    const threshold = ((draw() >>> 8) % 9) / 8
    return { labels, scores, threshold, bins: 1 + ((draw() >>> 8) % 8) }
  }
}

const curve = (values: ReadonlyArray<number>): Curve => [
  values.length,
  values.reduce((sum, value, i) => sum + value * (i + 1), 0)
]

describe("BinaryMetrics", () => {
  it.effect("measures 1,000 random cases as scikit-learn does", () =>
    Effect.gen(function* () {
      assert.strictEqual(cases.length, 1000)
      const draw = drawing(seed)
      for (const [at, expected] of cases.entries()) {
        const { bins, labels, scores, threshold } = draw()
        const matrix = yield* BinaryMetrics.confusionMatrix(labels, scores, threshold)
        const roc = yield* BinaryMetrics.rocCurve(labels, scores)
        const pr = yield* BinaryMetrics.precisionRecallCurve(labels, scores)
        const calibration = Effect.fnUntraced(function* (strategy: "uniform" | "quantile") {
          const { observed, predicted } = yield* BinaryMetrics.calibrationCurve(labels, scores, { bins, strategy })
          return [curve(observed), curve(predicted)]
        })
        const actual: { readonly [key: string]: unknown } = {
          accuracy: yield* BinaryMetrics.accuracy(labels, scores, threshold),
          precision: yield* BinaryMetrics.precision(labels, scores, threshold),
          recall: yield* BinaryMetrics.recall(labels, scores, threshold),
          f1: yield* BinaryMetrics.f1(labels, scores, threshold),
          confusion: [matrix.trueNegatives, matrix.falsePositives, matrix.falseNegatives, matrix.truePositives],
          rocAuc: yield* BinaryMetrics.rocAuc(labels, scores),
          averagePrecision: yield* BinaryMetrics.averagePrecision(labels, scores),
          prAuc: yield* BinaryMetrics.prAuc(labels, scores),
          logLoss: yield* BinaryMetrics.logLoss(labels, scores),
          brier: yield* BinaryMetrics.brierScore(labels, scores),
          roc: [curve(roc.falsePositiveRates), curve(roc.truePositiveRates), curve(roc.thresholds.slice(1))],
          pr: [curve(pr.precisions), curve(pr.recalls), curve(pr.thresholds)],
          uniform: yield* calibration("uniform"),
          quantile: yield* calibration("quantile")
        }
        assert.deepStrictEqual(Object.keys(actual), keys)
        for (const [i, key] of keys.entries()) {
          const [got, wanted] = [[actual[key]].flat(3) as Array<number>, [expected[i]].flat(3) as Array<number>]
          assert.strictEqual(got.length, wanted.length)
          got.forEach((value, j) => {
            const difference = Math.abs(value - (wanted[j] as number))
            assert.isAtMost(difference, 1e-12 * Math.max(1, Math.abs(value)), `case ${at}: ${key}`)
          })
        }
      }
    })
  )

  for (const [what, scores, threshold, reason, message] of [
    ["a NaN score", [0.1, Number.NaN], 0.5, "score", "The score of row 1 is NaN."],
    ["an undefined score", [0.1, undefined], 0.5, "score", "The score of row 1 is undefined."],
    ["a score of null", [null, 0.1], 0.5, "score", "The score of row 0 is null."],
    ["a score as text", [0.1, "0.9"], 0.5, "score", 'The score of row 1 is "0.9".'],
    ["no scores", undefined, 0.5, "length", "The scores are undefined. They must be a list of numbers."],
    ["a NaN threshold", [0.1, 0.9], Number.NaN, "threshold", "The threshold is NaN. It must be a number."],
    ["a threshold of null", [0.1, 0.9], null, "threshold", "The threshold is null. It must be a number."],
    ["a threshold as text", [0.1, 0.9], "0.5", "threshold", 'The threshold is "0.5". It must be a number.']
  ] as const) {
    it.effect(`refuses ${what}`, () =>
      Effect.gen(function* () {
        const { accuracy, confusionMatrix, f1, precision, recall } = BinaryMetrics
        for (const measure of [accuracy, confusionMatrix, f1, precision, recall]) {
          const measured: Effect.Effect<unknown, BinaryMetrics.MetricsError> = measure(
            [0, 1],
            scores as unknown as Array<number>, // not type-checked
            threshold as number
          )
          const error = yield* Effect.flip(measured)
          assert.strictEqual(error.reason, reason)
          assert.strictEqual(error.message, message)
        }
      })
    )
  }

  it.effect("refuses probabilities outside of 0 to 1, and bins that can't be", () =>
    Effect.gen(function* () {
      const { brierScore, calibrationCurve, logLoss } = BinaryMetrics
      for (const measure of [brierScore, calibrationCurve, logLoss]) {
        const measured: Effect.Effect<unknown, BinaryMetrics.MetricsError> = measure([0, 1], [0.5, 1.5])
        const error = yield* Effect.flip(measured)
        assert.strictEqual(error.message, "The score of row 1 is 1.5. It must be a probability, from 0 to 1.")
      }
      const error = yield* Effect.flip(calibrationCurve([0, 1], [0.1, 0.9], { bins: 0 }))
      assert.strictEqual(error.message, "bins is 0. It must be a whole number of at least 1.")
    })
  )
})
