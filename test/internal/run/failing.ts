/** Sends random failures through a store and an executor, and finds every run ended and recorded. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import { Flow, Run, RunStore } from "effect-flow"
import { After, BodyFails, names, Odd, StepFails } from "./failingFlows.ts"

/** The module that worker threads find the flows in. */
export const module = new URL("./failingFlows.ts", import.meta.url)

/** A sequence of numbers below a bound, from a seed: the same failures in the same order, each time. */
const random = (seed: number) => {
  let state = seed >>> 0 || 1
  return (bound: number) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % bound
  }
}

/** Runs that fail, four at a time. Every one of `names` comes up if there are enough runs. */
export const failAtRandom = Effect.fnUntraced(function* (count: number, seed: number) {
  const next = random(seed)
  const start = next(names.length)
  const cases = Array.from({ length: count }, (_, i) => ({
    how: names[(start + i) % names.length] as string,
    flow: next(3) === 0 ? BodyFails : StepFails
  }))
  const store = yield* RunStore.RunStore
  yield* Effect.forEach(
    cases,
    ({ flow, how }) =>
      Effect.gen(function* () {
        // A tag tells the run of this case from those beside it.
        const tag = `case-${next(2 ** 30)}`
        const exit = yield* Effect.exit(Flow.run(flow as typeof StepFails, { how }, { tags: [tag] }))
        const where = `${flow.flowName} ${how}`
        const [run] = yield* Run.list({ tags: [tag] })
        assert.isDefined(run, where)
        if (run === undefined) return
        assert.notStrictEqual(run.status, "running", where)
        assert.isDefined(run.finishedAt, where)
        if (Exit.isFailure(exit)) {
          assert.isString(run.error?.message, where)
          assert.notStrictEqual(run.error?.message, "", where)
        } else assert.strictEqual(run.status, "succeeded", where)
        const tasks = yield* store.tasks({ run: run.id })
        assert.deepStrictEqual(
          tasks.filter(
            ({ attempts, status }) => status === "running" || attempts.some((at) => at.status === "running")
          ),
          [],
          where
        )
        if (flow === StepFails && how !== "interruptOwnFiber") assert.notStrictEqual(run.status, "interrupted", where)
      }),
    { concurrency: 4, discard: true }
  ).pipe(Effect.provide(Logger.layer([])))
  // An error that JSON can't hold as it is arrives as what it was.
  const odd = yield* Effect.flip(Flow.run(StepFails, { how: "failOdd" })).pipe(Effect.provide(Logger.layer([])))
  assert.instanceOf(odd, Odd)
  const { at, big, nothing, number } = odd as Odd // an instance, as was just seen
  assert.deepStrictEqual(
    { at, big, nothing, number },
    { at: new Date(0), big: 2n ** 70n, nothing: undefined, number: Number.NaN }
  )
  // The writer lives: what comes after the failures is recorded, too.
  const { id } = yield* Flow.run(After, {})
  assert.strictEqual((yield* Run.get(id)).status, "succeeded")
})
