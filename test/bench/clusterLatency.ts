/**
 * A cluster whose database is at a distance: how long workers that start together take to get their shares of the work, and
 * how many tasks a second they execute. `node test/bench/clusterLatency.ts [WORKERS…] [--delays 0,15,50]` prints a table. It
 * needs the binaries of a Postgres.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import * as Storage from "../../src/Storage.ts"
import * as Postgres from "../cluster/postgres.ts"
import * as Processes from "../cluster/processes.ts"
import * as Flows from "../executor/flows.ts"
import { delayed } from "../support/delayed.ts"
import { temporaryDirectory } from "../support/directory.ts"

const words = process.argv.slice(2)
const at = words.indexOf("--delays")
const delays = (at < 0 ? "0,15,50" : (words[at + 1] ?? "")).split(",").map(Number)
const sizes = words.slice(0, at < 0 ? undefined : at).map(Number)

const seconds = (since: number): string => ((performance.now() - since) / 1000).toFixed(1)

const measure = Effect.fnUntraced(function* (workers: number, delayMs: number) {
  const postgres = yield* Postgres.make()
  const database = yield* delayed(postgres.url, delayMs)
  const blobs = yield* temporaryDirectory
  const started = performance.now()
  const options = { database, blobs, size: 1, lockExpiration: "15 seconds", patience: "20 seconds" }
  yield* Effect.all(
    Array.from({ length: workers }, () => Processes.worker(options)),
    { concurrency: "unbounded" }
  )
  const up = seconds(started)
  yield* Effect.gen(function* () {
    yield* Flow.run(Flows.SquaresFlow, { count: 2 })
    const first = seconds(started)
    const from = performance.now()
    const count = 40
    yield* Flow.run(Flows.SquaresFlow, { count })
    const rate = ((count + 1) / ((performance.now() - from) / 1000)).toFixed(1)
    console.log(`| ${workers} | ${delayMs} | ${up} | ${first} | ${rate} |`)
  }).pipe(
    Effect.provide([
      Storage.layerPostgres({ url: database, blobs }),
      Executor.layerCluster({ url: database }),
      Logger.layer([])
    ])
  )
}, Effect.scoped)

if (Postgres.binaries !== undefined) {
  console.log(
    "| workers | ms each way | all up after s | first run ended after s | tasks per second |\n| --- | --- | --- | --- | --- |"
  )
  NodeRuntime.runMain(
    Effect.forEach(
      delays.flatMap((delay) => (sizes.length === 0 ? [2, 4, 8] : sizes).map((size) => [size, delay] as const)),
      ([size, delay]) => measure(size, delay),
      { discard: true }
    )
  )
}
