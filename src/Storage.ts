/**
 * Layers for both stores at once, `RunStore` and `ArtifactStore`: in memory for a unit test, in a directory for one
 * machine, in Postgres for several. A program names its storage once, as a layer; nothing else in it changes.
 */
import * as Path from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { ArtifactStore, type Location } from "./ArtifactStore.ts"
import { defaultLimitBytes } from "./internal/artifact/valueCache.ts"
import * as StoreDirectory from "./internal/store/directory.ts"
import * as MemoryArtifactStore from "./internal/store/memoryArtifactStore.ts"
import * as MemoryRunStore from "./internal/store/memoryRunStore.ts"
import * as SqlArtifactStore from "./internal/store/sql/artifactStore.ts"
import { RunStore, type StoreError } from "./RunStore.ts"

/**
 * A store in memory, empty for every program that it is provided to.
 *
 * @example
 * ```ts
 * const tested = Flow.run(SquareFlow, {}).pipe(Effect.provide(Storage.layerMemory))
 * ```
 */
export const layerMemory: Layer.Layer<ArtifactStore | RunStore> = Layer.effectContext(
  Effect.gen(function* () {
    const memory = MemoryArtifactStore.make({
      inlineLimit: SqlArtifactStore.inlineLimit,
      valueBytes: defaultLimitBytes()
    })
    yield* Effect.addFinalizer(() => memory.close)
    return Context.make(ArtifactStore, memory.store).pipe(Context.add(RunStore, MemoryRunStore.make(memory.inline)))
  })
).pipe((layer) => withScope(layer, (stores) => stores))

/**
 * A store in a directory: one SQLite database with the runs and the small artifacts, and a file for each large
 * artifact. Any number of processes of one machine may use it at once. If the directory is writable for its group, all
 * users of the group can share the store.
 *
 * After a power cut, the store is one that it was before: a record is never kept without the artifacts it refers to.
 * Without `sync`, the last transactions may be missing; with it, everything that `Flow.run` has returned is there.
 *
 * @param options.directory Created if it does not exist. Default: what `EFFECT_FLOW_DIRECTORY` names; else
 *   `.effect-flow` in the working directory or its nearest parent that has one; else `.effect-flow` beside the nearest
 *   package.json.
 * @param options.valueBytes How much memory remembered values may take in this process. Default: 1 GiB, or a quarter of
 *   the heap if that is less.
 * @param options.sync Whether each transaction is synced to the disk. Default: false.
 * @param options.readOnly Opens an existing store for reading: on a full disk, a read-only medium, in another user's
 *   directory, and beside a process that holds the database's lock. Writing fails. Default: false.
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Run, Storage } from "effect-flow"
 *
 * const runs = Run.list({}).pipe(Effect.provide(Storage.layerLocal({ directory: "/shared/store", readOnly: true })))
 * ```
 */
export const layerLocal = (
  options: {
    readonly directory?: string
    readonly valueBytes?: number
    readonly sync?: boolean
    readonly readOnly?: boolean
  } = {}
): Layer.Layer<ArtifactStore | RunStore, StoreError> => {
  const directory = options.directory ?? StoreDirectory.find(process.cwd())
  const sync = options.sync ?? false
  // Loaded when the layer is built: a program that only shows its help needs no database.
  return Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("./internal/store/sql/sqlite.ts")),
      (SqliteStorage) =>
        SqliteStorage.layer({
          filename: Path.join(directory, "runs.sqlite"),
          blobs: Path.resolve(directory, "blobs"), // a step may change the working directory
          valueBytes: options.valueBytes ?? defaultLimitBytes(),
          sync,
          readOnly: options.readOnly ?? false
        })
    )
  ).pipe(located({ kind: "local", directory: Path.resolve(directory), sync }))
}

/**
 * A store that several machines share: runs and small artifacts in a Postgres database, and a file for each large
 * artifact in a directory that all of them see under this path. The driver is loaded when the layer is built.
 *
 * @param options.url `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. The password appears in no message and no log.
 * @param options.blobs The shared directory.
 * @param options.valueBytes How much memory remembered values may take in this process. Default: 1 GiB, or a quarter of
 *   the heap if that is less.
 *
 * @example
 * ```ts
 * const shared = Storage.layerPostgres({ url: "postgres://me@host/runs", blobs: "/shared/blobs" })
 * ```
 */
export const layerPostgres = (options: {
  readonly url: string | Redacted.Redacted
  readonly blobs: string
  readonly valueBytes?: number
}): Layer.Layer<ArtifactStore | RunStore, StoreError> => {
  const url = typeof options.url === "string" ? Redacted.make(options.url) : options.url
  const blobs = Path.resolve(options.blobs)
  return Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("./internal/store/sql/postgres.ts")),
      (PostgresStorage) => PostgresStorage.layer({ url, blobs, valueBytes: options.valueBytes ?? defaultLimitBytes() })
    )
  ).pipe(located({ kind: "postgres", url, blobs }))
}

/** Adds the scope in which started runs live: it closes before the store does. */
function withScope<E, R>(
  layer: Layer.Layer<ArtifactStore | RunStore, E, R>,
  change: (stores: Context.Context<ArtifactStore | RunStore>) => Context.Context<ArtifactStore | RunStore>
): Layer.Layer<ArtifactStore | RunStore, E, R> {
  return Layer.flatMap(layer, (stores) =>
    Layer.effectContext(
      Effect.map(Effect.scope, (scope) =>
        Context.add(change(stores), RunStore, { ...Context.get(stores, RunStore), scope })
      )
    )
  )
}

/** Adds where the store is, for the threads and processes that open it too. */
const located =
  (location: Location) =>
  <E, R>(layer: Layer.Layer<ArtifactStore | RunStore, E, R>): Layer.Layer<ArtifactStore | RunStore, E, R> =>
    withScope(layer, (stores) =>
      Context.add(stores, ArtifactStore, { ...Context.get(stores, ArtifactStore), location })
    )
