/** What a task is, whatever executes it: attempts, timeouts, what is taken over or cached, and what its body may do. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { Artifact, CurrentTask, Executor, Flow, Run, type RunRecord, RunStore, Step, Storage } from "effect-flow"

class Flaky extends Schema.TaggedError<Flaky>()("Flaky", { attempt: Schema.Int, message: Schema.String }) {}

const tasksOf = (run: string) => Effect.flatMap(RunStore.RunStore, (runs) => runs.tasks({ run }))
const lastRun = Effect.map(
  Effect.flatMap(RunStore.RunStore, (runs) => runs.runs({ limit: 1 })),
  ([run]) => run as RunRecord.RunRecord
)

/** A step that fails until a certain attempt. */
const flaky = (succeedsAt: number, retry: Step.Retry<Flaky>) =>
  Step.make("flaky", {
    output: { attempt: Schema.Int },
    error: Flaky,
    retry,
    run: Effect.fnUntraced(function* () {
      const { attempt } = yield* CurrentTask
      yield* Effect.log(`attempt ${attempt}`)
      if (attempt < succeedsAt) return yield* new Flaky({ attempt, message: `Attempt ${attempt} failed.` })
      return { attempt }
    })
  })

describe("attempts", () => {
  it.effect("that never had a place are not recorded", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const turn = Step.make("turn", {
        input: { x: Schema.Int },
        run: () => Effect.andThen(Deferred.succeed(started, undefined), Effect.never)
      })
      const flow = Flow.make("OneByOne", {
        steps: [turn],
        run: () => Effect.asVoid(Step.forEach([1, 2], (x) => turn({ x }), { concurrency: "unbounded" }))
      })
      const fiber = yield* Effect.forkChild(Flow.run(flow, {}))
      yield* Deferred.await(started)
      yield* Fiber.interrupt(fiber)
      const run = yield* lastRun
      assert.deepStrictEqual(
        (yield* tasksOf(run.id)).map(({ attempts, status }) => [status, ...attempts.map(({ status }) => status)]),
        [["interrupted", "interrupted"], ["interrupted"]]
      )
      const events = yield* Stream.runCollect(Run.events(run.id))
      assert.deepStrictEqual(
        events.flatMap((event) => ("task" in event && event.task === "turn/2" ? [event._tag] : [])),
        ["TaskStarted", "TaskFinished"]
      )
    }).pipe(Effect.provide([Storage.layerMemory, Executor.layerFibers({ concurrency: 1 })]))
  )

  it.effect("follow the schedule, wait as long as it says, and are recorded one by one", () =>
    Effect.gen(function* () {
      const step = flaky(3, Schedule.spaced("1 minute"))
      const fiber = yield* Effect.forkChild(Flow.run(Flow.make("Retry", { steps: [step], run: () => step() }), {}))
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 minute")
      const { id, output } = yield* Fiber.join(fiber)
      assert.strictEqual(yield* output.attempt, 3)
      const [task] = yield* tasksOf(id)
      assert.deepStrictEqual(
        task?.attempts.map(({ number, status, startedAt, error }) => [number, status, startedAt, error?.message]),
        [
          [1, "failed", 0, "Attempt 1 failed."],
          [2, "failed", 60_000, "Attempt 2 failed."],
          [3, "succeeded", 120_000, undefined]
        ]
      )
      const runs = yield* RunStore.RunStore
      const lines = yield* runs.logs({ run: id, task: "flaky/1" })
      assert.deepStrictEqual(
        lines.map((line) => [line.attempt, line.message]),
        [
          [1, "attempt 1"],
          [2, "attempt 2"],
          [3, "attempt 3"]
        ]
      )
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("end with the schedule, and the task fails as its last attempt did", () =>
    Effect.gen(function* () {
      const step = flaky(9, { times: 2 })
      const error = yield* Effect.flip(Flow.run(Flow.make("Retry", { steps: [step], run: () => step() }), {}))
      assert.strictEqual(error.message, "Attempt 3 failed.")
      const [task] = yield* tasksOf((yield* lastRun).id)
      assert.strictEqual(task?.attempts.length, 3)
      assert.strictEqual(task?.status, "failed")
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("are made only of errors that the predicate holds for", () =>
    Effect.gen(function* () {
      const step = flaky(9, { times: 5, while: (error) => error._tag === "Flaky" && error.attempt < 2 })
      const error = yield* Effect.flip(Flow.run(Flow.make("Retry", { steps: [step], run: () => step() }), {}))
      assert.strictEqual(error.message, "Attempt 2 failed.")
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("that take too long fail with a timeout that can be caught", () =>
    Effect.gen(function* () {
      const slow = Step.make("slow", { timeout: "5 seconds", run: () => Effect.never })
      const flow = Flow.make("Slow", {
        steps: [slow],
        run: () => slow().pipe(Effect.catchTag("TaskTimeout", (error) => Effect.succeed(error)))
      })
      const fiber = yield* Effect.forkChild(Flow.run(flow, {}))
      yield* TestClock.adjust("5 seconds")
      const { id, output } = yield* Fiber.join(fiber)
      assert.instanceOf(output, Executor.TaskTimeout)
      assert.include((output as Executor.TaskTimeout).message, "slow/1")
      assert.include((output as Executor.TaskTimeout).message, "5000 ms")
      const [task] = yield* tasksOf(id)
      assert.deepStrictEqual([task?.status, task?.error?.tag], ["failed", "TaskTimeout"])
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})

describe("a resumed run", () => {
  /** Counts its executions, and fails while the switch is off. */
  const make = () => {
    const state = { executed: [] as Array<string>, works: false }
    const first = Step.make("first", {
      input: { x: Schema.Number },
      output: { y: Schema.Number },
      run: ({ x }) => Effect.sync(() => void state.executed.push(`first ${x}`)).pipe(Effect.as({ y: x % 2 }))
    })
    const second = Step.make("second", {
      input: { y: Schema.Number },
      output: { z: Schema.Number },
      run: ({ y }) =>
        Effect.suspend(() => {
          state.executed.push(`second ${y}`)
          return state.works ? Effect.succeed({ z: y + 1 }) : Effect.die(new Error("off"))
        })
    })
    const flow = Flow.make("Chain", {
      parameters: { x: Schema.Number },
      steps: [first, second],
      run: ({ x }) => Effect.flatMap(first({ x }), second)
    })
    return { flow, state }
  }

  it.effect("takes over what finished, and executes the rest", () =>
    Effect.gen(function* () {
      const { flow, state } = make()
      yield* Effect.exit(Flow.run(flow, { x: 3 }))
      const origin = yield* lastRun
      state.works = true
      state.executed = []
      const { id, output } = yield* Flow.resume(flow)
      assert.strictEqual(yield* output.z, 2)
      assert.deepStrictEqual(state.executed, ["second 1"])
      assert.strictEqual((yield* lastRun).origin, origin.id)
      assert.deepStrictEqual(
        (yield* tasksOf(id)).map((task) => [task.id, task.how, task.source]),
        [
          ["first/1", "takenOver", `${origin.id}/first/1`],
          ["second/2", "executed", undefined]
        ]
      )
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("from a step executes that again, and what depends on it only where its output changed", () =>
    Effect.gen(function* () {
      const { flow, state } = make()
      state.works = true
      yield* Flow.run(flow, { x: 3 })
      state.executed = []
      yield* Flow.resume(flow, { from: "first" })
      assert.deepStrictEqual(state.executed, ["first 3"])
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("with another parameter executes what depends on it, as far as its values differ", () =>
    Effect.gen(function* () {
      const { flow, state } = make()
      state.works = true
      yield* Flow.run(flow, { x: 3 })
      state.executed = []
      yield* Flow.resume(flow, { parameters: { x: 5 } }) // 5 % 2 is 3 % 2
      assert.deepStrictEqual(state.executed, ["first 5"])
      assert.deepStrictEqual((yield* lastRun).parameters, { x: 5 })
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("points at the task that really ran, over several resumes", () =>
    Effect.gen(function* () {
      const { flow, state } = make()
      state.works = true
      const { id: first } = yield* Flow.run(flow, { x: 3 })
      yield* Flow.resume(flow)
      const { id: third } = yield* Flow.resume(flow)
      assert.deepStrictEqual(
        (yield* tasksOf(third)).map((task) => task.source),
        [`${first}/first/1`, `${first}/second/2`]
      )
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("refuses a step that the flow does not have, and a run that is not there", () =>
    Effect.gen(function* () {
      const { flow, state } = make()
      state.works = true
      yield* Flow.run(flow, { x: 3 })
      assert.include((yield* Effect.flip(Flow.resume(flow, { from: "third" }))).message, `no step "third"`)
      assert.strictEqual((yield* Effect.flip(Flow.resume(flow, { origin: "zzz" })))._tag, "RunNotFound")
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("takes each of two tasks with one key over once", () =>
    Effect.gen(function* () {
      let executed = 0
      const roll = Step.make("roll", {
        output: { n: Schema.Number },
        run: () => Effect.sync(() => ({ n: ++executed }))
      })
      const times = { count: 2 }
      const flow = Flow.make("Rolls", {
        steps: [roll],
        run: () => Effect.all(Array.from({ length: times.count }, () => roll()))
      })
      yield* Flow.run(flow, {})
      times.count = 3
      const { output } = yield* Flow.resume(flow)
      assert.deepStrictEqual((yield* Effect.all(output.map((state) => state.n))).sort(), [1, 2, 3])
      assert.strictEqual(executed, 3)
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})

describe("a cached step", () => {
  const make = (version: string, output: Schema.Codec<number> = Schema.Number) => {
    const state = { executed: 0 }
    const step = Step.make("slow", {
      input: { x: Schema.Number },
      output: { y: output },
      cache: { version },
      run: ({ x }) => Effect.sync(() => ({ y: x + state.executed++ * 0 }))
    })
    return {
      state,
      flow: Flow.make("Cached", { parameters: { x: Schema.Number }, steps: [step], run: ({ x }) => step({ x }) })
    }
  }

  it.effect("takes over outputs of any earlier run, and says of which task", () =>
    Effect.gen(function* () {
      const { flow, state } = make("1")
      const { id: first } = yield* Flow.run(flow, { x: 1 })
      const { id: second } = yield* Flow.run(flow, { x: 1 })
      yield* Flow.run(flow, { x: 2 })
      assert.strictEqual(state.executed, 2)
      const [task] = yield* tasksOf(second)
      assert.deepStrictEqual([task?.how, task?.source], ["cached", `${first}/slow/1`])
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("executes again under another version", () =>
    Effect.gen(function* () {
      yield* Flow.run(make("1").flow, { x: 1 })
      const { flow, state } = make("2")
      yield* Flow.run(flow, { x: 1 })
      assert.strictEqual(state.executed, 1)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("executes again where its outputs have another schema by now", () =>
    Effect.gen(function* () {
      yield* Flow.run(make("1").flow, { x: 1 })
      const { flow, state } = make("1", Schema.Int)
      yield* Flow.run(flow, { x: 1 })
      assert.strictEqual(state.executed, 1)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("keys a file by its contents", () =>
    Effect.gen(function* () {
      const directory = mkdtempSync(join(tmpdir(), "effect-flow-test-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(directory, { recursive: true })))
      const path = join(directory, "file")
      const state = { executed: 0 }
      const read = Step.make("read", {
        input: { file: Artifact.file() },
        output: { n: Schema.Number },
        cache: { version: "1" },
        run: () => Effect.sync(() => ({ n: ++state.executed }))
      })
      const flow = Flow.make("Files", {
        parameters: { text: Schema.String },
        steps: [read],
        run: ({ text }) =>
          Effect.suspend(() => {
            writeFileSync(path, text)
            return read({ file: path })
          })
      })
      yield* Flow.run(flow, { text: "a" })
      yield* Flow.run(flow, { text: "a" })
      assert.strictEqual(state.executed, 1)
      yield* Flow.run(flow, { text: "b" })
      assert.strictEqual(state.executed, 2)
    }).pipe(Effect.scoped, Effect.provide(Storage.layerMemory))
  )
})

describe("a body", () => {
  it.effect("knows its task, has a directory of its own, and tags its run", () =>
    Effect.gen(function* () {
      let path = ""
      const step = Step.make("step", {
        run: Effect.fnUntraced(function* () {
          const task = yield* CurrentTask
          assert.deepStrictEqual(
            [task.flow, task.step, task.task, task.attempt, task.tags],
            ["Knows", "step", "step/1", 1, ["given"]]
          )
          path = yield* task.scratch
          assert.strictEqual(yield* task.scratch, path)
          assert.isTrue(existsSync(path))
          yield* task.addTags("candidate", "é")
          yield* task.removeTags("given")
        })
      })
      yield* Flow.run(Flow.make("Knows", { steps: [step], run: () => step() }), {}, { tags: ["given"] })
      assert.deepStrictEqual((yield* lastRun).tags, ["candidate", "é"])
      assert.isFalse(existsSync(path))
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("keeps every line it logs, in order, beside the body of the flow", () =>
    Effect.gen(function* () {
      const chatty = Step.make("chatty", {
        input: { n: Schema.Int },
        run: ({ n }) =>
          Effect.forEach(
            Array.from({ length: 5000 }, (_, i) => i),
            (i) => Effect.logDebug(`${n} says ${i}`),
            { discard: true }
          )
      })
      const flow = Flow.make("Flood", {
        steps: [chatty],
        run: () =>
          Effect.andThen(
            Effect.log("the flow's own"),
            Step.forEach(
              Array.from({ length: 32 }, (_, n) => n),
              (n) => chatty({ n }),
              { concurrency: "unbounded" }
            )
          )
      })
      const { id } = yield* Flow.run(flow, {})
      const runs = yield* RunStore.RunStore
      const lines = yield* runs.logs({ run: id })
      assert.strictEqual(lines.length, 32 * 5000 + 1)
      assert.deepStrictEqual([lines[0]?.task, lines[0]?.message, lines[0]?.level], ["", "the flow's own", "Info"])
      const byTask = Map.groupBy(lines, (line) => line.task)
      for (let n = 0; n < 32; n++) {
        const own = byTask.get(`chatty/${n + 1}`) ?? []
        assert.lengthOf(own, 5000)
        assert.isTrue(own.every((line, i) => line.message === `${n} says ${i}` && line.level === "Debug"))
      }
    }).pipe(Effect.provideService(References.MinimumLogLevel, "Debug"), Effect.provide(Storage.layerMemory))
  )

  it.effect("records metrics, numbering points by itself", () =>
    Effect.gen(function* () {
      const step = Step.make("step", {
        run: () =>
          Effect.all([Run.metric("loss", 3), Run.metric("loss", 2), Run.metric("auc", 0.9, 7)], { discard: true })
      })
      const { id } = yield* Flow.run(Flow.make("Metrics", { steps: [step], run: () => step() }), {})
      const runs = yield* RunStore.RunStore
      assert.deepStrictEqual(
        (yield* runs.metrics({ run: id })).map(({ name, step, task, value }) => [name, task, step, value]).sort(),
        [
          ["auc", "step/1", 7, 0.9],
          ["loss", "step/1", 0, 3],
          ["loss", "step/1", 1, 2]
        ]
      )
      yield* Run.metric("outside", 1)
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})
