/** The life of runs on each store, on fibers and on threads; `test/cluster/life.test.ts` has the cluster's. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Executor from "../src/Executor.ts"
import * as Storage from "../src/Storage.ts"
import { hasPostgres, postgresSchema, temporaryDirectory } from "./conformance/layers.ts"
import * as Life from "./conformance/life.ts"

const quiet = Logger.layer([])
const local = Layer.unwrap(Effect.map(temporaryDirectory, (directory) => Storage.layerLocal({ directory })))
const postgres = Layer.unwrap(
  Effect.gen(function* () {
    return Storage.layerPostgres({ url: yield* postgresSchema, blobs: yield* temporaryDirectory })
  })
)
const threads = Executor.layerThreads({ module: Life.flows, size: 3 })

Life.suite("memory, fibers", Layer.mergeAll(Storage.layerMemory, quiet), { fibers: true })
Life.suite("SQLite, fibers", Layer.mergeAll(local, quiet), { fibers: true })
Life.suite("SQLite, threads", Layer.mergeAll(local, threads, quiet), { fibers: false })
if (hasPostgres) {
  Life.suite("Postgres, fibers", Layer.mergeAll(postgres, quiet), { fibers: true })
}
