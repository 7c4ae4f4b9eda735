/** What operators see of a cluster, and how they stop a worker: by the verbs, the health endpoint and the page's server. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import * as Storage from "../../src/Storage.ts"
import * as Ui from "../../src/Ui.ts"
import * as Worker from "../../src/Worker.ts"
import * as Flows from "../executor/flows.ts"
import { freePort } from "../support/port.ts"
import * as Postgres from "./postgres.ts"
import * as Processes from "./processes.ts"
import * as Setting from "./setting.ts"

const bin = fileURLToPath(new URL("../../src/bin.ts", import.meta.url))
const module = fileURLToPath(new URL("../executor/flows.ts", import.meta.url))

describe.skipIf(Postgres.binaries === undefined)("operators of a cluster", () => {
  it.live("see its workers, their health and what waits, and drain a worker from outside", () =>
    Effect.gen(function* () {
      const { directory, options } = yield* Setting.Setting
      const store = ["--database", options.database, "--blobs", directory]
      const cli = (...words: ReadonlyArray<string>) =>
        Effect.map(
          Effect.promise(() => promisify(execFile)(process.execPath, [bin, ...words, ...store])),
          ({ stdout }) => stdout
        )
      assert.deepStrictEqual(yield* Worker.status(), { workers: [], queues: [] })
      const healthPort = yield* Effect.promise(freePort)
      const worker = yield* Processes.run(process.execPath, [
        ...[bin, "worker", "--module", module, "--size", "1"],
        ...["--health-port", String(healthPort), "--log", "json", ...store]
      ])
      yield* worker.prints("Working at")
      const ask = (path: string) =>
        Effect.promise(async () => {
          const response = await fetch(`http://localhost:${healthPort}${path}`)
          return { status: response.status, text: await response.text() }
        })
      assert.strictEqual((yield* Flow.run(Flows.SquaresFlow, { count: 3 })).output.total, 5)
      assert.deepStrictEqual(yield* ask("/live"), { status: 200, text: "live\n" })
      const ready = yield* ask("/ready")
      assert.strictEqual(ready.status, 200, ready.text)
      assert.include(JSON.parse(ready.text), {
        ready: true,
        threads: 1,
        draining: false,
        shards: 64,
        missingShards: 0
      })
      const metrics = (yield* ask("/metrics")).text
      for (const name of ["worker_busy", "worker_threads", "queue_waiting", "queue_oldest_wait_seconds"]) {
        assert.match(metrics, new RegExp(`^effect_flow_${name} \\d`, "m"))
      }

      const { workers } = yield* Worker.status()
      const [seen] = workers
      assert(seen !== undefined && workers.length === 1)
      assert.strictEqual(seen.pid, worker.child.pid)
      assert.include(seen.flows, "SquaresFlow")
      const table = yield* cli("workers")
      assert.match(table, /^WORKER +GROUP +VERSION +THREADS +BUSY +QUEUED +SEEN +FLOWS/)
      assert.include(table, seen.address)
      assert.match(yield* cli("show", "latest"), new RegExp(`square/1 .*:${seen.address.split(":")[1]}/thread-1`))
      const shown = yield* Effect.scoped(
        Effect.gen(function* () {
          const { url } = yield* Ui.Server
          return yield* Effect.promise(async () => (await fetch(`${url}/api/workers`)).json() as Promise<Worker.Status>)
        }).pipe(Effect.provide(Ui.layer({ port: 0 })))
      )
      assert.strictEqual(shown.workers[0]?.address, seen.address)

      const asked = yield* cli("workers", "drain", seen.address)
      assert.include(asked, `Asked ${seen.address} to drain. It finishes the tasks that have begun, and then stops.`)
      assert.strictEqual(yield* worker.exit, 0)
      const lines = worker
        .output()
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line))
      assert.isTrue(
        lines.some(({ level, message }) => level === "INFO" && message.includes("asked this worker to drain"))
      )
      assert.deepStrictEqual(yield* Worker.drain("nowhere:1"), [])
    }).pipe(
      Effect.provide(
        Layer.unwrap(
          Effect.map(Setting.Setting, ({ options }) =>
            Layer.merge(
              Storage.layerPostgres({ url: options.database, blobs: options.blobs }),
              Executor.layerCluster({ url: options.database })
            )
          )
        )
      ),
      Effect.provide(Setting.layer(0))
    )
  )
})
