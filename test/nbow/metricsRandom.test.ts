import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { BinaryMetrics } from "effect-flow/nbow"
import { compare, stored } from "./metricsRandom.ts"

describe("BinaryMetrics", () => {
  it.effect("measures 1,000 random cases as scikit-learn does", () =>
    Effect.gen(function* () {
      assert.strictEqual(stored.cases.length, 1000)
      yield* compare(stored)
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
