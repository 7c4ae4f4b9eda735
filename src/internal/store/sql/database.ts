/**
 * A run database as the stores see it: queries and transactions over any `SqlClient`, tried again while another process
 * is in the way, whose failures are `StoreError`s that say in a sentence what the matter is.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlConnection from "effect/sql/SqlConnection"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { StoreError } from "../../../RunStore.ts"
import { type Prepared, together } from "./changes.ts"
import * as SqlRetry from "./retry.ts"
import type { Row } from "./rows.ts"

export interface Database {
  /** How a sentence calls it: `The run database .effect-flow/runs.sqlite`. */
  readonly name: string
  readonly dialect: "sqlite" | "pg"
  /** Starts a transaction that writes: SQLite would otherwise refuse one that read before another wrote. */
  readonly begin: string
  /** Rows of a query that has `?` for each parameter. */
  readonly query: (sql: string, params: ReadonlyArray<unknown>) => Effect.Effect<ReadonlyArray<Row>, StoreError>
  /** Runs with a connection in a transaction that may write. It may run more than once, if others are in the way. */
  readonly transaction: <A, E>(
    body: (connection: SqlConnection.Connection) => Effect.Effect<A, E | SqlError>
  ) => Effect.Effect<A, E | SqlError>
  readonly runOne: (
    connection: SqlConnection.Connection,
    statement: Prepared
  ) => Effect.Effect<ReadonlyArray<Row>, SqlError>
  readonly runAll: (
    connection: SqlConnection.Connection,
    statements: ReadonlyArray<Prepared>
  ) => Effect.Effect<void, SqlError>
  /** Makes statements durable, all or none. */
  readonly write: (statements: ReadonlyArray<Prepared>) => Effect.Effect<void, SqlError>
  /** Gives what was removed back to the disk, a little at a time. */
  readonly compact: Effect.Effect<void, StoreError>
  /** Says of a failure which database could not do what ("read", "write to"). */
  readonly orStoreError: <A, E, R>(
    verb: string,
    effect: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, Exclude<E, SqlError> | StoreError, R>
}

/** How a driver's failures are told; none means that its message stands for itself. */
export type Explain = (error: SqlError) => string | undefined

export const make = (options: {
  readonly sql: SqlClient.SqlClient
  readonly name: string
  readonly explain: Explain
  /** Whether a failure says that the database is away for a moment and will be back. */
  readonly isAway?: (error: SqlError) => boolean
}): Database => {
  const { isAway, name, sql } = options
  const dialect = sql.onDialectOrElse({ pg: () => "pg" as const, orElse: () => "sqlite" as const })
  const begin = dialect === "pg" ? "BEGIN" : "BEGIN IMMEDIATE"
  const text = dialect === "pg" ? numbered() : (sql: string) => sql

  const param = dialect === "pg" ? withoutNul : (value: unknown) => value

  const orStoreError: Database["orStoreError"] = (verb, effect) =>
    Effect.mapError(
      effect,
      (error) => (isSqlError(error) ? storeError(name, verb, error, options.explain) : error) as never
    ) // the type says just this

  const runOne: Database["runOne"] = (connection, statement) =>
    connection.execute(text(statement.sql), statement.params.map(param), undefined)

  // A pool of connections tells time: real time, as its connections do, whatever clock a program runs on.
  const patiently = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    SqlRetry.whileBusy(
      dialect === "pg" ? Effect.provideService(effect, Clock.Clock, Clock.Clock.defaultValue()) : effect,
      isAway
    )

  const query: Database["query"] = (query, params) =>
    orStoreError("read", patiently(sql.unsafe<Row>(text(query), params.map(param))))

  const transaction: Database["transaction"] = (body) =>
    patiently(
      sql.withTransaction(Effect.flatMap(sql.transactionService, ([connection]) => body(connection))).pipe(
        Effect.provideService(SqlClient.BeginTransaction, begin),
        // Where the connection is lost, the roll-back fails too, and the client makes a defect of that.
        Effect.catchDefect((defect) => (isSqlError(defect) ? Effect.fail(defect) : Effect.die(defect)))
      )
    ) as never // the transaction service is the one that `withTransaction` provides

  const runAll: Database["runAll"] = (connection, statements) =>
    Effect.forEach(statements, (statement) => runOne(connection, statement), { discard: true })

  return {
    name,
    dialect,
    begin,
    orStoreError,
    query,
    transaction,
    runOne,
    write: (statements) => {
      const one = dialect === "pg" ? together(statements) : undefined
      return one === undefined
        ? transaction((connection) => runAll(connection, statements))
        : Effect.asVoid(patiently(sql.unsafe(text(one.sql), one.params.map(param))))
    },
    // Postgres does so by itself.
    compact: dialect === "pg" ? Effect.void : compact(query),
    runAll
  }
}

/** How many pages of SQLite's file are given back before others have their turn. */
const pages = 1000

const compact = (query: Database["query"]): Effect.Effect<void, StoreError> =>
  Effect.gen(function* () {
    let left = Number.POSITIVE_INFINITY
    while (true) {
      const [row] = yield* query("PRAGMA freelist_count", [])
      const now = Number(row?.freelist_count ?? 0)
      if (now === 0 || now >= left) return // a file that was made without the setting stays as it is
      left = now
      yield* query(`PRAGMA incremental_vacuum(${pages})`, [])
      yield* Effect.yieldNow
    }
  })

export const storeError = (name: string, verb: string, error: SqlError, explain: Explain): StoreError =>
  new StoreError({
    message: sentence(`${name} could not be ${participles[verb] ?? verb}: ${explain(error) ?? error.message}`)
  })

/** With a full stop, unless it ends by asking. */
const sentence = (text: string): string => (text.endsWith("?") ? text : `${text}.`)

const participles: Readonly<Record<string, string>> = { read: "read", "write to": "written to", open: "opened" }

/** Postgres has no text with a NUL in it: a visible sign takes its place. */
const withoutNul = (value: unknown): unknown =>
  typeof value === "string" && value.includes("\0") ? value.replaceAll("\0", "\u2400") : value

/** `?` as Postgres numbers it. */
const numbered = (): ((sql: string) => string) => {
  const known = new Map<string, string>()
  return (sql) => {
    let text = known.get(sql)
    if (text === undefined) {
      let number = 0
      text = sql.replaceAll("?", () => `$${++number}`)
      known.set(sql, text)
    }
    return text
  }
}
