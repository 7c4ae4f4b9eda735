import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { MulticlassMetrics } from "effect-flow/nbow"
import { compare, stored } from "./multiclassRandom.ts"

const { accuracy, confusionMatrix, f1, logLoss, perClass, precision, recall } = MulticlassMetrics

/** Not type-checked. */
const untyped = (values: unknown): Array<string> => values as Array<string>

describe("MulticlassMetrics", () => {
  it.effect("measures 1,000 random cases as scikit-learn does", () =>
    Effect.gen(function* () {
      assert.strictEqual(stored.cases.length, 1000)
      yield* compare(stored)
    })
  )

  it.effect("names the classes in order, and lists their metrics", () =>
    Effect.gen(function* () {
      const { classes, counts } = yield* confusionMatrix(["b", "a", "c"], ["b", "b", "c"])
      assert.deepStrictEqual(classes, ["a", "b", "c"])
      assert.deepStrictEqual(counts, [
        [0, 1, 0],
        [0, 1, 0],
        [0, 0, 1]
      ])
      const [a, b] = yield* perClass(["b", "a", "c"], ["b", "b", "c"])
      assert.deepStrictEqual(a, { class: "a", precision: 0, recall: 0, f1: 0, support: 1 })
      assert.deepStrictEqual(b, { class: "b", precision: 0.5, recall: 1, f1: 2 / 3, support: 1 })
    })
  )

  for (const [what, labels, predictions, reason, message] of [
    ["no rows", [], [], "empty", "There are no rows to measure."],
    ["a prediction too few", ["a", "b"], ["a"], "length", "There are 2 labels and 1 predictions."],
    [
      "a NaN label",
      [1, Number.NaN],
      [1, 2],
      "label",
      "The label of row 1 is NaN. It must be a string or a finite number."
    ],
    [
      "an undefined prediction",
      ["a", "b"],
      ["a", undefined],
      "label",
      "The prediction of row 1 is undefined. It must be a string or a finite number."
    ],
    ["no labels", undefined, ["a"], "length", "The labels are undefined. They must be a list, with one for each row."],
    ["a text as labels", "ab", ["a", "b"], "length", 'The labels are "ab". They must be a list, with one for each row.']
  ] as const) {
    it.effect(`refuses ${what}`, () =>
      Effect.gen(function* () {
        for (const measure of [accuracy, confusionMatrix, perClass, precision, recall, f1]) {
          const measured: Effect.Effect<unknown, MulticlassMetrics.MetricsError> = measure(
            untyped(labels),
            untyped(predictions)
          )
          const error = yield* Effect.flip(measured)
          assert.strictEqual(error.reason, reason)
          assert.strictEqual(error.message, message)
        }
      })
    )
  }

  it.effect("refuses options that can't be, and values that are no probabilities", () =>
    Effect.gen(function* () {
      const classes = ["a", "b"]
      const stranger = yield* Effect.flip(f1(["a", "c"], ["a", "a"], { classes }))
      assert.strictEqual(stranger.message, 'The label of row 1 is "c". The classes are "a", "b".')
      const average = yield* Effect.flip(f1(["a"], ["a"], { average: "mean" as "macro" }))
      assert.strictEqual(average.message, 'average is "mean". It must be macro, micro or weighted.')
      const one = yield* Effect.flip(confusionMatrix(["a"], ["a"], { classes: ["a"] }))
      assert.strictEqual(one.message, "classes: expected at least two classes, got 1.")
      const nan = yield* Effect.flip(logLoss(["a"], { classes, values: [0.5, Number.NaN] }))
      assert.strictEqual(nan.message, 'The score of row 0 for class "b" is NaN. It must be a probability, from 0 to 1.')
      const few = yield* Effect.flip(logLoss(["a"], { classes, values: [0.5] }))
      assert.strictEqual(few.message, "There are 1 labels and 1 probabilities of 2 classes.")
    })
  )
})
