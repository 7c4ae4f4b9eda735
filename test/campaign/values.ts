/**
 * Random values of all formats and schemas, handed from task to task, read back and resumed: 2,000 on fibers, 200 on
 * worker threads, and 200 on a cluster, if Postgres is installed. `tsx test/campaign/values.ts [FIRST_SEED]`; a process for each seed.
 */
import { spawnSync } from "node:child_process"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Executor, Storage } from "../../src/index.ts"
import * as Postgres from "../cluster/postgres.ts"
import * as Processes from "../cluster/processes.ts"
import { lockExpiration } from "../cluster/timing.ts"
import { temporaryDirectory } from "../support/directory.ts"

const module = new URL("../support/randomFlow.ts", import.meta.url)

if (process.env.RANDOM_VALUES_SEED === undefined) {
  const first = Number(process.argv[2] ?? 100)
  let failed = 0
  for (let i = 0; i < (Postgres.binaries === undefined ? 11 : 12); i++) {
    const env = { ...process.env, RANDOM_VALUES_SEED: String(first + i), RANDOM_VALUES_COUNT: "200" }
    const executor = i < 10 ? "fibers" : i === 10 ? "threads" : "cluster"
    const { status, stderr } = spawnSync(process.execPath, [...process.execArgv, import.meta.filename, executor], {
      env,
      encoding: "utf8"
    })
    if (status !== 0) failed++
    console.log(`seed ${first + i} on ${executor}: ${status === 0 ? "200 values unchanged" : stderr.slice(0, 600)}`)
  }
  process.exitCode = failed === 0 ? 0 : 1
} else {
  const { handOver } = await import("../support/handOver.ts")
  const { make } = await import("../support/randomFlow.ts")
  const onCluster = Effect.gen(function* () {
    const { url } = yield* Postgres.make()
    const blobs = yield* temporaryDirectory
    /** A worker of a group of its own, because it makes the flow of the version that the environment names when it starts. */
    const executor = Layer.unwrap(
      Effect.gen(function* () {
        const group = `values_${process.env.RANDOM_VALUES_VERSION ?? "1"}`
        yield* Processes.worker({ module, database: url, blobs, size: 2, group })
        return Executor.layerCluster({ url, group, lockExpiration })
      })
    )
    yield* handOver(make("2"), executor, Storage.layerPostgres({ url, blobs }))
  })
  const trials = {
    fibers: handOver(make("2")),
    threads: handOver(make("2"), Executor.layerThreads({ module, size: 2 })),
    cluster: Effect.scoped(onCluster)
  }
  await Effect.runPromise(trials[process.argv[2] as keyof typeof trials]) // as given above
}
