/** The stores that every conformance suite runs against: each layer is empty, and gone with its scope. */
import { randomUUID } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Reactivity from "effect/reactivity/Reactivity"
import type { ArtifactStore } from "../../src/ArtifactStore.ts"
import * as SqliteStorage from "../../src/internal/sqliteStorage.ts"
import type { RunStore, StoreError } from "../../src/RunStore.ts"
import * as Storage from "../../src/Storage.ts"

/** A directory that is removed with the scope. */
export const temporaryDirectory = Effect.acquireRelease(
  Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "effect-flow-test-"))),
  (directory) => Effect.promise(() => Fs.rm(directory, { recursive: true, force: true }))
)

type Stores = Layer.Layer<ArtifactStore | RunStore, StoreError>

/** A Postgres to try, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, whose user may create schemas in the database. */
export const postgresUrl = process.env.EFFECT_FLOW_TEST_POSTGRES ?? ""
if (postgresUrl === "") {
  console.info("Skipped: the suites on Postgres. Set EFFECT_FLOW_TEST_POSTGRES to the URL of one to run them.")
}

/** The URL of a schema of its own, which is dropped with the scope. */
export const postgresSchema = Effect.gen(function* () {
  const sql = yield* PgClient.make({ url: Redacted.make(postgresUrl) }).pipe(
    Effect.provideServiceEffect(Reactivity.Reactivity, Reactivity.make)
  )
  const schema = `test_${randomUUID().replaceAll("-", "")}`
  yield* Effect.acquireRelease(sql.unsafe(`CREATE SCHEMA ${schema}`), () =>
    Effect.orDie(sql.unsafe(`DROP SCHEMA ${schema} CASCADE`)).pipe(
      Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())
    )
  )
  const url = new URL(postgresUrl)
  url.searchParams.set("options", `-csearch_path=${schema}`)
  return url.href
}).pipe(Effect.orDie, Effect.provideService(Clock.Clock, Clock.Clock.defaultValue()))

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
  ...(postgresUrl === "" ? [] : [{ name: "Postgres", layer: postgres }])
]
