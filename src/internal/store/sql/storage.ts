/** The two stores over one run database, whichever driver it has: opened, checked, and migrated. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { ArtifactStore } from "../../../ArtifactStore.ts"
import { type RunStore, StoreError } from "../../../RunStore.ts"
import type { Blobs } from "../blobs.ts"
import type { Ledger } from "../ledger.ts"
import * as TemporaryFiles from "../temporaryFiles.ts"
import * as SqlArtifactStore from "./artifactStore.ts"
import * as SqlDatabase from "./database.ts"
import * as Identity from "./identity.ts"
import * as SqlLedger from "./ledger.ts"
import * as Migrations from "./migrations.ts"
import type { Queue } from "./queue.ts"
import * as SqlRetry from "./retry.ts"
import * as SqlRunStore from "./runStore.ts"
import type { Direct } from "./sqliteClient.ts"
import type { WriteNow } from "./writeNow.ts"
import * as SqlWriter from "./writer.ts"

export interface Stores {
  readonly artifacts: ArtifactStore["Service"]
  readonly runs: RunStore["Service"]
}

/** Opens the place of large artifacts, given what the run database knows of them. */
export type OpenBlobs = (ledger: Ledger) => Effect.Effect<Blobs, StoreError, Scope.Scope>

export const make = Effect.fnUntraced(function* (options: {
  readonly client: Effect.Effect<SqlClient.SqlClient, SqlError, Scope.Scope | Reactivity.Reactivity>
  readonly name: string
  readonly explain: SqlDatabase.Explain
  readonly isAway?: (error: SqlError) => boolean
  /** Whether nothing answers where the database should be: at the start, that is waited for for a moment only. */
  readonly isAbsent?: (error: SqlError) => boolean
  /** Settings of the connection, given the version of the database that was found. */
  readonly prepare: (version: number) => Effect.Effect<void, SqlError, SqlClient.SqlClient>
  /** Where large artifacts are: opened once the database is. */
  readonly blobs: OpenBlobs
  readonly valueBytes: number
  /** What tells this database from a copy of it. Default: nothing, it can't be copied. */
  readonly facts?: Identity.Facts
  /** How a process that is about to end writes, by the client. */
  readonly writeNow?: (sql: SqlClient.SqlClient) => WriteNow | undefined
  /** What the client can do besides what every client can. */
  readonly direct?: (sql: SqlClient.SqlClient) => Direct | undefined
  readonly whyLost?: () => string | undefined
  readonly queue?: Queue
  readonly release?: () => boolean
  /** How long to wait for a lock. Default: a minute. */
  readonly limitMs?: number
  /** Opens for reading only: given the client of an older database, a client of a migrated one. */
  readonly older?: (
    sql: SqlClient.SqlClient
  ) => Effect.Effect<SqlClient.SqlClient, SqlError, Scope.Scope | Reactivity.Reactivity>
}): Effect.fn.Return<Stores, StoreError, Scope.Scope> {
  const { explain, limitMs, name, older } = options
  const readOnly = older !== undefined
  const orStoreError = <A, R>(effect: Effect.Effect<A, SqlError, R>): Effect.Effect<A, StoreError, R> =>
    Effect.mapError(
      SqlRetry.whileBusy(effect, {
        limitMs,
        announce: options.queue?.announce,
        isAway: options.isAway,
        isAbsent: options.isAbsent
      }),
      (error) => SqlDatabase.storeError(name, "open", error, explain)
    )

  // The client has a scope of its own, which stays open until the last write is done: a pool in a scope that is closing
  // opens no connection.
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer((exit) => Scope.close(scope, exit))
  const reactivity = yield* Reactivity.make
  const opened = <A>(client: Effect.Effect<A, SqlError, Scope.Scope | Reactivity.Reactivity>) =>
    orStoreError(
      client.pipe(
        Effect.provideService(Reactivity.Reactivity, reactivity),
        Effect.provideService(Scope.Scope, scope),
        // As in `database.ts`: drivers wait in real time.
        Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())
      )
    )
  let sql = yield* opened(options.client)
  const withClient = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.suspend(() => Effect.provideService(effect, SqlClient.SqlClient, sql))

  const version = yield* orStoreError(withClient(Migrations.found))
  if (version > Migrations.version) {
    return yield* new StoreError({
      message:
        `${name} was written by a newer effect-flow: its schema has version ${version}, and this program knows ` +
        `versions up to ${Migrations.version}. Nothing was changed; update effect-flow.`
    })
  }
  if (version === 0 && (yield* orStoreError(withClient(Migrations.isForeign)))) {
    return yield* new StoreError({
      message:
        `${name} is a database of another program: it has tables, but no runs. Nothing in it was changed; choose ` +
        "another directory for the store, or move the file away."
    })
  }
  if (version === 0 && readOnly) {
    return yield* new StoreError({ message: `${name} has no runs yet: no flow has run with it.` })
  }
  yield* orStoreError(withClient(options.prepare(version)))
  if (version < Migrations.version) {
    if (older !== undefined) sql = yield* opened(older(sql))
    else yield* orStoreError(withClient(Migrations.run(SqlDatabase.beginOf(sql))))
  }
  options.whyLost?.() // remembers which files these are
  const database = SqlDatabase.make({
    sql,
    name,
    explain,
    isAway: options.isAway,
    whyLost: options.whyLost,
    queue: options.queue,
    release: options.release,
    limitMs,
    direct: options.direct?.(sql)
  })
  const blobs = yield* Scope.provide(options.blobs(SqlLedger.make(database)), scope)
  const temporary = TemporaryFiles.make()
  yield* Scope.addFinalizer(scope, Effect.promise(temporary.close))
  const writer = readOnly ? SqlWriter.refusing(database) : yield* SqlWriter.make(database, options.writeNow?.(sql))
  return {
    artifacts: SqlArtifactStore.make({
      database,
      writer,
      blobs,
      valueBytes: options.valueBytes,
      temporary,
      identity: Identity.make(database, options.facts),
      readOnly
    }),
    runs: SqlRunStore.make(database, writer)
  }
})
