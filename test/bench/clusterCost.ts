/**
 * What a cluster costs: the database's statements for each of 1,000 tasks of 5 ms on two workers, and what a worker takes of
 * a core and of memory while it has nothing to do. `node test/bench/clusterCost.ts` prints the figures. It needs the binaries
 * of a Postgres with `pg_stat_statements`, which Debian's package has.
 */
import { readFileSync } from "node:fs"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import * as Storage from "../../src/Storage.ts"
import * as Postgres from "../cluster/postgres.ts"
import * as Processes from "../cluster/processes.ts"
import * as Flows from "../executor/flows.ts"
import { temporaryDirectory } from "../support/directory.ts"

const count = Number(process.argv[2] ?? 1000)
const idleSeconds = 20

/** Seconds of a core that a process has used, in user and system mode. Source: proc(5), with 100 ticks a second. */
const cpuSeconds = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

const residentMegabytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024

const program = Effect.gen(function* () {
  const postgres = yield* Postgres.make({ settings: ["-c shared_preload_libraries=pg_stat_statements"] })
  const blobs = yield* temporaryDirectory
  const sql = yield* PgClient.make({ url: Redacted.make(postgres.url) })
  yield* sql.unsafe("CREATE EXTENSION pg_stat_statements SCHEMA public")
  const workers = yield* Effect.all(
    [0, 1].map(() => Processes.worker({ database: postgres.url, blobs, size: 1, lockExpiration: "15 seconds" })),
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
  }).pipe(
    Effect.provide([
      Storage.layerPostgres({ url: postgres.url, blobs }),
      Executor.layerCluster({ url: postgres.url }),
      Logger.layer([])
    ])
  )
  // The runs are over: the workers have nothing to do.
  yield* Effect.sleep("5 seconds")
  const pids = workers.map(({ child }) => child.pid ?? 0)
  const before = pids.map(cpuSeconds)
  yield* Effect.sleep(idleSeconds * 1000)
  for (const [index, pid] of pids.entries()) {
    const used = ((cpuSeconds(pid) - (before[index] ?? 0)) / idleSeconds) * 100
    console.log(`idle worker ${index + 1}: ${used.toFixed(1)} % of a core, ${residentMegabytes(pid).toFixed(0)} MB`)
  }
}).pipe(Effect.scoped, Effect.provide(Reactivity.layer))

if (Postgres.binaries !== undefined) NodeRuntime.runMain(program)
