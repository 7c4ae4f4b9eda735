/**
 * Where runs and artifacts are kept, both stores at once: in memory for a unit test, in a directory for one machine, in
 * Postgres for several. A program says it once, as a layer; nothing else in it changes.
 */
import * as Path from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { ArtifactStore, type Location } from "./ArtifactStore.ts"
import * as StoreDirectory from "./internal/store/directory.ts"
import * as MemoryArtifactStore from "./internal/store/memoryArtifactStore.ts"
import * as MemoryRunStore from "./internal/store/memoryRunStore.ts"
import * as SqlArtifactStore from "./internal/store/sql/artifactStore.ts"
import { RunStore, type StoreError } from "./RunStore.ts"

/** How many bytes of decoded values a process keeps, unless told otherwise. */
const valueBytes = 1024 ** 3

/** A store in memory, empty for every program that it is provided to. */
export const layerMemory: Layer.Layer<ArtifactStore | RunStore> = Layer.effectContext(
  Effect.gen(function* () {
    const memory = MemoryArtifactStore.make({ inlineLimit: SqlArtifactStore.inlineLimit, valueBytes })
    yield* Effect.addFinalizer(() => memory.close)
    return Context.make(ArtifactStore, memory.store).pipe(Context.add(RunStore, MemoryRunStore.make(memory.inline)))
  })
)

/**
 * A store in a directory: one SQLite database with the runs and the small artifacts, and a file for each large artifact.
 * Any number of processes of one machine may use it at once.
 *
 * @param options.directory Created if it does not exist. Default: what `EFFECT_FLOW_DIRECTORY` names; else `.effect-flow` in
 *   the working directory or its nearest parent that has one; else `.effect-flow` beside the nearest package.json.
 * @param options.valueBytes How many bytes of decoded values this process keeps. Default: 1 GiB.
 * @param options.sync Whether what is written also survives a power cut. Default: false; it survives the process's end,
 *   `kill -9` included, and after a power cut the last moments before it may be missing.
 */
export const layerLocal = (
  options: { readonly directory?: string; readonly valueBytes?: number; readonly sync?: boolean } = {}
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
          valueBytes: options.valueBytes ?? valueBytes,
          sync
        })
    )
  ).pipe(located({ kind: "local", directory: Path.resolve(directory), sync }))
}

/**
 * A store that several machines share: runs and small artifacts in a Postgres database, and a file for each large artifact
 * in a directory that all of them see under this path. The driver is loaded when the layer is built.
 *
 * @param options.url `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; the password is shown nowhere.
 * @param options.blobs The shared directory.
 * @param options.valueBytes How many bytes of decoded values this process keeps. Default: 1 GiB.
 * @param options.sync Whether a large artifact is on the disk itself before it counts as written. Default: false.
 */
export const layerPostgres = (options: {
  readonly url: string | Redacted.Redacted
  readonly blobs: string
  readonly valueBytes?: number
  readonly sync?: boolean
}): Layer.Layer<ArtifactStore | RunStore, StoreError> => {
  const url = typeof options.url === "string" ? Redacted.make(options.url) : options.url
  const blobs = Path.resolve(options.blobs)
  return Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("./internal/store/sql/postgres.ts")),
      (PostgresStorage) =>
        PostgresStorage.layer({
          url,
          blobs,
          valueBytes: options.valueBytes ?? valueBytes,
          sync: options.sync ?? false
        })
    )
  ).pipe(located({ kind: "postgres", url, blobs }))
}

/** Says where the store of a layer is, for the threads and processes that open it too. */
const located =
  (location: Location) =>
  <E, R>(layer: Layer.Layer<ArtifactStore | RunStore, E, R>): Layer.Layer<ArtifactStore | RunStore, E, R> =>
    Layer.flatMap(layer, (stores) =>
      Layer.succeedContext(Context.add(stores, ArtifactStore, { ...Context.get(stores, ArtifactStore), location }))
    )
