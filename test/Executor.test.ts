/** Tasks on worker threads: the same flows, results, records and errors as on fibers, and workers that die. */
import { execFile } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, describe, it, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { ArtifactError } from "../src/ArtifactStore.ts"
import * as Executor from "../src/Executor.ts"
import * as Flow from "../src/Flow.ts"
import { RunObserver } from "../src/RunObserver.ts"
import { RunStore } from "../src/RunStore.ts"
import * as Step from "../src/Step.ts"
import * as Storage from "../src/Storage.ts"
import * as Flows from "./executor/flows.ts"
import { survivesGc } from "./executor/waiting.ts"

const module = new URL("./executor/flows.ts", import.meta.url)

const directory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "effect-flow-threads-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)
const storage = Layer.unwrap(Effect.map(directory, (directory) => Storage.layerLocal({ directory })))
const threads = (options: { readonly heapMegabytes?: number } = {}) =>
  // The directory goes after the threads, which may still have files open in it.
  Executor.layerThreads({ module, size: 2, ...options }).pipe(
    Layer.provideMerge(storage),
    Layer.merge(Logger.layer([]))
  )

/** A service that is no plain data, and stays at home. */
class Building {
  readonly count = 0
  readonly thread = 0
}

const failureOf = (exit: Exit.Exit<unknown, unknown>): unknown =>
  Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isFailReason)?.error : undefined

/** The newest run's record, its tasks and its lines. */
const latest = Effect.gen(function* () {
  const store = yield* RunStore
  const [run] = yield* store.runs({ limit: 1 })
  assert(run !== undefined)
  return { run, tasks: yield* store.tasks({ run: run.id }), logs: yield* store.logs({ run: run.id }) }
})

layer(threads(), { excludeTestServices: true, timeout: "300 seconds" })("Executor.layerThreads", (it) => {
  it.effect("runs a task on another thread, and one of `runsOn: fiber` on this one", () =>
    Effect.gen(function* () {
      const { output } = yield* Flow.run(Flows.WhereFlow, {})
      assert.notStrictEqual(output.away, output.home)
      const { tasks } = yield* latest
      const [away, home] = tasks
      assert.match(away?.attempts[0]?.worker ?? "", /^thread-\d$/)
      assert.isAtLeast(away?.attempts[0]?.cpu ?? -1, 0)
      assert.isUndefined(home?.attempts[0]?.worker)
    })
  )

  it.effect("gives the results of fibers, small artifacts and large ones", () =>
    Effect.gen(function* () {
      const threads = yield* Flow.run(Flows.SquaresFlow, { count: 8 })
      const there = yield* latest
      const fibers = yield* Effect.provide(Flow.run(Flows.SquaresFlow, { count: 8 }), Executor.layerFibers())
      const here = yield* latest
      assert.deepStrictEqual(threads.output, { total: 140, length: 800_000 })
      assert.deepStrictEqual(fibers.output, threads.output)
      const digests = (tasks: typeof here.tasks) => tasks.map((task) => task.outputs.map((ref) => ref.digest)).sort()
      assert.deepStrictEqual(digests(there.tasks), digests(here.tasks))
      assert.deepStrictEqual(there.run.output, here.run.output)
    })
  )

  it.effect("keeps what a task that waits for a thread will read, whatever gc's grace is", () => survivesGc)

  it.effect("hands files over with their extensions, as on fibers", () =>
    Effect.gen(function* () {
      const expected = { endings: [".csv.gz", ".TXT", ""], same: true, again: ".TXT" }
      assert.deepStrictEqual((yield* Flow.run(Flows.FilesFlow, {})).output, expected)
      const { tasks } = yield* latest
      assert.deepStrictEqual(
        tasks[0]?.outputs.map(({ extension }) => extension),
        [".csv.gz", undefined, ".TXT"]
      )
      const fibers = Flow.run(Flows.FilesFlow, {}).pipe(Effect.provide(Executor.layerFibers()))
      assert.deepStrictEqual((yield* fibers).output, expected)
      assert.deepStrictEqual((yield* fibers.pipe(Effect.provide(Storage.layerMemory))).output, expected)
    })
  )

  it.effect("brings a declared failure home as the same typed error", () =>
    Effect.gen(function* () {
      const error = failureOf(yield* Effect.exit(Flow.run(Flows.FailingFlow, { how: "declared" })))
      assert(error instanceof Flows.TooLarge)
      assert.strictEqual(error.size, 7)
      assert.deepStrictEqual(error.when, new Date(0))
      const { run, tasks } = yield* latest
      assert.strictEqual(run.status, "failed")
      assert.strictEqual(tasks[0]?.error?.tag, "TooLarge")
      assert.strictEqual(tasks[0]?.error?.message, "7 is too large")
      assert.match(tasks[0]?.attempts[0]?.worker ?? "", /^thread-\d$/)
      assert.isAtLeast(tasks[0]?.attempts[0]?.cpu ?? -1, 0)
    })
  )

  it.effect("names the step whose failure no schema describes", () =>
    Effect.gen(function* () {
      const error = failureOf(yield* Effect.exit(Flow.run(Flows.FailingFlow, { how: "undeclared" })))
      assert(error instanceof Executor.ExecutorError)
      assert.strictEqual(error.reason, "error-schema")
      assert.match(
        error.message,
        /^Step "undeclared" \(undeclared\/1 of run .+\) failed in a worker with Surprise: boo — but it declares no `error`\. Give the step .+ `error: Surprise`/
      )
    })
  )

  it.effect("brings a defect home with its stack", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Flow.run(Flows.FailingFlow, { how: "thrown" }))
      assert(Exit.isFailure(exit))
      const defect = exit.cause.reasons.find(Cause.isDieReason)?.defect as Error
      assert.strictEqual(defect.name, "TypeError")
      assert.strictEqual(defect.message, "no such thing")
      assert.include(defect.stack, "flows.ts")
      const { tasks } = yield* latest
      assert.include(tasks[0]?.error?.stack, "flows.ts")
    })
  )

  it.effect("brings effect-flow's own errors home as what they are", () =>
    Effect.gen(function* () {
      const error = failureOf(yield* Effect.exit(Flow.run(Flows.FailingFlow, { how: "unreadable" })))
      assert(error instanceof ArtifactError)
      assert.strictEqual(error.reason, "invalid")
      assert.strictEqual(error.artifact, "unreadable/1/n")
    })
  )

  it.effect("does not wait for the flow's layer with a step that does without it", () =>
    Effect.gen(function* () {
      const { output } = yield* Flow.run(Flows.LayerlessFlow, {})
      assert.notStrictEqual(output, 0)
    })
  )

  it.effect("builds the flow's layer once a thread, and keeps what it logs", () =>
    Effect.gen(function* () {
      const first = yield* Flow.run(Flows.LayerFlow, {})
      const second = yield* Flow.run(Flows.LayerFlow, {})
      const seen = [...first.output, ...second.output]
      for (const { count } of seen) assert.strictEqual(count, 1)
      assert.isAtMost(new Set(seen.map(({ thread }) => thread)).size, 2)
      const store = yield* RunStore
      const lines = yield* Effect.forEach([first, second], ({ id }) => store.logs({ run: id }))
      const building = lines.flat().filter(({ message }) => message === "building")
      assert.strictEqual(building.length, new Set(seen.map(({ thread }) => thread)).size)
      for (const { task } of building) assert.match(task, /^useBuilds\//)
    })
  )

  it.effect("says how a step gets a service that its flow does not carry", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        Effect.provide(Flow.run(Flows.NeedyFlow, {}), Layer.succeed(Flows.Builds, new Building()))
      )
      assert(Exit.isFailure(exit))
      const defect = exit.cause.reasons.find(Cause.isDieReason)?.defect as Error
      assert.match(defect.message, /^Service not found: test\/Builds.+Flow\.provide\(flow, layer\)\.$/)
    })
  )

  it.effect("keeps what a step logs, prints, measures and tags, in order", () =>
    Effect.gen(function* () {
      const printed: Array<string> = []
      const logger = Logger.make<unknown, void>(({ message }) => {
        printed.push(String(message))
      })
      const { output } = yield* Effect.provide(Flow.run(Flows.TalkingFlow, {}), Logger.layer([logger]))
      const { logs, run } = yield* latest
      const lines = logs.map(({ level, message }) => `${level} ${message}`)
      const expected = ["Info one", "Info two", "Info three", "Warn careful", "Warn oops", "Info four"]
      assert.deepStrictEqual(lines, expected)
      assert.deepStrictEqual(
        printed,
        expected.map((line) => line.slice(5))
      )
      const store = yield* RunStore
      const points = yield* store.metrics({ run: run.id })
      assert.deepStrictEqual(
        points.map(({ name, step, value }) => ({ name, step, value })),
        [
          { name: "speed", step: 0, value: 1 },
          { name: "speed", step: 1, value: 2 }
        ]
      )
      assert.deepStrictEqual(run.tags, ["attempt-1", "talked"])
      assert.strictEqual(output.message, "A tag can't be empty.")
    })
  )

  for (const [how, why] of [
    ["exit", /: process\.exit\(3\) was called in dies\/1 of run .+\.$/],
    ["throw", /: an error was thrown, and nothing caught it, in dies\/1 of run .+: Error: from a timer\.$/]
  ] as const) {
    it.effect(`replaces a worker that dies (${how}), and the retry applies`, () =>
      Effect.gen(function* () {
        const { output } = yield* Flow.run(Flows.DyingFlow, { how })
        assert.strictEqual(output.attempt, 2)
        const { logs, tasks } = yield* latest
        const [first, second] = tasks[0]?.attempts ?? []
        assert.strictEqual(first?.status, "failed")
        assert.strictEqual(first?.error?.tag, "WorkerDied")
        assert.match(first?.error?.message ?? "", /^The worker "thread-\d+" died at dies\/1 of run .+ \(attempt 1\): /)
        assert.match(first?.error?.message ?? "", why)
        assert.include(first?.error?.message, `"${first?.worker}"`)
        assert.strictEqual(second?.status, "succeeded")
        assert.deepStrictEqual(
          logs.map(({ message }) => message),
          ["last words"]
        )
      })
    )
  }

  for (const how of ["idle", "busy"] as const) {
    it.effect(`ends the task of a run that is interrupted (${how})`, () =>
      Effect.gen(function* () {
        const began = yield* Deferred.make<void>()
        const run = Flow.run(Flows.EndlessFlow, { how }).pipe(
          Effect.provideService(RunObserver, (event) => {
            if (event._tag === "Logged") Deferred.doneUnsafe(began, Effect.void)
          })
        )
        const fiber = yield* Effect.forkChild(run)
        yield* Deferred.await(began)
        yield* Fiber.interrupt(fiber)
        const ended = yield* latest
        assert.strictEqual(ended.run.status, "interrupted")
        assert.strictEqual(ended.tasks[0]?.status, "interrupted")
        assert.deepStrictEqual(
          ended.logs.map(({ message }) => message),
          how === "idle" ? ["began", "was interrupted"] : ["began"]
        )
        // The pool is as good as before.
        const { output } = yield* Flow.run(Flows.SquaresFlow, { count: 4 })
        assert.strictEqual(output.total, 14)
      })
    )
  }

  it.effect("ends a task that takes longer than its timeout", () =>
    Effect.gen(function* () {
      const error = failureOf(yield* Effect.exit(Flow.run(Flows.EndlessFlow, { how: "hurried" })))
      assert(error instanceof Executor.TaskTimeout)
      const { tasks } = yield* latest
      assert.match(tasks[0]?.attempts[0]?.worker ?? "", /^thread-\d+$/)
    })
  )

  it.effect("refuses a flow that the module does not export, and says what it has", () =>
    Effect.gen(function* () {
      const other = Flow.make("OtherFlow", { steps: [], run: () => Effect.void })
      const error = failureOf(yield* Effect.exit(Flow.run(other, {})))
      assert(error instanceof Executor.ExecutorError)
      assert.strictEqual(error.reason, "module")
      assert.match(error.message, /exports no flow named "OtherFlow"; it exports .*"SquaresFlow"/)
      const store = yield* RunStore
      assert.deepStrictEqual(yield* store.runs({ flow: "OtherFlow" }), [])
    })
  )

  it.effect("refuses another version of a step than the module has, naming both", () =>
    Effect.gen(function* () {
      const whoami = Step.make("whoami", { version: "2", output: { thread: Schema.Number }, run: () => Effect.never })
      const other = Flow.make("WhereFlow", { steps: [whoami], run: () => whoami() })
      const error = failureOf(yield* Effect.exit(Flow.run(other, {})))
      assert(error instanceof Executor.ExecutorError)
      assert.strictEqual(error.reason, "version")
      assert.match(
        error.message,
        /^Step "whoami" of flow "WhereFlow" has version "2" here, but version "" in the workers'/
      )
    })
  )

  it.effect("refuses what another version of a step wrote, where the version does not tell", () =>
    Effect.gen(function* () {
      const whoami = Step.make("whoami", { output: { thread: Schema.String }, run: () => Effect.never })
      const other = Flow.make("WhereFlow", { steps: [whoami], run: () => whoami() })
      const error = failureOf(yield* Effect.exit(Flow.run(other, {})))
      assert(error instanceof Executor.ExecutorError)
      assert.strictEqual(error.reason, "version")
      assert.match(error.message, /its output "thread" is declared with another schema/)
    })
  )
})

describe("Executor.layerThreads, by itself", () => {
  it.live("fails an attempt whose worker runs out of memory, and goes on", () =>
    Effect.gen(function* () {
      const { output } = yield* Flow.run(Flows.DyingFlow, { how: "memory" })
      assert.strictEqual(output.attempt, 2)
      const { tasks } = yield* latest
      assert.match(tasks[0]?.attempts[0]?.error?.message ?? "", /memory/)
    }).pipe(Effect.provide(threads({ heapMegabytes: 48 })))
  )

  it.effect("refuses the store in memory, which no thread can open", () =>
    Effect.gen(function* () {
      const error = failureOf(yield* Effect.exit(Flow.run(Flows.WhereFlow, {})))
      assert(error instanceof Executor.ExecutorError)
      assert.strictEqual(error.reason, "store")
    }).pipe(Effect.provide([Storage.layerMemory, Executor.layerThreads({ module })]))
  )

  it.live("says in a sentence why a module can't be imported", () =>
    Effect.gen(function* () {
      const path = join(yield* directory, "broken.mjs")
      yield* Effect.promise(() => writeFile(path, "throw new Error('not today')"))
      const run = (module: string) =>
        Effect.exit(Flow.run(Flows.WhereFlow, {})).pipe(
          Effect.provide(Executor.layerThreads({ module })),
          Effect.map(failureOf)
        )
      const missing = yield* run(`${path}.ts`)
      assert(missing instanceof Executor.ExecutorError)
      assert.strictEqual(missing.reason, "module")
      assert.match(missing.message, /^There is no module .+broken\.mjs\.ts for workers to import\./)
      const broken = yield* run(path)
      assert(broken instanceof Executor.ExecutorError)
      assert.strictEqual(broken.reason, "module")
      assert.match(broken.message, /^The module .+broken\.mjs can't be imported by a worker: not today$/)
    }).pipe(Effect.provide(storage))
  )

  for (const [how, flags] of [
    ["plain node", []],
    ["tsx", ["--import", "tsx"]]
  ] as const) {
    it.live(`works under ${how}, where a flow's module is TypeScript`, () =>
      Effect.gen(function* () {
        const program = fileURLToPath(new URL("./executor/onThreads.ts", import.meta.url))
        const store = yield* directory
        const { stdout } = yield* Effect.promise((signal) =>
          promisify(execFile)(process.execPath, [...flags, program, store], { signal })
        )
        assert.strictEqual(stdout, "on another thread\n")
      })
    )
  }
})

describe("Executor.layerCluster, without a cluster", () => {
  it.live("says what it needs where nothing names a database, and which settings are wrong", () =>
    Effect.gen(function* () {
      const run = (options: Executor.ClusterOptions, environment: { readonly [name: string]: string } = {}) =>
        Effect.exit(Flow.run(Flows.WhereFlow, {})).pipe(
          Effect.provide(Executor.layerCluster(options)),
          Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: environment })),
          Effect.map((exit) => {
            const error = failureOf(exit)
            assert(error instanceof Executor.ExecutorError)
            assert.strictEqual(error.reason, "settings")
            return error.message
          })
        )
      assert.match(yield* run({}), /^A cluster needs a Postgres database .+ EFFECT_FLOW_DATABASE_URL=postgres:/)
      const url = "postgres://nobody@127.0.0.1:1/none"
      assert.match(yield* run({ url, group: "Not a name" }), /^"Not a name" can't name a group of workers/)
      assert.match(
        yield* run({ url }, { EFFECT_FLOW_SHARD_LOCK_EXPIRATION: "soon" }),
        /^The cluster's settings are invalid: EFFECT_FLOW_SHARD_LOCK_EXPIRATION must be a duration, such as "30 seconds"\.$/
      )
      const said = (environment: { readonly [name: string]: string }) =>
        Effect.map(run({ url }, environment), (message) => message.replace("The cluster's settings are invalid: ", ""))
      assert.strictEqual(yield* said({ EFFECT_FLOW_PORT: "abc" }), "EFFECT_FLOW_PORT must be a whole number.")
      assert.strictEqual(yield* said({ EFFECT_FLOW_THREADS: "1.5" }), "EFFECT_FLOW_THREADS must be a whole number.")
      assert.strictEqual(yield* said({ EFFECT_FLOW_HEALTH: "maybe" }), 'EFFECT_FLOW_HEALTH must be "ping" or "k8s".')
      assert.strictEqual(
        yield* said({ EFFECT_FLOW_ALLOW_OTHER_CODE: "maybe" }),
        "EFFECT_FLOW_ALLOW_OTHER_CODE must be true or false."
      )
    }).pipe(Effect.provide(storage))
  )

  it.live("is not for the store in memory", () =>
    Effect.gen(function* () {
      const error = failureOf(yield* Effect.exit(Flow.run(Flows.WhereFlow, {})))
      assert(error instanceof Executor.ExecutorError)
      assert.strictEqual(error.reason, "store")
    }).pipe(Effect.provide([Storage.layerMemory, Executor.layerCluster({ url: "postgres://nobody@127.0.0.1:1/none" })]))
  )
})
