/**
 * The random cases of `metrics-random.py`, drawn as it draws them, and the comparison of what `BinaryMetrics` measures on them
 * with what scikit-learn measures.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { BinaryMetrics } from "effect-flow/nbow"
import { fixture } from "./fixtures.ts"

type Curve = readonly [length: number, fingerprint: number]

/** What the script writes. */
export interface Fixture {
  readonly seed: number
  readonly keys: ReadonlyArray<string>
  readonly cases: ReadonlyArray<ReadonlyArray<number | ReadonlyArray<number> | ReadonlyArray<Curve>>>
}

/** The fixture. */
export const stored = fixture<Fixture>("metrics-random")

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

/** Compares all cases. */
export const compare = Effect.fnUntraced(function* ({ cases, keys, seed }: Fixture) {
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
        const isClose = difference <= 1e-12 * Math.max(1, Math.abs(value))
        if (!isClose) assert.fail(`case ${at}: ${key} is ${value} instead of ${wanted[j]}`)
      })
    }
  }
})
