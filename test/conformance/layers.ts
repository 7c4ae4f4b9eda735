/** The stores that every conformance suite runs against: each layer is empty, and gone with its scope. */
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ArtifactStore } from "../../src/ArtifactStore.ts"
import * as SqliteStorage from "../../src/internal/store/sql/sqlite.ts"
import type { RunStore, StoreError } from "../../src/RunStore.ts"
import * as Storage from "../../src/Storage.ts"
import * as Postgres from "../cluster/postgres.ts"
import { schema } from "./postgres.ts"

/** A directory that is removed with the scope, and with what a thread that is ending may still write to a store in it. */
export const temporaryDirectory = Effect.acquireRelease(
  Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "effect-flow-test-"))),
  (directory) =>
    Effect.promise(() => Fs.rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }))
)

type Stores = Layer.Layer<ArtifactStore | RunStore, StoreError>

/** A Postgres that someone names, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, whose user may create schemas. */
const given = process.env.EFFECT_FLOW_TEST_POSTGRES ?? ""

/** Whether there is a Postgres to try: the one that is named, or one that is started. */
export const hasPostgres = given !== "" || Postgres.binaries !== undefined
if (!hasPostgres) {
  console.info(
    "Skipped: the suites on Postgres. Install it (Debian: apt-get install postgresql), or set EFFECT_FLOW_TEST_POSTGRES to the URL of one, to run them."
  )
}

/** The URL of the server of this test run. */
export const postgresUrl: Effect.Effect<string> = given === "" ? Postgres.shared : Effect.succeed(given)

/** The URL of a schema of its own, which is dropped with the scope. */
export const postgresSchema = Effect.flatMap(postgresUrl, schema)

const postgres: Stores = Layer.unwrap(
  Effect.gen(function* () {
    return Storage.layerPostgres({ url: yield* postgresSchema, blobs: yield* temporaryDirectory })
  })
)

export const layers: ReadonlyArray<{ readonly name: string; readonly layer: Stores }> = [
  { name: "memory", layer: Storage.layerMemory },
  {
    name: "SQLite file",
    layer: Layer.unwrap(Effect.map(temporaryDirectory, (directory) => Storage.layerLocal({ directory })))
  },
  {
    name: "SQLite in memory",
    layer: Layer.unwrap(
      Effect.map(temporaryDirectory, (blobs) =>
        SqliteStorage.layer({ filename: ":memory:", blobs, valueBytes: 1024, sync: false })
      )
    )
  },
  ...(hasPostgres ? [{ name: "Postgres", layer: postgres }] : [])
]
