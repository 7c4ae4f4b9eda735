/** Opens a SQLite run database with its blob files, or says why it can't: nothing that is there is changed then. */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { ArtifactStore } from "../../../ArtifactStore.ts"
import { RunStore, StoreError } from "../../../RunStore.ts"
import { reasonOf } from "../../cause.ts"
import * as FileStore from "../fileStore.ts"
import * as SqliteClient from "./sqliteClient.ts"
import * as SqlStorage from "./storage.ts"

export interface Options {
  /** A path, or `:memory:`. */
  readonly filename: string
  /** The directory of the blob files. */
  readonly blobs: string
  readonly valueBytes: number
  /** Whether what is written survives the machine's power cut, not just the process's end. */
  readonly sync: boolean
}

export const layer = (options: Options): Layer.Layer<ArtifactStore | RunStore, StoreError> => {
  const name = options.filename === ":memory:" ? "The run database in memory" : `The run database ${options.filename}`
  const prepare = Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    // Before there is a table, and before the log is switched: so that what is removed makes the file smaller.
    yield* sql.unsafe("PRAGMA auto_vacuum = INCREMENTAL")
    yield* sql.unsafe("PRAGMA journal_mode = WAL")
    yield* sql.unsafe(`PRAGMA synchronous = ${options.sync ? "FULL" : "NORMAL"}`)
    yield* sql.unsafe("PRAGMA wal_autocheckpoint = 8000")
    yield* sql.unsafe("PRAGMA temp_store = MEMORY")
    yield* sql.unsafe("PRAGMA cache_size = -32000")
  })
  const stores = Effect.gen(function* () {
    yield* directory(Path.resolve(options.blobs))
    if (options.filename !== ":memory:") yield* directory(Path.dirname(Path.resolve(options.filename)))
    const files = FileStore.make({ directory: options.blobs, sync: options.sync, hint: "." })
    return yield* SqlStorage.make({
      client: SqliteClient.make({ filename: options.filename, disableWAL: true }),
      name,
      explain,
      prepare,
      files,
      valueBytes: options.valueBytes
    })
  })
  return Layer.effectContext(
    Effect.map(stores, ({ artifacts, runs }) =>
      Context.make(ArtifactStore, artifacts).pipe(Context.add(RunStore, runs))
    )
  )
}

/** Makes a directory, unless it is there. */
const directory = (path: string): Effect.Effect<void, StoreError> =>
  Effect.tryPromise({
    try: async () => {
      await Fs.mkdir(path, { recursive: true })
      await Fs.access(path, Fs.constants.W_OK)
    },
    catch: (cause) =>
      new StoreError({
        message: `The store directory ${path} can't be written: ${reasonOf(cause)}. Choose another directory, or make this one writable.`
      })
  })

/** SQLite's result codes in words. */
const explain = (error: SqlError): string | undefined => {
  const code = (error.reason.cause as { readonly errcode?: number } | undefined)?.errcode // what `node:sqlite` throws
  switch (code === undefined ? undefined : code & 0xff) {
    case 5:
    case 6:
      return "another process has kept it locked for a minute"
    case 8:
      return "it is read-only"
    case 10:
      return "the disk reports an error"
    case 11:
      return "it is damaged (the database disk image is malformed). Nothing in it was changed; restore it from a copy, or move it away to start anew"
    case 13:
      return "no space is left on the disk"
    case 14:
      return "it can't be opened; look at its permissions"
    case 26:
      return "it is not a run database, or it is damaged. Nothing in it was changed; restore it from a copy, or move it away to start anew"
    default:
      return undefined
  }
}
