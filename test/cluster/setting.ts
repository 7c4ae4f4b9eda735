/** A cluster for a test: a Postgres server, a directory for blobs, and workers. */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Executor from "../../src/Executor.ts"
import * as Storage from "../../src/Storage.ts"
import { temporaryDirectory } from "../support/directory.ts"
import * as Postgres from "./postgres.ts"
import * as Processes from "./processes.ts"
import { lockExpiration } from "./timing.ts"

/** What a test may do to its cluster. */
export class Setting extends Context.Service<
  Setting,
  {
    /** Only where the cluster has a server of its own, which the test may stop. */
    readonly postgres: Pick<Postgres.Postgres, "url" | "stop" | "start">
    readonly directory: string
    /** What every process of the cluster is started with. */
    readonly options: { readonly database: string; readonly blobs: string; readonly size: number }
    readonly workers: ReadonlyArray<Processes.Process>
  }
>()("test/Setting") {}

/**
 * A cluster of so many workers, with its store and its executor, in a database of its own.
 *
 * @param server `own` where the test stops the server.
 */
export const layer = (
  workers: number,
  more: { readonly lockExpiration?: Duration.Input; readonly [option: string]: unknown } = {},
  server: "shared" | "own" = "shared"
) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const postgres = yield* server === "own" ? Postgres.make() : Postgres.onShared
      const options = { database: postgres.url, blobs: directory, size: 1, ...more }
      const started = yield* Effect.all(
        Array.from({ length: workers }, () => Processes.worker(options)),
        { concurrency: "unbounded" }
      )
      return Layer.mergeAll(
        Layer.succeed(Setting, { postgres, directory, options, workers: started }),
        Storage.layerPostgres({ url: postgres.url, blobs: directory }),
        Executor.layerCluster({ url: postgres.url, lockExpiration: more.lockExpiration ?? lockExpiration }),
        Logger.layer([])
      )
    })
  )
