import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Artifact, Parquet } from "effect-flow"
import { BinaryMetrics } from "effect-flow/nbow"
import * as fc from "fast-check"
import { dataFile, hasData } from "../support/data.ts"
import { fixture, reviews } from "./fixtures.ts"

/** JSON has no NaN, infinity or negative zero: the fixtures have their names. */
type Numeral = number | "NaN" | "Infinity" | "-0"

interface Case {
  readonly name: string
  readonly labels: ReadonlyArray<number>
  readonly scores: ReadonlyArray<Numeral>
  readonly threshold: number
  readonly accuracy: Numeral
  readonly rocAuc?: number
}

interface Fixture {
  readonly cases: ReadonlyArray<Case>
  readonly files: { readonly accuracy: number; readonly rocAuc: number; readonly baselineAccuracy: number }
}

const { cases, files } = fixture<Fixture>("metrics-cases")

/** Why there is no area for a case, if there is none. */
const reasons: { readonly [name: string]: BinaryMetrics.MetricsError["reason"] } = {
  "only ones": "class",
  "only zeros": "class",
  "single row": "class",
  "no rows": "empty",
  "NaN score": "score",
  "infinite score": "score"
}

describe("BinaryMetrics", () => {
  for (const { accuracy, labels, name, rocAuc, threshold, ...given } of cases) {
    const scores = given.scores.map(Number)
    it.effect(`measures as scikit-learn does: ${name}`, () =>
      Effect.gen(function* () {
        if (accuracy === "NaN" || scores.some(Number.isNaN)) {
          const { reason } = yield* Effect.flip(BinaryMetrics.accuracy(labels, scores, threshold))
          assert.strictEqual(reason, reasons[name])
        } else assert.strictEqual(yield* BinaryMetrics.accuracy(labels, scores, threshold), accuracy)
        const area = BinaryMetrics.rocAuc(labels, scores)
        if (rocAuc === undefined) assert.strictEqual((yield* Effect.flip(area)).reason, reasons[name])
        else assert.closeTo(yield* area, rocAuc, 1e-15)
      })
    )
  }

  it.effect.skipIf(!hasData)("measures the reference's own predictions of the tutorial's reviews", () =>
    Effect.gen(function* () {
      const { labels } = yield* reviews("valid")
      const Predictions = Artifact.table({ data: Schema.Number })
      const { columns } = yield* Parquet.read(dataFile("sentiment_predictions.parquet"), Predictions)
      assert.strictEqual(yield* BinaryMetrics.accuracy(labels, columns.data), files.accuracy)
      assert.closeTo(yield* BinaryMetrics.rocAuc(labels, columns.data), files.rocAuc, 1e-15)
      const ones = new Float32Array(labels.length).fill(1)
      assert.strictEqual(yield* BinaryMetrics.accuracy(labels, ones), files.baselineAccuracy)
      assert.strictEqual(yield* BinaryMetrics.rocAuc(labels, ones), 0.5)
    })
  )

  const rows = fc.array(fc.tuple(fc.constantFrom(0, 1), fc.integer({ min: 0, max: 8 })), {
    minLength: 1,
    maxLength: 40
  })

  it("has the area of its curve, which is the share of pairs in order", () => {
    fc.assert(
      fc.property(rows, (rows) => {
        const labels = rows.map(([label]) => label)
        const scores = rows.map(([, score]) => score / 8)
        const area = Effect.runSync(Effect.result(BinaryMetrics.rocAuc(labels, scores)))
        if (area._tag === "Failure") {
          assert.strictEqual(new Set(labels).size, 1)
          return
        }
        const pairs = rows.flatMap(([label, score]) =>
          label === 0 ? [] : rows.flatMap(([other, otherScore]) => (other === 1 ? [] : [Math.sign(score - otherScore)]))
        )
        assert.closeTo(area.success, pairs.reduce((sum, sign) => sum + (sign + 1) / 2, 0) / pairs.length, 1e-12)
        const {
          falsePositiveRates: x,
          thresholds,
          truePositiveRates: y
        } = Effect.runSync(BinaryMetrics.rocCurve(labels, scores))
        const trapezes = x.map((at, i) =>
          i === 0 ? 0 : ((at - (x[i - 1] ?? 0)) * ((y[i] ?? 0) + (y[i - 1] ?? 0))) / 2
        )
        assert.closeTo(
          trapezes.reduce((sum, part) => sum + part, 0),
          area.success,
          1e-12
        )
        // Each point is what its threshold makes of the rows.
        for (const [i, threshold] of thresholds.entries()) {
          const above = rows.filter(([, score]) => score / 8 >= threshold)
          assert.closeTo(
            above.filter(([label]) => label === 1).length / labels.filter((l) => l === 1).length,
            y[i] ?? -1,
            1e-12
          )
          assert.closeTo(
            above.filter(([label]) => label === 0).length / labels.filter((l) => l === 0).length,
            x[i] ?? -1,
            1e-12
          )
        }
      })
    )
  })

  it.effect("draws a curve without the points between equal steps", () =>
    Effect.gen(function* () {
      const curve = yield* BinaryMetrics.rocCurve([1, 1, 1, 0, 0, 1, 0], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
      assert.deepStrictEqual(curve, {
        falsePositiveRates: [0, 0, 0, 2 / 3, 2 / 3, 1],
        truePositiveRates: [0, 0.25, 0.75, 0.75, 1, 1],
        thresholds: [Infinity, 0.9, 0.7, 0.5, 0.4, 0.3]
      })
    })
  )

  it.effect("counts rows by label and prediction", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* BinaryMetrics.confusionMatrix([1, 1, 1, 0, 0, 0], [0.9, 0.5, 0.6, 0.7, 0.5, 0.1]), {
        truePositives: 2,
        falseNegatives: 1,
        falsePositives: 1,
        trueNegatives: 2
      })
    })
  )

  for (const [labels, scores, reason, message] of [
    [[1, 0], [0.5], "length", "There are 2 labels and 1 scores."],
    [[1, 2], [0.5, 0.5], "label", "The label of row 1 is 2. Labels must be 0 or 1."],
    [[1, Number.NaN], [0.5, 0.5], "label", "The label of row 1 is NaN. Labels must be 0 or 1."],
    [[1, 0], [0.5, -Infinity], "score", "The score of row 1 is -Infinity."],
    [
      [0, 0],
      [0.1, 0.2],
      "class",
      "All 2 labels are 0: without rows of both classes there is no ROC curve and no area under it."
    ]
  ] as const) {
    it.effect(`says what is wrong: ${message}`, () =>
      Effect.gen(function* () {
        for (const measure of [BinaryMetrics.rocAuc, BinaryMetrics.rocCurve]) {
          const error = yield* Effect.flip(
            measure(labels, scores) as Effect.Effect<unknown, BinaryMetrics.MetricsError>
          )
          assert.strictEqual(error.reason, reason)
          assert.strictEqual(error.message, message)
        }
      })
    )
  }
})
