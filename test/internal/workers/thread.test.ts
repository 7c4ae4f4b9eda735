/** How a worker thread ends: what is said of it, what it had said before, and the time that a body has to clean up. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Executor from "../../../src/Executor.ts"
import * as Flow from "../../../src/Flow.ts"
import * as Run from "../../../src/Run.ts"
import { RunObserver } from "../../../src/RunObserver.ts"
import * as Storage from "../../../src/Storage.ts"
import * as Flows from "../../executor/leftFlows.ts"
import { temporaryDirectory } from "../../support/directory.ts"

const onOneThread = Layer.mergeAll(
  Layer.unwrap(Effect.map(temporaryDirectory, (directory) => Storage.layerLocal({ directory }))),
  Executor.layerThreads({ module: new URL("../../executor/leftFlows.ts", import.meta.url), size: 1 }),
  Logger.layer([])
)

const causes = [{ tag: "TypeError", message: "the root" }]

describe("a thread that a step's code ends", () => {
  const cases: ReadonlyArray<readonly [Flows.Way, RegExp, typeof causes | undefined]> = [
    ["throw", /: an error was thrown, and nothing caught it, in leaves\/1 of run .+: Error: left behind\.$/, causes],
    [
      "reject",
      /: a promise was rejected, and nothing awaited it, in leaves\/1 of run .+: Error: left behind\.$/,
      causes
    ],
    ["exit", /: process\.exit\(0\) was called in leaves\/1 of run .+\.$/, undefined]
  ]
  for (const [how, says, causes] of cases) {
    it.live(`fails the task that is on it, and names the one whose code it was: ${how}`, () =>
      Effect.gen(function* () {
        yield* Effect.exit(Flow.run(Flows.LeftFlow, { how }))
        const [first, second] = yield* Run.tasks("latest")
        assert.strictEqual(first?.status, "succeeded")
        assert.strictEqual(second?.error?.tag, "WorkerDied")
        assert.match(second?.error?.message ?? "", says)
        assert.deepStrictEqual(second?.error?.causes, causes)
      }).pipe(Effect.provide(onOneThread))
    )
  }

  it.live("is told of in the log where no task is on it", () =>
    Effect.gen(function* () {
      const told = yield* Deferred.make<string>()
      const fiber = yield* Effect.forkChild(
        Effect.provideService(Flow.run(Flows.IdleFlow, {}), RunObserver, (event) => {
          if (event._tag === "Logged") Deferred.doneUnsafe(told, Effect.succeed(event.line.message))
        })
      )
      const message = yield* Deferred.await(told)
      assert.match(
        message,
        /^Code that a step left running ended the worker "thread-\d+": an error was thrown, and nothing caught it, in leaves\/1 of run .+: Error: left behind$/
      )
      yield* Fiber.interrupt(fiber)
      const [line] = yield* Run.logs("latest")
      assert.deepStrictEqual([line?.task, line?.level, line?.message], ["leaves/1", "Error", message])
    }).pipe(Effect.provide(onOneThread))
  )

  it.live("is heard where a fiber of an earlier step says something, as on fibers", () =>
    Effect.gen(function* () {
      yield* Flow.run(Flows.TalksFlow, {})
      const lines = yield* Run.logs("latest")
      assert.deepStrictEqual(
        lines.map(({ message, task }) => [task, message]),
        [["talks/1", "still here"]]
      )
      const points = yield* Run.metrics("latest")
      assert.deepStrictEqual(
        points.map(({ name, task }) => [task, name]),
        [["talks/1", "late"]]
      )
    }).pipe(Effect.provide(onOneThread))
  )

  it.live("leaves its last lines, a half one too", () =>
    Effect.gen(function* () {
      yield* Effect.exit(Flow.run(Flows.PartialFlow, {}))
      const lines = yield* Run.logs("latest")
      assert.deepStrictEqual(
        lines.map(({ message }) => message),
        ["a line", "half a line"]
      )
    }).pipe(Effect.provide(onOneThread))
  )
})

it.live("code that kept the CurrentTask of a task that is over gets an answer", () =>
  Effect.gen(function* () {
    yield* Effect.exit(Flow.run(Flows.KeptFlow, {}))
    const { error, status } = yield* Run.get("latest")
    assert.strictEqual(status, "failed")
    assert.match(error?.message ?? "", /^Tags or a checkpoint were changed by the CurrentTask of a task that is over\./)
  }).pipe(Effect.provide(onOneThread))
)

describe("a body that is interrupted", () => {
  for (const [name, executor] of [
    ["fibers", Layer.empty],
    ["threads", onOneThread]
  ] as const) {
    it.live(`cleans up before its attempt is over, on ${name}`, () =>
      Effect.gen(function* () {
        yield* Effect.exit(Flow.run(Flows.CleansFlow, {}))
        const [task] = yield* Run.tasks("latest")
        assert.strictEqual(task?.error?.tag, "TaskTimeout")
        const lines = yield* Run.logs("latest")
        assert.deepStrictEqual(
          lines.map(({ message }) => message),
          ["cleaned up"]
        )
      }).pipe(Effect.provide(executor), Effect.provide([Storage.layerMemory, Logger.layer([])]))
    )
  }
})
