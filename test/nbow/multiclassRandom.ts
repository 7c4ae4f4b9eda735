/**
 * The random cases of `multiclass-random.py`, drawn as it draws them, and the comparison of what `MulticlassMetrics` measures
 * on them with what scikit-learn measures.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { MulticlassMetrics } from "effect-flow/nbow"
import { fixture } from "./fixtures.ts"

/** What the script writes. */
export interface Cases {
  readonly seed: number
  readonly cases: ReadonlyArray<ReadonlyArray<number | ReadonlyArray<number>>>
}

/** The fixture. */
export const stored = fixture<Cases & { readonly names: ReadonlyArray<string> }>("multiclass-random")

const drawing = (seed: number) => {
  let state = seed
  const below = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state >>> 8) % limit
  }
  const list = <A>(length: number, one: (i: number) => A): Array<A> => Array.from({ length }, (_, i) => one(i))
  return () => {
    const count = 2 + below(5)
    const names = stored.names.slice(0, count).sort() // code points and code units agree here
    const classes = below(2) === 0 ? list(count, (i) => i) : names
    const rows = 1 + below(40)
    const labels = list(rows, () => classes[below(count)] as string | number) // within bounds
    const predictions = labels.map((label) =>
      below(2) === 0 ? label : (classes[below(1 + below(count))] as string | number)
    )
    const weights = list(rows, () => list(count, () => below(9)))
    const values = weights.flatMap((row) => {
      const sum = row.reduce((total, weight) => total + weight, 0)
      return row.map((weight) => (sum > 0 ? weight / sum : 1 / count))
    })
    return { classes, labels, predictions, values }
  }
}

const averages = ["macro", "micro", "weighted"] as const

/** Compares all cases. */
export const compare = Effect.fnUntraced(function* ({ cases, seed }: Cases) {
  const draw = drawing(seed)
  for (const [at, expected] of cases.entries()) {
    const { classes, labels, predictions, values } = draw()
    const { accuracy, confusionMatrix, f1, logLoss, perClass, precision, recall } = MulticlassMetrics
    const each = yield* perClass(labels, predictions)
    const actual: Array<number | ReadonlyArray<number>> = [
      yield* accuracy(labels, predictions),
      (yield* confusionMatrix(labels, predictions)).counts.flat(),
      (yield* confusionMatrix(labels, predictions, { classes })).counts.flat(),
      yield* logLoss(labels, { classes, values })
    ]
    for (const [measure, name] of [
      [precision, "precision"],
      [recall, "recall"],
      [f1, "f1"]
    ] as const) {
      for (const average of averages) actual.push(yield* measure(labels, predictions, { average }))
      actual.push(each.map((one) => one[name]))
      actual.push(yield* measure(labels, predictions, { classes }))
    }
    const [got, wanted] = [actual.flat(), expected.flat()]
    assert.strictEqual(got.length, wanted.length)
    got.forEach((value, i) => {
      const isClose = Math.abs(value - Number(wanted[i])) <= 1e-12
      if (!isClose) assert.fail(`case ${at}, value ${i}: ${value} instead of ${wanted[i]}`)
    })
  }
})
