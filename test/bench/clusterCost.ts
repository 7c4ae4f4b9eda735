/**
 * What a cluster costs: the database's statements for each of 1,000 tasks of 5 ms on two workers, how soon a run is cancelled,
 * and what a worker of the built package takes of a core and of memory while it has nothing to do, beside a process that only
 * has loaded Effect's cluster. `npm run bench clusterCost` prints the figures, and `npx tsx --conditions=effect-flow-source
 * test/bench/clusterCost.ts 0` those of the idle worker alone. It needs the binaries of a Postgres with `pg_stat_statements`,
 * which Debian's package has, and `npm run build:library` for the idle worker.
 */
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import * as Run from "../../src/Run.ts"
import { RunObserver } from "../../src/RunObserver.ts"
import * as Storage from "../../src/Storage.ts"
import * as Postgres from "../cluster/postgres.ts"
import * as Processes from "../cluster/processes.ts"
import * as Flows from "../executor/flows.ts"
import { temporaryDirectory } from "../support/directory.ts"

const count = Number(process.argv[2] ?? 1000)
const idleSeconds = 20
/** By then a worker has ended the thread that it started to try its module. */
const settledAfterMs = 10_000

/** Seconds of a core that a process has used, in user and system mode. Source: proc(5), with 100 ticks a second. */
const cpuSeconds = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

const residentMegabytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024

/** Loads what a bare worker of Effect's cluster needs, and waits. */
const bare = `
  await import("effect/Effect"); await import("@effect/sql-pg/PgClient"); await import("effect/cluster/SocketRunner")
  await import("effect/cluster/ClusterWorkflowEngine"); await import("@effect/platform-node/NodeRuntime")
  console.log("loaded"); setInterval(() => {}, 1000)`

/** A worker of the built package, alone, to which no task comes. */
const idle = Effect.fnUntraced(function* (database: string, blobs: string) {
  const root = fileURLToPath(new URL("../../", import.meta.url))
  const other = yield* Processes.run(process.execPath, ["--input-type=module", "-e", bare])
  yield* other.prints("loaded")
  const store = ["--database", database, "--blobs", blobs]
  const words = ["dist/bin.js", "worker", "--module", "examples/sweep.ts", "--size", "1", "--group", "idle", ...store]
  // The conditions and the cache that `npm run bench` sets are not a user's.
  const worker = yield* Processes.run("env", [
    ...["-C", root, "-u", "NODE_OPTIONS", "-u", "NODE_COMPILE_CACHE", process.execPath],
    ...words
  ])
  yield* worker.prints("Working at")
  const pid = worker.child.pid ?? 0
  console.log(`a worker that has just started: ${residentMegabytes(pid).toFixed(0)} MB`)
  yield* Effect.sleep(settledAfterMs)
  const before = cpuSeconds(pid)
  yield* Effect.sleep(idleSeconds * 1000)
  const used = ((cpuSeconds(pid) - before) / idleSeconds) * 100
  console.log(
    `idle for ${(settledAfterMs + idleSeconds * 1000) / 1000} s: ${used.toFixed(2)} % of a core, ${residentMegabytes(pid).toFixed(0)} MB`
  )
  console.log(`a process with Effect's cluster loaded: ${residentMegabytes(other.child.pid ?? 0).toFixed(0)} MB`)
})

/** How long it takes from the request to cancel a run until it is recorded as interrupted. */
const cancelled = Effect.gen(function* () {
  const began = yield* Deferred.make<string>()
  const fiber = yield* Flow.run(Flows.EndlessFlow, { how: "idle" }).pipe(
    Effect.provideService(RunObserver, (event) => {
      if (event._tag === "Logged") Deferred.doneUnsafe(began, Effect.succeed(event.line.run))
    }),
    Effect.forkChild
  )
  const id = yield* Deferred.await(began)
  const from = performance.now()
  yield* Run.cancel(id)
  yield* Fiber.await(fiber)
  return performance.now() - from
})

/** Two workers that execute short tasks. */
const busy = Effect.fnUntraced(function* (postgres: Postgres.Postgres, blobs: string) {
  const sql = yield* PgClient.make({ url: Redacted.make(postgres.url) })
  yield* sql.unsafe("CREATE EXTENSION pg_stat_statements SCHEMA public")
  yield* Effect.all(
    [0, 1].map(() =>
      Processes.worker({ database: postgres.url, blobs, size: 1, lockExpiration: "15 seconds", patience: "20 seconds" })
    ),
    { concurrency: 2 }
  )
  yield* Effect.gen(function* () {
    yield* Flow.run(Flows.BusyFlow, { count: 40, milliseconds: 5, concurrency: 8 })
    yield* Effect.sleep("3 seconds")
    yield* sql.unsafe("SELECT pg_stat_statements_reset()")
    const from = performance.now()
    yield* Flow.run(Flows.BusyFlow, { count, milliseconds: 5, concurrency: 8 })
    const seconds = (performance.now() - from) / 1000
    const rows = yield* sql.unsafe<{ readonly calls: number; readonly query: string }>(
      "SELECT calls::int AS calls, regexp_replace(query, '\\s+', ' ', 'g') AS query FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%' ORDER BY calls DESC"
    )
    const isBoundary = (query: string) => /^(BEGIN|COMMIT|ROLLBACK)/i.test(query)
    const statements = rows.filter(({ query }) => !isBoundary(query)).reduce((sum, { calls }) => sum + calls, 0)
    const all = rows.reduce((sum, { calls }) => sum + calls, 0)
    console.log(`${count} tasks of 5 ms, 8 at a time, 2 workers: ${(count / seconds).toFixed(0)} tasks per second`)
    console.log(
      `${(statements / count).toFixed(2)} statements per task, ${(all / count).toFixed(2)} with BEGIN and COMMIT`
    )
    for (const { calls, query } of rows.slice(0, 14)) {
      console.log(`  ${(calls / count).toFixed(2)}  ${query.slice(0, 110)}`)
    }
    console.log(`a run is cancelled ${(yield* cancelled).toFixed(0)} ms after the request`)
  }).pipe(
    Effect.provide([
      Storage.layerPostgres({ url: postgres.url, blobs }),
      Executor.layerCluster({ url: postgres.url }),
      Logger.layer([])
    ])
  )
}, Effect.provide(Reactivity.layer))

const program = Effect.gen(function* () {
  const postgres = yield* Postgres.make({ settings: ["-c shared_preload_libraries=pg_stat_statements"] })
  const blobs = yield* temporaryDirectory
  if (count > 0) yield* busy(postgres, blobs)
  if (existsSync(new URL("../../dist/bin.js", import.meta.url))) yield* idle(postgres.url, blobs)
  else console.log("Skipped: the idle worker. Build the package (npm run build:library) to measure it.")
}).pipe(Effect.scoped)

if (Postgres.binaries !== undefined) NodeRuntime.runMain(program)
