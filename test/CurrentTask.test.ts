/** Checkpoints on each store, on fibers and on threads; `test/cluster/life.test.ts` has the cluster's. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Executor from "../src/Executor.ts"
import * as Storage from "../src/Storage.ts"
import * as Checkpoints from "./conformance/checkpoints.ts"
import { hasPostgres, postgresSchema, temporaryDirectory } from "./conformance/layers.ts"

const quiet = Logger.layer([])
const local = Layer.unwrap(Effect.map(temporaryDirectory, (directory) => Storage.layerLocal({ directory })))
const postgres = Layer.unwrap(
  Effect.gen(function* () {
    return Storage.layerPostgres({ url: yield* postgresSchema, blobs: yield* temporaryDirectory })
  })
)
const threads = Executor.layerThreads({ module: Checkpoints.flows, size: 1 })

Checkpoints.suite("memory, fibers", Layer.mergeAll(Storage.layerMemory, quiet), { fibers: true })
Checkpoints.suite("SQLite, fibers", Layer.mergeAll(local, quiet), { fibers: true })
Checkpoints.suite("SQLite, threads", Layer.merge(Layer.provideMerge(threads, local), quiet), { fibers: false })
if (hasPostgres) {
  Checkpoints.suite("Postgres, fibers", Layer.mergeAll(postgres, quiet), { fibers: true })
  Checkpoints.suite("Postgres, threads", Layer.merge(Layer.provideMerge(threads, postgres), quiet), { fibers: false })
}
