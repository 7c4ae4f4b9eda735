/** The two stores over one run database, whichever driver it has: opened, checked, brought up to date. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { ArtifactStore } from "../../../ArtifactStore.ts"
import { type RunStore, StoreError } from "../../../RunStore.ts"
import type { FileStore } from "../fileStore.ts"
import * as SqlArtifactStore from "./artifactStore.ts"
import * as SqlDatabase from "./database.ts"
import * as Migrations from "./migrations.ts"
import * as SqlRetry from "./retry.ts"
import * as SqlRunStore from "./runStore.ts"
import * as SqlWriter from "./writer.ts"

export interface Stores {
  readonly artifacts: ArtifactStore["Service"]
  readonly runs: RunStore["Service"]
}

export const make = Effect.fnUntraced(function* (options: {
  readonly client: Effect.Effect<SqlClient.SqlClient, SqlError, Scope.Scope | Reactivity.Reactivity>
  readonly name: string
  readonly explain: SqlDatabase.Explain
  readonly isAway?: (error: SqlError) => boolean
  /** Settings of the connection. */
  readonly prepare: Effect.Effect<void, SqlError, SqlClient.SqlClient>
  readonly files: FileStore
  readonly valueBytes: number
}): Effect.fn.Return<Stores, StoreError, Scope.Scope> {
  const { explain, name } = options
  const orStoreError = <A, R>(effect: Effect.Effect<A, SqlError, R>): Effect.Effect<A, StoreError, R> =>
    Effect.mapError(SqlRetry.whileBusy(effect), (error) => SqlDatabase.storeError(name, "open", error, explain))

  // The client has a scope of its own, which is open until the last write is done: a pool in a scope that is closing opens
  // no connection any more.
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer((exit) => Scope.close(scope, exit))
  const reactivity = yield* Reactivity.make
  const sql = yield* orStoreError(
    options.client.pipe(
      Effect.provideService(Reactivity.Reactivity, reactivity),
      Effect.provideService(Scope.Scope, scope),
      // As in `sqlDatabase.ts`: what a driver waits for is of real time.
      Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())
    )
  )
  const withClient = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.provideService(effect, SqlClient.SqlClient, sql)
  const database = SqlDatabase.make({
    sql,
    name,
    explain,
    ...(options.isAway === undefined ? {} : { isAway: options.isAway })
  })

  const found = yield* orStoreError(withClient(Migrations.found))
  if (found > Migrations.version) {
    return yield* new StoreError({
      message:
        `${name} was written by a newer effect-flow: its schema has version ${found}, and this program knows ` +
        `versions up to ${Migrations.version}. Nothing was changed; update effect-flow.`
    })
  }
  yield* orStoreError(withClient(options.prepare))
  if (found < Migrations.version) {
    yield* orStoreError(withClient(Migrations.run(database.begin)))
  }
  const writer = yield* SqlWriter.make(database)
  return {
    artifacts: SqlArtifactStore.make({ database, writer, files: options.files, valueBytes: options.valueBytes }),
    runs: SqlRunStore.make(database, writer)
  }
})
