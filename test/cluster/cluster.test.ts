/** Tasks on a cluster, with a real Postgres and worker processes: the results, records and errors of fibers. */
import { hostname } from "node:os"
import { join } from "node:path"
import { assert, describe, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import { ArtifactError } from "../../src/ArtifactStore.ts"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import { RunObserver } from "../../src/RunObserver.ts"
import { RunStore } from "../../src/RunStore.ts"
import * as Step from "../../src/Step.ts"
import { Tenant } from "../executor/callerFlow.ts"
import * as Flows from "../executor/flows.ts"
import { collecting } from "../executor/tracedFlow.ts"
import { survivesGc } from "../executor/waiting.ts"
import { beginnings } from "./counted.ts"
import * as Postgres from "./postgres.ts"
import * as Processes from "./processes.ts"
import * as Setting from "./setting.ts"
import { lockExpiration } from "./timing.ts"

const failureOf = (exit: Exit.Exit<unknown, unknown>): unknown =>
  Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isFailReason)?.error : undefined

/** On workers that could not execute it, a task is given up soon. */
const impatient = <A, E, R>(run: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Setting.Setting, ({ postgres }) =>
    Effect.provide(run, Executor.layerCluster({ url: postgres.url, lockExpiration, waitForWorker: "1 second" }))
  )

/** The newest run's record, its tasks and its lines. */
const latest = Effect.gen(function* () {
  const store = yield* RunStore
  const [run] = yield* store.runs({ limit: 1 })
  assert(run !== undefined)
  return { run, tasks: yield* store.tasks({ run: run.id }), logs: yield* store.logs({ run: run.id }) }
})

describe.skipIf(Postgres.binaries === undefined)("Executor.layerCluster", () => {
  layer(Setting.layer(2), { excludeTestServices: true, timeout: "300 seconds" })("with two workers", (it) => {
    it.effect("gives the results of fibers, on both workers", () =>
      Effect.gen(function* () {
        const cluster = yield* Flow.run(Flows.SquaresFlow, { count: 12 })
        const there = yield* latest
        const fibers = yield* Effect.provide(Flow.run(Flows.SquaresFlow, { count: 12 }), Executor.layerFibers())
        const here = yield* latest
        assert.deepStrictEqual(cluster.output, { total: 506, length: 1_200_000 })
        assert.deepStrictEqual(fibers.output, cluster.output)
        const digests = (tasks: typeof here.tasks) => tasks.map((task) => task.outputs.map((ref) => ref.digest)).sort()
        assert.deepStrictEqual(digests(there.tasks), digests(here.tasks))
        assert.deepStrictEqual(there.run.output, here.run.output)
        // A worker that has just come has no share of the shards yet.
        const namesOf = ({ tasks }: typeof here) => tasks.map((task) => task.attempts[0]?.worker ?? "")
        const names = namesOf(there)
        const addresses = () => new Set(names.map((name) => name.split("/")[0]))
        for (let count = 13; addresses().size < 2 && count < 33; count++) {
          yield* Flow.run(Flows.SquaresFlow, { count })
          names.push(...namesOf(yield* latest))
        }
        assert.strictEqual(addresses().size, 2)
        for (const name of names) assert.match(name, /^.+:\d+\/thread-\d+$/)
      })
    )

    it.effect("keeps what a task that waits for a worker will read, whatever gc's grace is", () => survivesGc)

    it.effect("hands files over with their extensions", () =>
      Effect.gen(function* () {
        const { output } = yield* Flow.run(Flows.FilesFlow, {})
        assert.deepStrictEqual(output, { endings: [".csv.gz", ".TXT", ""], same: true, again: ".TXT" })
      })
    )

    it.effect("gives a step its caller's context and seed, and its spans are the caller's", () =>
      Effect.gen(function* () {
        const { output } = yield* Flow.run(Flows.CallerFlow, {}).pipe(
          Effect.provideService(Tenant, { name: "acme", ids: [1, 2] }),
          Effect.annotateLogs({ request: 7 })
        )
        assert.strictEqual(output, "acme 1+2")
        assert.deepStrictEqual(
          (yield* latest).logs.map(({ message }) => message),
          ['seen request=7 inner="two words"']
        )
        const drawn = Effect.map(Random.withSeed(Flow.run(Flows.RandomFlow, {}), "a"), ({ output }) => output)
        assert.deepStrictEqual(yield* drawn, yield* Effect.provide(drawn, Executor.layerFibers()))
        const { spans, tracer } = collecting()
        const traced = yield* Effect.withTracer(Flow.run(Flows.TracedFlow, {}), tracer)
        const names = ["run TracedFlow", "task work", "attempt work", "outer", "inner", "refusing", "linked"]
        const own = spans.filter(({ name }) => names.includes(name))
        assert.deepStrictEqual(own.map(({ name }) => name).sort(), names.sort())
        assert.strictEqual(new Set(own.map(({ traceId }) => traceId)).size, 1)
        assert.isTrue(own.every(({ status }) => status._tag === "Ended"))
        assert.strictEqual(own.find(({ name }) => name === "inner")?.spanId, traced.output)
      })
    )

    it.effect("runs a step of `runsOn: fiber` where the run is driven", () =>
      Effect.gen(function* () {
        const { output } = yield* Flow.run(Flows.WhereFlow, {})
        assert.notStrictEqual(output.away, output.home)
        const { tasks } = yield* latest
        assert.isUndefined(tasks[1]?.attempts[0]?.worker)
      })
    )

    it.effect("brings errors home as what they are, and defects with their stacks", () =>
      Effect.gen(function* () {
        const run = (how: "declared" | "undeclared" | "thrown" | "unreadable") =>
          Effect.exit(Flow.run(Flows.FailingFlow, { how }))
        const declared = failureOf(yield* run("declared"))
        assert(declared instanceof Flows.TooLarge)
        assert.deepStrictEqual(declared.when, new Date(0))
        const undeclared = failureOf(yield* run("undeclared"))
        assert(undeclared instanceof Executor.ExecutorError)
        assert.strictEqual(undeclared.reason, "error-schema")
        assert.instanceOf(failureOf(yield* run("unreadable")), ArtifactError)
        const thrown = yield* run("thrown")
        assert(Exit.isFailure(thrown))
        const defect = thrown.cause.reasons.find(Cause.isDieReason)?.defect as Error
        assert.strictEqual(defect.message, "no such thing")
        assert.include(defect.stack, "flows.ts")
      })
    )

    it.effect(
      "keeps what a step logs, prints, measures and tags, in order, and shows its lines where the run is driven",
      () =>
        Effect.gen(function* () {
          const shown: Array<string> = []
          yield* Flow.run(Flows.TalkingFlow, {}).pipe(
            Effect.provideService(RunObserver, (event) => {
              if (event._tag === "Logged") shown.push(`${event.line.level} ${event.line.message}`)
              if (event._tag === "TaskFinished" && event.task.step === "talk") shown.push("finished")
            })
          )
          const { logs, run } = yield* latest
          const expected = ["Info one", "Info two", "Info three", "Warn careful", "Warn oops", "Info four"]
          assert.deepStrictEqual(
            logs.map(({ level, message }) => `${level} ${message}`),
            expected
          )
          assert.deepStrictEqual(shown, [...expected, "finished"])
          const store = yield* RunStore
          assert.deepStrictEqual(
            (yield* store.metrics({ run: run.id })).map(({ value }) => value),
            [1, 2]
          )
          assert.deepStrictEqual(run.tags, ["attempt-1", "talked"])
        })
    )

    it.effect("makes another attempt where a worker's thread dies", () =>
      Effect.gen(function* () {
        const { output } = yield* Flow.run(Flows.DyingFlow, { how: "exit" })
        assert.strictEqual(output.attempt, 2)
        const { tasks } = yield* latest
        assert.strictEqual(tasks[0]?.attempts[0]?.error?.tag, "WorkerDied")
        assert.match(tasks[0]?.attempts[0]?.worker ?? "", /:\d+/)
      })
    )

    for (const how of ["idle", "busy"] as const) {
      it.effect(`ends the task of a run that is interrupted (${how})`, () =>
        Effect.gen(function* () {
          const began = yield* Deferred.make<void>()
          const fiber = yield* Flow.run(Flows.EndlessFlow, { how }).pipe(
            Effect.provideService(RunObserver, (event) => {
              if (event._tag === "Logged") Deferred.doneUnsafe(began, Effect.void)
            }),
            Effect.forkChild
          )
          yield* Deferred.await(began)
          yield* Fiber.interrupt(fiber)
          const { run } = yield* latest
          assert.strictEqual(run.status, "interrupted")
          // Both workers' only threads are free again.
          const { output } = yield* Flow.run(Flows.SquaresFlow, { count: 8 })
          assert.strictEqual(output.total, 140)
          const store = yield* RunStore
          assert.deepStrictEqual(
            (yield* store.logs({ run: run.id })).map(({ message }) => message),
            how === "idle" ? ["began", "was interrupted"] : ["began"]
          )
        })
      )
    }

    it.effect("refuses another version of a step than the worker has, naming both", () =>
      Effect.gen(function* () {
        const whoami = Step.make("whoami", { version: "2", output: { thread: Schema.Number }, run: () => Effect.never })
        const other = Flow.make("WhereFlow", { steps: [whoami], run: () => whoami() })
        const error = failureOf(yield* Effect.exit(impatient(Flow.run(other, {}))))
        assert(error instanceof Executor.ExecutorError)
        assert.strictEqual(error.reason, "version")
        assert.match(
          error.message,
          /^Step "whoami" of flow "WhereFlow" has version "2" in the driver of the run, but version "" on worker /
        )
      })
    )

    it.effect("says that the workers' module has no such flow", () =>
      Effect.gen(function* () {
        const lost = Step.make("lost", { run: () => Effect.void })
        const other = Flow.make("OtherFlow", { steps: [lost], run: () => lost() })
        const error = failureOf(yield* Effect.exit(impatient(Flow.run(other, {}))))
        assert(error instanceof Executor.ExecutorError)
        assert.strictEqual(error.reason, "module")
        assert.match(error.message, /has no step "lost" of flow "OtherFlow"/)
      })
    )

    it.effect("joins what many tasks left, though it is too much for a message", () =>
      Effect.gen(function* () {
        const { directory } = yield* Setting.Setting
        const file = join(directory, "counted")
        const { output } = yield* Flow.run(Flows.CountedFlow, { count: 170, milliseconds: 0, file })
        assert.deepStrictEqual(output, { sum: 14_365 })
        assert.strictEqual(beginnings(file).size, 170)
      })
    )

    it.effect("leaves a group's tasks to its workers, and refuses a driver that sees other blobs", () =>
      Effect.gen(function* () {
        const { directory, options, postgres } = yield* Setting.Setting
        const run = Flow.run(Flows.LargeFlow, {}).pipe(
          Effect.provide(Executor.layerCluster({ url: postgres.url, group: "apart", lockExpiration }))
        )
        yield* Processes.worker({ ...options, group: "apart", blobs: join(directory, "not", "shared") })
        const error = failureOf(yield* Effect.exit(run))
        assert(error instanceof Executor.ExecutorError)
        assert.strictEqual(error.reason, "settings")
        assert.match(error.message, new RegExp(`of group "apart" \\(on ${hostname()}\\) sees other blobs`))
        // The workers of the other group have the directory.
        const { output } = yield* Flow.run(Flows.LargeFlow, {})
        assert.strictEqual(output.length, 100_000)
      })
    )

    it.effect("says in a sentence that the database can't be reached, without the password", () =>
      Effect.gen(function* () {
        const { postgres } = yield* Setting.Setting
        const refused = (url: string) =>
          Effect.map(
            Effect.exit(Effect.provide(Flow.run(Flows.WhereFlow, {}), Executor.layerCluster({ url }))),
            (exit) => {
              const error = failureOf(exit)
              assert(error instanceof Executor.ExecutorError)
              assert.strictEqual(error.reason, "unreachable")
              assert.notInclude(JSON.stringify(error), "mellon")
              return error.message
            }
          )
        const wrong = yield* refused(postgres.url.replace(Postgres.password, "mellon"))
        assert.match(
          wrong,
          /^The cluster's database postgres:\/\/flow@.+ can't be used: .*password authentication failed/
        )
        const nobody = yield* refused("postgres://flow:mellon@127.0.0.1:1/postgres")
        assert.match(
          nobody,
          /^The cluster's database postgres:\/\/flow@127\.0\.0\.1:1\/postgres can't be used: .*ECONNREFUSED/
        )
      })
    )
  })
})
