/** A run whose driver is gone: another one goes on with it, as the same run, and repeats nothing that had finished. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import * as Executor from "../../../src/Executor.ts"
import * as Flow from "../../../src/Flow.ts"
import { runFlow } from "../../../src/internal/run/runFlow.ts"
import { OwnShutdown, ShutdownSignal } from "../../../src/internal/run/takeover.ts"
import { RunStore } from "../../../src/RunStore.ts"
import * as Step from "../../../src/Step.ts"
import * as Storage from "../../../src/Storage.ts"

/** A flow whose second step waits for a gate, and counts how often each step ran. */
const make = () => {
  const counts = new Map<string, number>()
  const count = (name: string) => Effect.sync(() => counts.set(name, (counts.get(name) ?? 0) + 1))
  const reached = Deferred.makeUnsafe<void>()
  const gate = Deferred.makeUnsafe<void>()
  const first = Step.make("first", {
    input: { n: Schema.Number },
    output: { n: Schema.Number },
    run: ({ n }) => Effect.as(count(`first ${n}`), { n: n + 1 })
  })
  const second = Step.make("second", {
    input: { n: Schema.Number },
    output: { n: Schema.Number },
    run: ({ n }) =>
      count("second").pipe(
        Effect.andThen(Deferred.succeed(reached, undefined)),
        Effect.andThen(Deferred.await(gate)),
        Effect.as({ n: n * 2 })
      )
  })
  const child = Flow.make("ChildFlow", {
    parameters: { n: Schema.Number },
    steps: [first],
    run: ({ n }) => first({ n })
  })
  const flow = Flow.make("DrivenFlow", {
    parameters: { n: Schema.Number },
    steps: [first, second],
    run: Effect.fnUntraced(function* ({ n }) {
      const called = yield* Flow.call(child, { n: 100 })
      const twins = yield* Effect.all([first({ n }), first({ n })], { concurrency: 2 })
      const last = yield* second({ n: twins[1].n })
      return { n: yield* last.n, called: yield* called.n }
    })
  })
  return { counts, flow, gate, reached }
}

describe("a run that was begun", () => {
  it.effect("is gone on with under its id, without its finished tasks, children included", () =>
    Effect.gen(function* () {
      const { counts, flow, gate, reached } = make()
      const store = yield* RunStore
      const leave = new OwnShutdown()
      const driver = yield* Effect.forkChild(Effect.provideService(Flow.run(flow, { n: 1 }), ShutdownSignal, leave))
      yield* Deferred.await(reached)
      leave.begin()
      yield* Fiber.await(driver)

      const [left] = yield* store.runs({ flow: "DrivenFlow" })
      assert(left !== undefined)
      assert.strictEqual(left.status, "running")
      const before = yield* store.tasks({ run: left.id })
      assert.deepStrictEqual(
        before.filter(({ status }) => status === "succeeded").map(({ id }) => id),
        ["first/1", "first/2"]
      )
      assert.notInclude(
        before.map(({ status }) => status),
        "interrupted"
      )

      yield* Deferred.succeed(gate, undefined)
      const goOn = runFlow(flow, { n: 1 }, { begun: left }) as ReturnType<
        typeof Flow.run<"DrivenFlow", {}, unknown, unknown, never>
      > // erased
      const result = yield* goOn
      assert.strictEqual(result.id, left.id)
      assert.deepStrictEqual(result.output, { n: 4, called: 101 })
      assert.deepStrictEqual(Object.fromEntries(counts), { "first 100": 1, "first 1": 2, second: 2 })

      const [done] = yield* store.runs({ flow: "DrivenFlow" })
      assert.strictEqual(done?.status, "succeeded")
      assert.strictEqual(done?.startedAt, left.startedAt)
      const tasks = yield* store.tasks({ run: left.id })
      assert.deepStrictEqual(
        tasks.map(({ attempts, id, status }) => [id, status, attempts.length]),
        [
          ["first/1", "succeeded", 1],
          ["first/2", "succeeded", 1],
          ["second/3", "succeeded", 1]
        ]
      )
      const children = yield* store.runs({ parent: left.id })
      assert.strictEqual(children.length, 1)
    }).pipe(Effect.provide([Storage.layerMemory, Logger.layer([])]))
  )

  it.effect("is let go by a driver that comes to itself again", () =>
    Effect.gen(function* () {
      const { flow, reached } = make()
      const store = yield* RunStore
      const watched: Array<string> = []
      const executor: Executor.ExecutorService = {
        name: "watched",
        prepare: () => Effect.void,
        watch: ({ id }) => Effect.sync(() => void watched.push(id)),
        execute: (attempt) => attempt.here
      }
      const driver = yield* Effect.forkChild(
        Effect.exit(Effect.provideService(Flow.run(flow, { n: 1 }), Executor.Executor, executor))
      )
      yield* Deferred.await(reached)
      const [run] = yield* store.runs({ flow: "DrivenFlow" })
      assert(run !== undefined)
      assert.deepStrictEqual(watched, [run.id])
      yield* store.claim({ run: { ...run, host: "elsewhere" }, over: run })
      yield* TestClock.adjust("5 seconds")

      const exit = yield* Fiber.join(driver)
      const error = Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isFailReason)?.error : undefined
      assert(error instanceof Executor.ExecutorError)
      assert.strictEqual(error.reason, "taken")
      const [after] = yield* store.runs({ flow: "DrivenFlow" })
      assert.strictEqual(after?.status, "running")
      assert.strictEqual(after?.host, "elsewhere")
      const tasks = yield* store.tasks({ run: run.id })
      assert.notInclude(
        tasks.map(({ status }) => status),
        "interrupted"
      )
    }).pipe(Effect.provide([Storage.layerMemory, Logger.layer([])]))
  )
})
