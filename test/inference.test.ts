/**
 * What the compiler must find out by itself: each of these once did not compile, or lost a type, though nothing in it is
 * wrong. They run, too.
 */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Flow from "../src/Flow.ts"
import * as Step from "../src/Step.ts"
import * as Storage from "../src/Storage.ts"

class Flaky extends Schema.TaggedError<Flaky>()("Flaky", { attempt: Schema.Int }) {}

const one = Step.make("one", {
  input: { x: Schema.Number },
  output: { y: Schema.Number },
  run: ({ x }) => Effect.succeed({ y: x + 1 })
})
const other = Step.make("other", {
  input: { y: Schema.Number },
  output: { z: Schema.Number },
  run: ({ y }) => Effect.succeed({ z: y * 2 })
})
let attempts = 0
const flaky = Step.make("flaky", {
  input: { xs: Schema.Array(Schema.Struct({ n: Schema.Number })) },
  output: { sum: Schema.Number },
  error: Flaky,
  // The predicate's error is typed by the schema, wherever the body stands.
  retry: { times: 3, schedule: Schedule.recurs(5), while: (error) => error._tag === "Flaky" && error.attempt < 3 },
  run: Effect.fnUntraced(function* ({ xs }) {
    if (++attempts < 3) return yield* new Flaky({ attempt: attempts })
    return { sum: xs.map((x) => x.n).reduce((a, b) => a + b, 0) }
  })
})
// The types of states reach functions within a body that has no input of its own, and one that has.
const ranked = Step.join(
  "ranked",
  { many: Step.many(one) },
  {
    output: { ys: Schema.Array(Schema.Number) },
    run: Effect.fnUntraced(function* ({ many }) {
      yield* Effect.log(`${many.length}`)
      return { ys: many.toSorted((a, b) => b.y - a.y).map((state) => state.y) }
    })
  }
)
const weighed = Step.join(
  "weighed",
  { one, other },
  {
    input: { weights: Schema.Array(Schema.Number) },
    output: { w: Schema.Number },
    run: Effect.fnUntraced(function* ({ one, other }, { weights }) {
      return { w: weights.map((weight) => weight * (one.y + other.z)).reduce((a, b) => a + b, 0) }
    })
  }
)

const Inferred = Flow.make("Inferred", {
  steps: [one, other, flaky, ranked, weighed],
  run: Effect.fnUntraced(function* () {
    const { ys } = yield* ranked({
      many: Step.forEach([1, 2, 3], (x) => one({ x })).pipe(Effect.map((states) => states.slice(1)))
    })
    // Branches made in place, by whatever gives their states.
    const { w } = yield* weighed(
      {
        one: Effect.map(one({ x: 1 }), (state) => state),
        other: Effect.flatMap(one({ x: 2 }), (state) => other(state))
      },
      { weights: [1, 10] }
    )
    const again = yield* weighed(
      {
        one: one({ x: 1 }).pipe(Effect.catchTag("StoreError", () => one({ x: 2 }))),
        other: Effect.gen(function* () {
          return yield* other(yield* one({ x: 2 }))
        })
      },
      { weights: [1] }
    )
    const { sum } = yield* flaky({ xs: [{ n: 1 }, { n: 2 }] })
    return { ys: yield* ys, w: yield* w, again: yield* again.w, sum: yield* sum }
  })
})

it.effect("finds the types of branches made in place, of bodies' functions and of retried errors", () =>
  Effect.gen(function* () {
    const { output } = yield* Flow.run(Inferred, {})
    assert.deepStrictEqual(output, { ys: [4, 3], w: 88, again: 8, sum: 3 })
  }).pipe(Effect.provide(Storage.layerMemory))
)
