/**
 * The cluster's database apart from Effect's cluster: connections for a question or two, tables of effect-flow's own, and
 * what went wrong as a sentence. A database that is away for now is waited for, as everywhere (see `store/sql/away.ts`).
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Reactivity from "effect/reactivity/Reactivity"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { ExecutorError } from "../../../Executor.ts"
import type { StoreError } from "../../../RunStore.ts"
import { driver } from "../../store/postgresDriver.ts"
import * as Away from "../../store/sql/away.ts"
import * as SqlRetry from "../../store/sql/retry.ts"
import { showUrl } from "./settings.ts"

/** The schema of the cluster's tables, apart from those of the runs and of an application. */
export const schema = "effect_flow_cluster"

/** Two processes may make it at once; a role that may not make schemas can use one that an administrator made. */
export const createSchema = `DO $$ BEGIN
  IF to_regnamespace('${schema}') IS NULL THEN CREATE SCHEMA ${schema}; END IF;
EXCEPTION WHEN duplicate_schema OR unique_violation THEN NULL; END $$`

/** Opens a connection, uses it and closes it. The name is the one that the database shows. */
export const withConnection = <A, E>(
  url: Redacted.Redacted,
  name: string,
  use: (sql: SqlClient) => Effect.Effect<A, E>
): Effect.Effect<A, E | SqlError | StoreError> =>
  Effect.gen(function* () {
    const PgClient = yield* driver
    const sql = yield* PgClient.make({
      url,
      applicationName: `effect-flow ${name}`,
      maxConnections: 1,
      connectTimeout: 5000
    })
    return yield* use(sql)
  }).pipe(Effect.scoped, Effect.provide(Reactivity.layer))

/** Tries again while the database is away for now. */
export const whileAway = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  SqlRetry.whileBusy(effect, { isAway: Away.isAway })

/** Creates a table, given as `name (columns)`, unless it is there. */
export const createTable = (sql: SqlClient, table: string): Effect.Effect<unknown, SqlError> =>
  // Of two processes that create a table at once, one fails. Its next try finds the table.
  Effect.retry(whileAway(sql.unsafe(`CREATE TABLE IF NOT EXISTS ${table}`)), { times: 5 })

/** Says in a sentence, without the password, why the database can't be used. */
export const unreachable = (url: Redacted.Redacted, cause: Cause.Cause<unknown>): ExecutorError =>
  new ExecutorError({
    reason: "unreachable",
    message: `The cluster's database ${showUrl(url)} can't be used: ${
      errorsOf(cause)
        .map(innermostMessage)
        .find((text) => text !== "") ?? Cause.pretty(cause)
    }.`
  })

/** Fails with `unreachable` instead. */
export const orUnreachable =
  (url: Redacted.Redacted) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, ExecutorError, R> =>
    Effect.catchCause(effect, (cause) => Effect.fail(unreachable(url, cause)))

/** The errors and defects in a cause. */
export const errorsOf = (cause: Cause.Cause<unknown>): ReadonlyArray<unknown> =>
  cause.reasons.flatMap((reason) =>
    Cause.isFailReason(reason) ? [reason.error] : Cause.isDieReason(reason) ? [reason.defect] : []
  )

/** The innermost message: what the database or the network said. */
export const innermostMessage = (error: unknown): string => {
  if (typeof error !== "object" || error === null) return ""
  const { cause, message, reason } = error as { readonly [name: string]: unknown } // looked at below
  const inner = innermostMessage(reason) || innermostMessage(cause)
  return inner !== "" ? inner : typeof message === "string" ? message : ""
}
