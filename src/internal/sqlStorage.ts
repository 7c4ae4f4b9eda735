/** The two stores over one run database, whichever driver it has: opened, checked, brought up to date. */
import * as Effect from "effect/Effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import type { ArtifactStore } from "../ArtifactStore.ts"
import { type RunStore, StoreError } from "../RunStore.ts"
import type { FileStore } from "./fileStore.ts"
import * as Migrations from "./migrations.ts"
import * as SqlArtifactStore from "./sqlArtifactStore.ts"
import * as SqlDatabase from "./sqlDatabase.ts"
import * as SqlRetry from "./sqlRetry.ts"
import * as SqlRunStore from "./sqlRunStore.ts"
import * as SqlWriter from "./sqlWriter.ts"

export interface Stores {
  readonly artifacts: ArtifactStore["Service"]
  readonly runs: RunStore["Service"]
}

export const make = Effect.fnUntraced(function* (options: {
  readonly client: Effect.Effect<SqlClient.SqlClient, SqlError, Scope.Scope | Reactivity.Reactivity>
  readonly name: string
  readonly explain: SqlDatabase.Explain
  /** Settings of the connection. */
  readonly prepare: Effect.Effect<void, SqlError, SqlClient.SqlClient>
  readonly files: FileStore
  readonly valueBytes: number
}): Effect.fn.Return<Stores, StoreError, Scope.Scope> {
  const { explain, name } = options
  const orStoreError = <A, R>(effect: Effect.Effect<A, SqlError, R>): Effect.Effect<A, StoreError, R> =>
    Effect.mapError(
      SqlRetry.whileBusy(effect),
      (error) => new StoreError({ message: `${name} could not be opened: ${explain(error) ?? error.message}.` })
    )

  const reactivity = yield* Reactivity.make
  const sql = yield* orStoreError(Effect.provideService(options.client, Reactivity.Reactivity, reactivity))
  const withClient = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.provideService(effect, SqlClient.SqlClient, sql)
  const database = SqlDatabase.make({ sql, name, explain })

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
    yield* orStoreError(
      withClient(Migrations.run).pipe(
        Effect.provideService(SqlClient.BeginTransaction, database.begin),
        Effect.catchTag("MigrationError", (error) =>
          isSqlError(error.cause) ? Effect.fail(error.cause) : Effect.die(error)
        )
      )
    )
  }
  const writer = yield* SqlWriter.make(database)
  return {
    artifacts: SqlArtifactStore.make({ database, writer, files: options.files, valueBytes: options.valueBytes }),
    runs: SqlRunStore.make(database, writer)
  }
})
