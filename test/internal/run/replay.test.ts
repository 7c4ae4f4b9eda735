/** A takeover continues a run and does not replay it differently: failures, retries, races and tasks that are left over. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { Executor, Flow, type RunRecord, RunStore, Step, Storage } from "effect-flow"
import * as ErrorRecord from "../../../src/internal/run/errorRecord.ts"
import * as Replay from "../../../src/internal/run/replay.ts"
import { runFlow } from "../../../src/internal/run/runFlow.ts"
import { OwnShutdown, ShutdownSignal } from "../../../src/internal/run/takeover.ts"

class Declined extends Schema.TaggedError<Declined>()("Declined", {
  amount: Schema.Number,
  at: Schema.Date,
  message: Schema.String
}) {}

/** Counts what steps did. */
const counter = () => {
  const counts: Record<string, number> = {}
  const count = (name: string) =>
    Effect.sync(() => {
      counts[name] = (counts[name] ?? 0) + 1
    })
  return { count, counts }
}

/** Drives a flow until `reached`, leaves it, and continues it by another driver. Yields the run as it was left, and the second driver. */
const takeOver = Effect.fnUntraced(function* (
  flow: Flow.Any,
  reached: Deferred.Deferred<void>,
  pass: Effect.Effect<void> = Effect.void
) {
  const store = yield* RunStore.RunStore
  const leave = new OwnShutdown()
  const run = Flow.run(flow as never, {} as never) as Effect.Effect<unknown, unknown, never>
  const driver = yield* Effect.forkChild(Effect.provideService(run, ShutdownSignal, leave))
  yield* pass
  yield* Deferred.await(reached)
  yield* TestClock.adjust("1 second")
  leave.begin()
  yield* Fiber.await(driver)
  const [left] = yield* store.runs({ flow: flow.flowName })
  const record = left as RunRecord.RunRecord
  assert.strictEqual(record.status, "running")
  const second = runFlow(flow as never, {}, { begun: record }) as Effect.Effect<unknown, unknown, any>
  return { record, second: yield* Effect.forkChild(second) }
})

const statuses = (run: string) =>
  Effect.flatMap(RunStore.RunStore, (store) =>
    Effect.map(store.tasks({ run }), (tasks) =>
      tasks.map(({ attempts, id, status }) => `${id} ${status} ${attempts.map(({ status }) => status).join()}`)
    )
  )

const effect = (title: string, body: () => Effect.Effect<void, unknown, any>) =>
  it.effect(title, () =>
    Effect.provide(body() as Effect.Effect<void, unknown, never>, [Storage.layerMemory, Logger.layer([])])
  )

describe("a run that another driver continues", () => {
  effect("meets a failure that the flow had caught as that failure, and takes the same branch", () =>
    Effect.gen(function* () {
      const { count, counts } = counter()
      const reached = Deferred.makeUnsafe<void>()
      const gate = Deferred.makeUnsafe<void>()
      const caught: Array<unknown> = []
      // It would succeed now.
      const charge = Step.make("charge", {
        error: Declined,
        retry: Schedule.recurs(1),
        run: () =>
          Effect.andThen(count("charge"), () =>
            (counts.charge ?? 0) > 2
              ? Effect.void
              : Effect.fail(new Declined({ amount: 7, at: new Date(5), message: "No funds." }))
          )
      })
      const invoice = Step.make("invoice", { run: () => count("invoice") })
      const slow = Step.make("slow", {
        run: () =>
          Effect.andThen(count("slow"), Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(gate)))
      })
      const flow = Flow.make("Billing", {
        steps: [charge, invoice, slow],
        run: Effect.fnUntraced(function* () {
          yield* Effect.catchTag(charge(), "Declined", (error) => {
            caught.push(error)
            return invoice()
          })
          yield* slow()
        })
      })
      const { record, second } = yield* takeOver(flow, reached)
      yield* Deferred.succeed(gate, undefined)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(second)
      assert.deepStrictEqual(counts, { charge: 2, invoice: 1, slow: 2 })
      assert.deepStrictEqual(caught[1], caught[0])
      assert.instanceOf(caught[1], Declined)
      assert.deepStrictEqual(yield* statuses(record.id), [
        "charge/1 failed failed,failed",
        "invoice/2 succeeded succeeded",
        "slow/3 succeeded succeeded"
      ])
    })
  )

  effect("has the retries that were left", () =>
    Effect.gen(function* () {
      const { count, counts } = counter()
      const reached = Deferred.makeUnsafe<void>()
      const flaky = Step.make("flaky", {
        error: Declined,
        retry: Schedule.max([Schedule.recurs(3), Schedule.spaced("1 minute")]),
        run: () =>
          count("flaky").pipe(
            Effect.andThen(
              Effect.suspend(() => (counts.flaky === 2 ? Deferred.succeed(reached, undefined) : Effect.void))
            ),
            Effect.andThen(Effect.fail(new Declined({ amount: 1, at: new Date(0), message: "no" })))
          )
      })
      const flow = Flow.make("Flaky", { steps: [flaky], run: () => Effect.ignore(flaky()) })
      const { record, second } = yield* takeOver(flow, reached, TestClock.adjust("1 minute"))
      assert.deepStrictEqual(yield* statuses(record.id), ["flaky/1 running failed,failed"])
      yield* TestClock.adjust("58 seconds")
      assert.strictEqual(counts.flaky, 2) // the wait goes on where it stopped
      yield* TestClock.adjust("10 minutes")
      yield* Fiber.join(second)
      assert.deepStrictEqual(yield* statuses(record.id), ["flaky/1 failed failed,failed,failed,failed"])
      assert.strictEqual(counts.flaky, 4)
    })
  )

  effect("doesn't execute again what lost a race or exceeded a timeout of the flow", () =>
    Effect.gen(function* () {
      const { count, counts } = counter()
      const reached = Deferred.makeUnsafe<void>()
      const gate = Deferred.makeUnsafe<void>()
      const never = Step.make("never", { run: () => Effect.andThen(count("never"), Effect.never) })
      const quick = Step.make("quick", { run: () => Effect.andThen(count("quick"), Effect.sleep("1 second")) })
      const slow = Step.make("slow", {
        run: () => Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(gate))
      })
      const flow = Flow.make("Racing", {
        steps: [never, quick, slow],
        run: Effect.fnUntraced(function* () {
          yield* Effect.race(never(), quick())
          yield* Effect.ignore(Effect.timeout(never(), "3 seconds"))
          yield* slow()
        })
      })
      const { second } = yield* takeOver(flow, reached, TestClock.adjust("10 seconds"))
      yield* TestClock.adjust("3 seconds")
      yield* Deferred.succeed(gate, undefined)
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(second)
      assert.deepStrictEqual(counts, { never: 2, quick: 1 })
    })
  )

  effect("closes tasks that the body never asks for again", () =>
    Effect.gen(function* () {
      const reached = Deferred.makeUnsafe<void>()
      let drives = 0
      const slow = Step.make("slow", { run: () => Effect.andThen(Deferred.succeed(reached, undefined), Effect.never) })
      const quick = Step.make("quick", { run: () => Effect.void })
      const flow = Flow.make("Changing", {
        steps: [slow, quick],
        run: () => Effect.suspend((): Effect.Effect<unknown, any, any> => (++drives === 1 ? slow() : quick()))
      })
      const { record, second } = yield* takeOver(flow, reached)
      yield* Fiber.join(second)
      assert.deepStrictEqual(yield* statuses(record.id), [
        "slow/1 interrupted interrupted",
        "quick/2 succeeded succeeded"
      ])
    })
  )
})

describe("a recorded failure", () => {
  const again = (cause: Cause.Cause<unknown>, schema?: Schema.Top) =>
    Replay.restore(JSON.parse(JSON.stringify(ErrorRecord.fromCause(cause, schema))), schema)
  const errorOf = (cause: Cause.Cause<unknown>) => cause.reasons.find(Cause.isFailReason)?.error
  const defectOf = (cause: Cause.Cause<unknown>) => cause.reasons.find(Cause.isDieReason)?.defect

  it("is the typed error of the step's schema", () => {
    const error = new Declined({ amount: 1, at: new Date(9), message: "no" })
    assert.deepStrictEqual(errorOf(again(Cause.fail(error), Declined)), error)
  })

  it("is one of effect-flow's own, with its fields", () => {
    const timeout = new Executor.TaskTimeout({ run: "r", task: "t/1", milliseconds: 5, message: "slow" })
    assert.deepStrictEqual(errorOf(again(Cause.fail(timeout), Declined)), timeout)
    assert.deepStrictEqual(defectOf(again(Cause.die(timeout))), timeout)
  })

  it("keeps tag, message and causes where no schema describes it", () => {
    const error = Object.assign(new Error("out", { cause: new Error("in", { cause: new TypeError("deep") }) }), {
      _tag: "Own"
    })
    const restored = errorOf(again(Cause.fail(error))) as typeof error
    assert.strictEqual(restored._tag, "Own")
    assert.deepStrictEqual(
      [restored.message, (restored.cause as Error).message, ((restored.cause as Error).cause as Error).name],
      ["out", "in", "TypeError"]
    )
  })

  it("is a defect where it was thrown, with its stack", () => {
    const error = new RangeError("broken")
    const restored = defectOf(again(Cause.die(error))) as Error
    assert.deepStrictEqual([restored.name, restored.message, restored.stack], ["RangeError", "broken", error.stack])
    const text = defectOf(again(Cause.die("just text"))) as Error
    assert.deepStrictEqual([text.message, text.stack], ["just text", undefined])
  })

  it("is the error that a step calls an interruption, and no interruption", () => {
    class Interrupted extends Schema.TaggedError<Interrupted>()("Interrupted", { by: Schema.String }) {}
    assert.deepStrictEqual(
      errorOf(again(Cause.fail(new Interrupted({ by: "a peer" })), Interrupted)),
      new Interrupted({ by: "a peer" })
    )
  })
})
