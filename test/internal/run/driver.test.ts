/** One driver per run: a driver that lost its run stops, a wrong clock changes nothing, and one of two resumes wins. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { Executor, Flow, Run, type RunRecord, RunStore, Step, Storage } from "effect-flow"
import type { FlowError } from "../../../src/FlowError.ts"
import * as RunId from "../../../src/internal/run/runId.ts"

const newest = Effect.flatMap(RunStore.RunStore, (store) =>
  Effect.map(store.runs({ limit: 1 }), ([run]) => run as RunRecord.RunRecord)
)

/** A flow of two steps, the second of which waits. */
const make = (options: { readonly timeout?: "1 minute" } = {}) => {
  const reached = Deferred.makeUnsafe<void>()
  const gate = Deferred.makeUnsafe<void>()
  const first = Step.make("first", { output: { n: Schema.Number }, run: () => Effect.succeed({ n: 1 }) })
  const wait = Step.make("wait", {
    input: { n: Schema.Number },
    output: { n: Schema.Number },
    ...options,
    run: ({ n }) => Effect.as(Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(gate)), { n })
  })
  const flow = Flow.make("WaitFlow", { steps: [first, wait], run: () => Effect.flatMap(first(), wait) })
  return { flow, gate, reached }
}

const gone = { host: "elsewhere" }

describe("a driver", () => {
  it.effect("gives signs of life at its usual pace while its clock is set, in either direction", () =>
    Effect.gen(function* () {
      const { flow, gate, reached } = make()
      const clock = yield* Clock.Clock
      let step = 0
      const wrong: Clock.Clock = {
        ...clock,
        sleep: (duration) => clock.sleep(duration),
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + step,
        currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + step),
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
        monotonicTimeNanos: clock.monotonicTimeNanos
      }
      const driver = yield* Effect.forkChild(Effect.provideService(Flow.run(flow, {}), Clock.Clock, wrong))
      yield* Deferred.await(reached)
      const beats = [(yield* newest).heartbeatAt]
      for (const next of [0, -600_000, -600_000, 3_600_000, 3_600_000, 0]) {
        step = next
        yield* TestClock.adjust("6 seconds")
        const { heartbeatAt } = yield* newest
        assert.isAbove(heartbeatAt, beats.at(-1) ?? 0)
        beats.push(heartbeatAt)
      }
      // A clock that was set forward is told of at once: readers compare it with the last sign of life.
      step = 7_200_000
      yield* TestClock.adjust("100 millis")
      assert.isAbove((yield* newest).heartbeatAt, 7_200_000)
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* Fiber.join(driver)).id, (yield* newest).id)
    }).pipe(Effect.provide([Storage.layerMemory, Logger.layer([])]))
  )

  it.effect("that lost its run stops at once, keeps nothing, and doesn't stop what another driver waits for", () =>
    Effect.gen(function* () {
      const { flow, reached } = make({ timeout: "1 minute" })
      const store = yield* RunStore.RunStore
      const confirmed: Array<boolean> = []
      const executor: Executor.ExecutorService = {
        name: "elsewhere",
        prepare: () => Effect.void,
        execute: (attempt) =>
          Effect.onInterrupt(attempt.here, () =>
            Effect.map(attempt.confirm, (held) => {
              confirmed.push(held)
            })
          )
      }
      const driver = yield* Effect.forkChild(
        Effect.exit(Effect.provideService(Flow.run(flow, {}), Executor.Executor, executor))
      )
      yield* Deferred.await(reached)
      const run = yield* newest
      yield* store.claim({ run: { ...run, host: "elsewhere" }, over: run })
      const before = yield* store.tasks({ run: run.id })
      // Suspended for longer than the step's timeout: that comes first when it wakes up.
      yield* TestClock.adjust("2 minutes")
      const exit = yield* Fiber.join(driver)
      assert(Exit.isFailure(exit))
      assert.include(String(exit.cause), `Run ${run.id} is driven by another process (${process.pid} on elsewhere)`)
      assert.deepStrictEqual(confirmed, [false])
      assert.deepStrictEqual(
        (yield* store.tasks({ run: run.id })).filter(({ status }) => status !== "running"),
        before.filter(({ status }) => status !== "running")
      )
      assert.strictEqual((yield* newest).status, "running")
    }).pipe(Effect.provide([Storage.layerMemory, Logger.layer([])]))
  )
})

describe("resuming", () => {
  const failure = (exit: Exit.Exit<unknown, unknown>) =>
    Exit.isFailure(exit) ? (exit.cause.reasons[0] as { readonly error?: unknown }).error : undefined

  it.effect("is refused while the run is alive", () =>
    Effect.gen(function* () {
      const { flow, reached } = make()
      const driver = yield* Effect.forkChild(Flow.run(flow, {}))
      yield* Deferred.await(reached)
      const error = failure(yield* Effect.exit(Flow.resume(flow))) as FlowError
      assert.strictEqual(error.reason, "alive")
      assert.match(error.message, /^Run \S+ of flow "WaitFlow" is still running \(process \d+ on .+\)/)
      yield* Fiber.interrupt(driver)
      assert.strictEqual((yield* newest).status, "interrupted")
    }).pipe(Effect.provide([Storage.layerMemory, Logger.layer([])]))
  )

  for (const status of ["running", "failed"] as const) {
    it.effect(`is won by one of several at once (the run ${status === "running" ? "crashed" : status})`, () =>
      Effect.gen(function* () {
        const { flow, gate, reached } = make()
        const store = yield* RunStore.RunStore
        const driver = yield* Effect.forkChild(Flow.run(flow, {}))
        yield* Deferred.await(reached)
        const run = yield* newest
        const claimed = yield* store.claim({ run: { ...run, ...gone }, over: run })
        yield* store.write([{ _tag: "Heartbeat", run: run.id, at: 0 }], claimed)
        if (status === "failed") yield* store.write([{ _tag: "Run", run: { ...run, ...gone, status } }], claimed)
        yield* Fiber.interrupt(driver)
        yield* TestClock.adjust("1 minute")

        const resumes = yield* Effect.forEach(Array.from({ length: 6 }), () =>
          Effect.forkChild(Effect.exit(Flow.resume(flow, { origin: run.id })))
        )
        yield* TestClock.adjust("1 second")
        yield* Deferred.succeed(gate, undefined)
        const exits = yield* Effect.forEach(resumes, Fiber.join)
        const won = exits.filter(Exit.isSuccess)
        assert.strictEqual(won.length, 1)
        for (const exit of exits) {
          if (Exit.isSuccess(exit)) continue
          const error = failure(exit) as FlowError
          assert.strictEqual(error.reason, "alive")
          assert.match(
            error.message,
            new RegExp(`^Run ${run.id} .* is being resumed by another process, as run ${won[0]?.value.id}`)
          )
        }
        assert.strictEqual((yield* store.runs({ origin: run.id })).length, 1)
        // Once that one has ended, the run can be resumed again.
        assert.strictEqual((yield* Run.get((yield* Flow.resume(flow, { origin: run.id })).id)).origin, run.id)
      }).pipe(Effect.provide([Storage.layerMemory, Logger.layer([])]))
    )
  }
})

describe("a run's id", () => {
  it("never sorts below the newest of the store, whatever the clock says", () => {
    const now = 1_700_000_000_000
    let last = RunId.make(now)
    for (const time of [now, now - 600_000, now + 1, now - 1, now + 3_600_000, now]) {
      const next = RunId.make(time, last)
      assert.isAbove(next.localeCompare(last), 0)
      assert.match(next, /^[0-9a-z]{26}$/)
      last = next
    }
    assert.isBelow(last.localeCompare(RunId.end), 0)
    assert.isBelow(RunId.make(now, "my-own-id").localeCompare("my-own-id"), 0)
  })

  it.effect("makes `latest` the run that was started last, though the clock was set back", () =>
    Effect.gen(function* () {
      const step = Step.make("step", { run: () => Effect.void })
      const flow = Flow.make("Simple", { steps: [step], run: () => step() })
      yield* TestClock.setTime(1_700_000_000_000)
      const first = yield* Flow.run(flow, {})
      yield* TestClock.setTime(1_600_000_000_000)
      const second = yield* Flow.run(flow, {})
      assert.strictEqual((yield* Run.latest("Simple")).id, second.id)
      assert.isAbove(second.id.localeCompare(first.id), 0)
    }).pipe(Effect.provide([Storage.layerMemory, Logger.layer([])]))
  )
})
