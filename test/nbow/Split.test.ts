import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Split } from "effect-flow/nbow"
import * as fc from "fast-check"

const run = <A, E>(effect: Effect.Effect<A, E>): A => Effect.runSync(effect)

const classes = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 10, maxLength: 80 })

describe("Split", () => {
  it("tests on each row in exactly one fold, of nearly equal size and share of classes", () => {
    fc.assert(
      fc.property(classes, fc.integer({ min: 2, max: 6 }), fc.nat(1000), (labels, count, seed) => {
        const folds = run(Split.kFold(count, { seed }))
        const parts = folds.map((fold) => run(Split.rowsOf(fold, labels.length, { stratify: labels })))
        const tested = parts.flatMap(({ test }) => [...test]).sort((a, b) => a - b)
        assert.deepStrictEqual(tested, [...labels.keys()])
        for (const { test, train } of parts) {
          assert.deepStrictEqual(
            [...test, ...train].sort((a, b) => a - b),
            tested
          )
          for (const label of ["a", "b", "c"]) {
            const wanted = labels.filter((other) => other === label).length / count
            const actual = Split.take(labels, test).filter((other) => other === label).length
            assert.isBelow(Math.abs(actual - wanted), 1)
          }
        }
        assert.deepStrictEqual(
          folds.map((fold) => run(Split.rowsOf(fold, labels.length, { stratify: labels }))),
          parts
        )
      })
    )
  })

  it("keeps the rows of a group together", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(11), { minLength: 40, maxLength: 80 }), fc.nat(1000), (groups, seed) => {
        fc.pre(new Set(groups).size >= 6)
        for (const fold of run(Split.kFold(3, { seed }))) {
          const { test, train } = run(Split.rowsOf(fold, groups.length, { groups }))
          const trained = new Set(Split.take(groups, train))
          assert.isFalse(Split.take(groups, test).some((group) => trained.has(group)))
        }
      })
    )
  })

  it.effect("holds out a share of the rows, shuffled by its seed", () =>
    Effect.gen(function* () {
      const labels = Array.from({ length: 200 }, (_, i) => (i < 150 ? 0 : 1))
      const { test, train } = yield* Split.trainTest(200, { testSize: 0.25, stratify: labels })
      assert.strictEqual(train.length, 150)
      const ones = Split.take(labels, test).reduce<number>((sum, label) => sum + label, 0)
      assert.isAtMost(Math.abs(ones - 12.5), 0.5)
      assert.deepStrictEqual((yield* Split.trainTest(200, { testSize: 0.25, stratify: labels })).test, test)
      assert.notDeepEqual((yield* Split.trainTest(200, { testSize: 0.25, stratify: labels, seed: 2 })).test, test)
      assert.strictEqual((yield* Split.trainTest(200)).test.length, 40)
    })
  )

  for (const [split, message] of [
    [Split.kFold(1), "Split: folds: expected a whole number of at least 2, got 1"],
    [Split.kFold(Number.NaN), "Split: folds: expected a whole number of at least 2, got NaN"],
    [Split.trainTest(10, { testSize: 1 }), "Split: testSize: expected a number between 0 and 1, got 1"],
    [Split.trainTest(0), "Split: rows: expected a whole number of at least 1, got 0"],
    [Split.trainTest(1), "Split: rows: 1 can't be divided into 2 parts"],
    [Split.trainTest(3, { stratify: [1] }), "Split: stratify: there are 1 values for 3 rows"],
    [Split.trainTest(3, { groups: [1, 1, 1] }), "Split: groups: 1 can't be divided into 2 parts"],
    [Split.trainTest(3, { testSize: 0.01 }), "Split: rows: one of 2 parts would have no rows"]
  ] as const) {
    it.effect(`says what is wrong: ${message}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(split as Effect.Effect<unknown, Split.SplitError>)
        assert.strictEqual(error.message, message)
      })
    )
  }
})
