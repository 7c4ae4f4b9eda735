/** A flow whose step says what it sees of its caller's context: run on fibers and on threads, where a worker imports it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Flow from "../../src/Flow.ts"
import * as Step from "../../src/Step.ts"

export const Tenant = Context.Reference<{ readonly name: string; readonly ids: ReadonlyArray<number> }>("test/Tenant", {
  defaultValue: () => ({ name: "nobody", ids: [] })
})

const see = Step.make("see", {
  output: { tenant: Schema.String },
  run: Effect.fnUntraced(function* () {
    const { ids, name } = yield* Tenant
    yield* Effect.log("seen").pipe(Effect.annotateLogs({ inner: "two words" }))
    return { tenant: `${name} ${ids.join("+")}` }
  })
})

const dies = Step.make("dies", {
  run: () => Effect.orDie(Effect.tryPromise(() => Promise.reject(new Error("ECONNREFUSED here"))))
})

export const CallerFlow = Flow.make("CallerFlow", {
  steps: [see],
  run: () => Effect.flatMap(see(), ({ tenant }) => tenant)
})

const draws = Step.make("draws", {
  input: { n: Schema.Int },
  output: { numbers: Schema.Array(Schema.Number) },
  run: () => Effect.map(Effect.all([Random.next, Random.nextInt]), (numbers) => ({ numbers }))
})

/** Draws random numbers in tasks that run at the same time: two of them are the same task. */
export const RandomFlow = Flow.make("RandomFlow", {
  steps: [draws],
  run: Effect.fnUntraced(function* () {
    const states = yield* Step.forEach([1, 2, 2, 3], (n) => draws({ n }), { concurrency: "unbounded" })
    return yield* Effect.forEach(states, ({ numbers }) => numbers)
  })
})

export const DyingFlow = Flow.make("DyingFlow", { steps: [dies], run: () => dies() })
