/**
 * A run database as the stores see it: queries and transactions over any `SqlClient`. They are tried again while
 * another process is in the way, and fail with a `StoreError` that says in a sentence what is wrong.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlConnection from "effect/sql/SqlConnection"
import { isSqlError, SqlError, UnknownError } from "effect/sql/SqlError"
import { StoreError } from "../../../RunStore.ts"
import * as Fence from "./fence.ts"
import * as Queue from "./queue.ts"
import * as SqlRetry from "./retry.ts"
import type { Row } from "./rows.ts"
import type { Direct } from "./sqliteClient.ts"
import type { Prepared } from "./statement.ts"
import { together } from "./together.ts"

export interface Database {
  /** The subject of sentences: `The run database .effect-flow/runs.sqlite`. */
  readonly name: string
  readonly dialect: "sqlite" | "pg"
  /**
   * Starts a transaction that writes. SQLite would otherwise refuse a transaction that read before another one wrote.
   */
  readonly begin: string
  /** The rows of a query with `?` for each parameter. */
  readonly query: (sql: string, params: ReadonlyArray<unknown>) => Effect.Effect<ReadonlyArray<Row>, StoreError>
  /** The same, where each row becomes something else. `of` is called again for each row if the query is tried again. */
  readonly select: <A>(
    sql: string,
    params: ReadonlyArray<unknown>,
    of: (row: Row) => A
  ) => Effect.Effect<ReadonlyArray<A>, StoreError>
  /** Runs a transaction that may write. The body may run more than once if other transactions are in the way. */
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
  /** Runs what frees space, and tries once more with the reserve of disk space if the disk is full. */
  readonly freeing: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /**
   * Pauses for a moment if other processes wait for the lock: called after each transaction by a fiber that writes
   * without pause.
   */
  readonly stepAside: Effect.Effect<void>
  /** Makes everything that was written so far survive a power cut. */
  readonly flush: Effect.Effect<void, StoreError>
  /** Makes statements durable, all or none; none if a run has another token than a fence expects. */
  readonly write: (
    statements: ReadonlyArray<Prepared>,
    fences: ReadonlyArray<Fence.Fence>
  ) => Effect.Effect<void, SqlError | Fence.Fenced>
  /** Returns the space of what was removed to the disk, a little at a time. */
  readonly compact: Effect.Effect<void, StoreError>
  /** Turns a failure into a sentence about this database. `verb` is "open", "read" or "write to". */
  readonly orStoreError: <A, E, R>(
    verb: string,
    effect: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, Exclude<E, SqlError> | StoreError, R>
}

/** The reason in words for a driver's error; undefined to use the error's own message. */
export type Explain = (error: SqlError) => string | undefined

/** The statement that starts a transaction that writes. */
export const beginOf = (sql: SqlClient.SqlClient): string =>
  sql.onDialectOrElse({ pg: () => "BEGIN", orElse: () => "BEGIN IMMEDIATE" })

export const make = (options: {
  readonly sql: SqlClient.SqlClient
  readonly name: string
  readonly explain: Explain
  /** Whether a failure says that the database is away for a moment and will be back. */
  readonly isAway?: ((error: SqlError) => boolean) | undefined
  /** Why what was just written is lost, if it is: a file that was deleted can still be written to. */
  readonly whyLost?: (() => string | undefined) | undefined
  readonly queue?: Queue.Queue | undefined
  /** Gives up the reserve of disk space if the disk is full. Says whether there was any. */
  readonly release?: (() => boolean) | undefined
  /** How long to wait for a lock. Default: a minute. */
  readonly limitMs?: number | undefined
  /** What the driver can do besides what every driver can. */
  readonly direct?: Direct | undefined
}): Database => {
  const { direct, isAway, limitMs, name, queue = Queue.none, release, sql, whyLost } = options
  const dialect = sql.onDialectOrElse({ pg: () => "pg" as const, orElse: () => "sqlite" as const })
  const begin = beginOf(sql)
  const text = dialect === "pg" ? numbered() : (sql: string) => sql

  const param = dialect === "pg" ? withoutNul : (value: unknown) => value

  const orStoreError: Database["orStoreError"] = (verb, effect) =>
    Effect.mapError(
      effect,
      (error) => (isSqlError(error) ? storeError(name, verb, error, options.explain) : error) as never
    ) // the type says just this

  const runOne: Database["runOne"] = (connection, statement) =>
    connection.execute(text(statement.sql), statement.params.map(param), undefined)

  // A pool of connections measures time: real time, whatever clock a program runs on. A trace shows what a program does, and
  // not the statements that record it.
  const waiting = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
    const untraced = Effect.withTracerEnabled(effect, false)
    return SqlRetry.whileBusy(
      dialect === "pg" ? Effect.provideService(untraced, Clock.Clock, Clock.Clock.defaultValue()) : untraced,
      { isAway, limitMs, announce: queue.announce }
    )
  }

  const query: Database["query"] = (query, params) =>
    orStoreError("read", waiting(sql.unsafe<Row>(text(query), params.map(param))))

  const select: Database["select"] = (sql, params, of) =>
    direct === undefined
      ? Effect.map(query(sql, params), (rows) => rows.map(of))
      : orStoreError(
          "read",
          SqlRetry.whileBusy(direct.select(sql, params, of), { isAway, limitMs, announce: queue.announce })
        )

  const checked = <A, E>(effect: Effect.Effect<A, E | SqlError>): Effect.Effect<A, E | SqlError> =>
    whyLost === undefined
      ? effect
      : Effect.flatMap(effect, (value) => {
          const message = whyLost()
          if (message === undefined) return Effect.succeed(value)
          return Effect.fail(
            new SqlError({ reason: new UnknownError({ cause: undefined, message, operation: "write" }) })
          )
        })

  const transaction: Database["transaction"] = (body) =>
    checked(
      waiting(
        sql.withTransaction(Effect.flatMap(sql.transactionService, ([connection]) => body(connection))).pipe(
          Effect.provideService(SqlClient.BeginTransaction, begin),
          // If the connection is lost, the rollback fails too, and the client turns that into a defect.
          Effect.catchDefect((defect) => (isSqlError(defect) ? Effect.fail(defect) : Effect.die(defect)))
        )
      ) as never
    ) // the transaction service is the one that `withTransaction` provides

  const runAll: Database["runAll"] = (connection, statements) =>
    Effect.forEach(statements, (statement) => runOne(connection, statement), { discard: true })

  return {
    name,
    dialect,
    begin,
    orStoreError,
    query,
    select,
    transaction,
    runOne,
    write: (statements, fences) => {
      const single = dialect === "pg" ? together(statements, fences) : undefined
      if (single !== undefined) {
        return Effect.catchIf(
          Effect.asVoid(waiting(sql.unsafe(text(single.sql), single.params.map(param)))),
          (error) => fences.length > 0 && Fence.isRefusal(error),
          () => Effect.fail(new Fence.Fenced({ message: "A run has another driver." }))
        )
      }
      if (fences.length === 0) return transaction((connection) => runAll(connection, statements))
      const { holds, statement } = Fence.check(fences, dialect)
      if (direct !== undefined) {
        const written = direct.transact(begin, (execute) => {
          if (!holds(execute(statement.sql, statement.params))) return false
          for (const { params, sql } of statements) execute(sql, params)
          return true
        })
        return Effect.flatMap(
          checked(SqlRetry.whileBusy(written, { isAway, limitMs, announce: queue.announce })),
          (done) => (done ? Effect.void : Effect.fail(new Fence.Fenced({ message: "A run has another driver." })))
        )
      }
      return transaction((connection) =>
        Effect.flatMap(
          runOne(connection, statement),
          (rows): Effect.Effect<void, SqlError | Fence.Fenced> =>
            holds(rows)
              ? runAll(connection, statements)
              : Effect.fail(new Fence.Fenced({ message: "A run has another driver." }))
        )
      )
    },
    freeing: (effect) => Effect.catch(effect, (error) => (release?.() === true ? effect : Effect.fail(error))),
    stepAside: Effect.suspend(() => (queue.hasWaiting() ? SqlRetry.sleep(Queue.stepAsideMs) : Effect.void)),
    // Postgres makes each transaction durable. SQLite syncs its whole log where a transaction is to be durable at once.
    flush: dialect === "pg" ? Effect.void : flush(sql, orStoreError, waiting, begin),
    // Postgres compacts itself.
    compact: dialect === "pg" ? Effect.void : compact(query),
    runAll
  }
}

const flush = (
  sql: SqlClient.SqlClient,
  orStoreError: Database["orStoreError"],
  waiting: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>,
  begin: string
): Effect.Effect<void, StoreError> =>
  orStoreError(
    "write to",
    Effect.gen(function* () {
      const [row] = yield* sql.unsafe<{ synchronous: number }>("PRAGMA synchronous")
      yield* sql.unsafe("PRAGMA synchronous = FULL")
      yield* waiting(
        sql
          .withTransaction(sql.unsafe("UPDATE effect_flow_migrations SET name = name WHERE migration_id = 1"))
          .pipe(Effect.provideService(SqlClient.BeginTransaction, begin))
      ).pipe(Effect.ensuring(Effect.ignore(sql.unsafe(`PRAGMA synchronous = ${row?.synchronous ?? 1}`))))
    })
  )

/** How many pages of SQLite's file are given back before other writers have their turn. */
const pagesAtOnce = 1000

const compact = (query: Database["query"]): Effect.Effect<void, StoreError> =>
  Effect.gen(function* () {
    let left = Number.POSITIVE_INFINITY
    while (true) {
      const [row] = yield* query("PRAGMA freelist_count", [])
      const now = Number(row?.freelist_count ?? 0)
      if (now === 0 || now >= left) return // a file made without the setting can't shrink
      left = now
      yield* query(`PRAGMA incremental_vacuum(${pagesAtOnce})`, [])
      yield* Effect.yieldNow
    }
  })

export const storeError = (name: string, verb: string, error: SqlError, explain: Explain): StoreError =>
  new StoreError({
    message: sentence(`${name} could not be ${participles[verb] ?? verb}: ${explain(error) ?? error.message}`)
  })

/** Adds a full stop, unless the text ends with a question. */
const sentence = (text: string): string => (text.endsWith("?") ? text : `${text}.`)

const participles: Readonly<Record<string, string>> = { read: "read", "write to": "written to", open: "opened" }

/** Postgres can't store NUL in text: a visible symbol replaces it. */
const withoutNul = (value: unknown): unknown =>
  typeof value === "string" && value.includes("\0") ? value.replaceAll("\0", "\u2400") : value

/** Replaces each `?` by Postgres's `$1`, `$2`, … */
const numbered = (): ((sql: string) => string) => {
  const texts = new Map<string, string>()
  return (sql) => {
    let text = texts.get(sql)
    if (text === undefined) {
      let number = 0
      text = sql.replaceAll("?", () => `$${++number}`)
      texts.set(sql, text)
    }
    return text
  }
}
