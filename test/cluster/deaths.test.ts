/**
 * What a cluster survives: a worker that is killed, the process that drives a run, the database for a moment; and a worker
 * that is told to stop. Every time the run ends well, and nothing that had finished is executed again.
 */
import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import { RunObserver } from "../../src/RunObserver.ts"
import type { RunRecord } from "../../src/RunRecord.ts"
import { RunStore } from "../../src/RunStore.ts"
import * as Flows from "../executor/flows.ts"
import { beginnings, indexOf } from "./counted.ts"
import * as Postgres from "./postgres.ts"
import * as Processes from "./processes.ts"
import * as Setting from "./setting.ts"
import { longLockExpiration, patience } from "./timing.ts"

/** How long a test may take: it waits until the living are sure of a death. */
const limitMs = 180_000

/** A run's record when it has ended. */
const ended = Effect.fnUntraced(function* (run: string) {
  const store = yield* RunStore
  while (true) {
    const [record] = yield* store.runs({ idPrefix: run, limit: 1 })
    if (record !== undefined && record.status !== "running") return record
    yield* Effect.sleep(200)
  }
})

/** How many workers have shards. */
const holders = async (url: string): Promise<number> => {
  const count = `SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND application_name LIKE 'effect-flow worker %'`
  return Number((await promisify(execFile)(join(Postgres.binaries ?? "", "psql"), [url, "-Atc", count])).stdout)
}

/** The threads of the worker that is told to stop. */
const size = 4

describe.skipIf(Postgres.binaries === undefined)("a cluster", { concurrent: true }, () => {
  it.live(
    "goes on when the run's driver is killed, and a worker with it",
    () =>
      Effect.gen(function* () {
        const { directory, options, workers } = yield* Setting.Setting
        const store = yield* RunStore
        const file = join(directory, "counted")
        const count = 16
        const driver = yield* Processes.start("./driver.ts", {
          ...options,
          parameters: { count, milliseconds: 150, file }
        })
        yield* driver.prints("finished counted/4")
        yield* driver.kill("SIGKILL")
        yield* driver.exit
        const id = /run (\S+)/.exec(driver.output())?.[1] ?? ""
        const before = yield* store.tasks({ run: id, status: "succeeded" })
        yield* workers[0]?.kill("SIGKILL") ?? Effect.void

        const run = yield* ended(id)
        assert.strictEqual(run.status, "succeeded")
        assert.strictEqual(JSON.stringify(run.output), JSON.stringify({ sum: 120 }))
        const tasks = yield* store.tasks({ run: id })
        assert.strictEqual(tasks.length, count + 1)
        for (const task of tasks) assert.strictEqual(task.status, "succeeded")
        const begun = beginnings(file)
        assert.strictEqual(begun.size, count)
        // What had finished by then was executed once; what began again, the killed worker had begun.
        for (const task of before) assert.strictEqual(begun.get(indexOf(task) ?? -1)?.length, 1)
        for (const [index, [first, ...more]] of begun) {
          if (more.length > 0) assert.strictEqual(first, workers[0]?.child.pid, `task ${index}`)
        }
      }).pipe(Effect.provide(Setting.layer(2, { patience }))),
    limitMs
  )

  it.live(
    "continues the run of a driver that is suspended, which touches nothing when it wakes up",
    () =>
      Effect.gen(function* () {
        const { directory, options } = yield* Setting.Setting
        const store = yield* RunStore
        const file = join(directory, "counted")
        const driver = yield* Processes.start("./driver.ts", {
          ...options,
          parameters: { count: 2, milliseconds: 16_000, file }
        })
        const begun = () => readFile(file, "utf8").catch(() => "")
        while (!(yield* Effect.promise(begun)).includes("begin 1")) yield* Effect.sleep(50)
        yield* driver.kill("SIGSTOP")
        const id = /run (\S+)/.exec(driver.output())?.[1] ?? ""
        const token = (record: RunRecord | undefined) => record?.driver
        const find = Effect.map(store.runs({ idPrefix: id, limit: 1 }), ([record]) => record)
        const first = token(yield* find)
        while (token(yield* find) === first) yield* Effect.sleep(200)
        yield* driver.kill("SIGCONT")
        yield* driver.exit
        assert.match(driver.output(), /is driven by another process/)
        const run = yield* ended(id)
        assert.strictEqual(run.status, "succeeded")
        assert.strictEqual(JSON.stringify(run.output), JSON.stringify({ sum: 1 }))
        for (const pids of beginnings(file).values()) assert.strictEqual(pids.length, 1)
        for (const { attempts } of yield* store.tasks({ run: id })) assert.strictEqual(attempts.length, 1)
      }).pipe(Effect.provide(Setting.layer(2, { patience }))),
    limitMs
  )

  it.live(
    "goes on when the database was away, and drains a worker that is told to stop",
    () =>
      Effect.gen(function* () {
        const { directory, options, postgres, workers } = yield* Setting.Setting
        const store = yield* RunStore
        const file = join(directory, "counted")
        const count = 16
        let finished = 0
        const run = yield* Flow.run(Flows.CountedFlow, { count, milliseconds: 100, file }).pipe(
          Effect.provideService(RunObserver, (event) => {
            if (event._tag === "TaskFinished") finished++
          }),
          Effect.forkChild
        )
        while (finished < 3) yield* Effect.sleep(50)
        const [begun] = yield* store.runs({ limit: 1 })
        const before = yield* store.tasks({ run: begun?.id ?? "", status: "succeeded" })
        yield* postgres.stop
        yield* Effect.sleep(1000)
        yield* postgres.start
        const { id, output } = yield* Fiber.join(run)
        assert.deepStrictEqual(output, { sum: 120 })
        // The worker said so in a line for each kind of error, and without stacks.
        const said = (workers[0]?.output() ?? "").split("\n").map((line) => line.replace(/^\[.*?\] \w+ \(#\d+\): /, ""))
        const warnings = said.filter((line) => /ECONN|terminat|administrator|starting up|shutting down/i.test(line))
        assert.isAtLeast(warnings.length, 1)
        assert.strictEqual(new Set(warnings).size, warnings.length, warnings.join("\n"))
        assert.isFalse(said.some((line) => line.startsWith("    at ")))
        const tasks = yield* store.tasks({ run: id })
        assert.deepStrictEqual(
          tasks.map(({ status }) => status),
          Array.from({ length: count + 1 }, () => "succeeded")
        )
        assert.strictEqual(beginnings(file).size, count)
        for (const task of before) assert.strictEqual(beginnings(file).get(indexOf(task) ?? -1)?.length, 1)

        // All its threads have a task when a worker comes that takes a half of the shards, and so of the tasks' shards.
        const other = join(directory, "drained")
        const second = yield* Effect.forkChild(
          Flow.run(Flows.CountedFlow, { count: size, milliseconds: 7000, file: other })
        )
        const begunOf = (file: string) =>
          Effect.promise(() =>
            readFile(file, "utf8").then(
              (text) => text.match(/^begin/gm)?.length ?? 0,
              () => 0
            )
          )
        while ((yield* begunOf(other)) < size) yield* Effect.sleep(50)
        yield* Processes.worker(options)
        while ((yield* Effect.promise(() => holders(postgres.url))) < 2) yield* Effect.sleep(50)
        yield* workers[0]?.kill("SIGTERM") ?? Effect.void
        assert.deepStrictEqual((yield* Fiber.join(second)).output, { sum: 6 })
        for (const pids of beginnings(other).values()) assert.strictEqual(pids.length, 1)
        assert.strictEqual(yield* workers[0]?.exit ?? Effect.succeed(1), 0)

        // A task that takes longer than the drain (and than this test may) is cut off, and the worker says so and ends with
        // a failure.
        const short = yield* Processes.worker({ ...options, group: "short", drain: "1 second" })
        const cut = yield* Effect.forkChild(
          Effect.provide(
            Flow.run(Flows.CountedFlow, { count: 1, milliseconds: 2 * limitMs, file: join(directory, "cut") }),
            Executor.layerCluster({ url: postgres.url, group: "short", lockExpiration: longLockExpiration })
          )
        )
        while (!(yield* Effect.promise(() => readFile(join(directory, "cut"), "utf8").catch(() => "")))) {
          yield* Effect.sleep(50)
        }
        yield* short.kill("SIGTERM")
        assert.strictEqual(yield* short.exit, 1)
        assert.match(short.output(), /Draining: 1 running task may take 1 s to finish/)
        assert.include(short.output(), "1 running task was cut off, and begins again on another worker")
        yield* Fiber.interrupt(cut)
      }).pipe(Effect.provide(Setting.layer(1, { size, lockExpiration: longLockExpiration }, "own"))),
    limitMs
  )
})
