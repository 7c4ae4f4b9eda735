/**
 * A thin `effect/sql` client over `node:sqlite`, shaped like effect's own `@effect/sql-sqlite-node`, which has no
 * release for this effect yet: `make({ filename })` is a `SqlClient` as long as its scope is open.
 *
 * A database is one connection, used by one fiber at a time. SQLite itself waits only a few milliseconds for another
 * process, because waiting there blocks this one; `retry.ts` waits longer.
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlConnection from "effect/sql/SqlConnection"
import { classifySqliteError, SqlError, UnknownError } from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import type { Row } from "./rows.ts"
import * as SqliteModule from "./sqliteModule.ts"
import * as SqliteReading from "./sqliteReading.ts"

/** Settings of a database; the names are those of effect's client. */
export interface SqliteClientConfig {
  /** A path, or `:memory:`. */
  readonly filename: string
  readonly readonly?: boolean | undefined
  /** How many statements stay prepared. Default: 200. */
  readonly prepareCacheSize?: number | undefined
  readonly disableWAL?: boolean | undefined
  readonly spanAttributes?: Record<string, unknown> | undefined
}

/** How long SQLite itself waits for a lock: nothing else runs in this process meanwhile. */
const busyTimeoutMs = 3

/** Opens a database; it is closed with the scope. */
export const make = Effect.fnUntraced(function* (config: SqliteClientConfig) {
  const reopen = yield* open(config)
  let opened = yield* Effect.try({ try: reopen, catch: (cause) => toSqlError(cause, "open") })
  let { database } = opened
  yield* Effect.addFinalizer(() => Effect.sync(() => opened.close()))
  const run = <A>(operation: string, evaluate: () => A): Effect.Effect<A, SqlError> =>
    Effect.try({
      try: () => {
        if (opened.isStale()) {
          const next = reopen()
          prepared.clear()
          opened.close()
          opened = next
          database = next.database
        }
        return evaluate()
      },
      catch: (cause) => toSqlError(cause, operation)
    })

  const prepared = new Map<string, StatementSync>() // in order of last use

  if (config.disableWAL !== true && config.readonly !== true) {
    yield* run("open", () => database.exec("PRAGMA journal_mode = WAL"))
  }

  const cacheSize = config.prepareCacheSize ?? 200
  const prepare = (sql: string): StatementSync => {
    const ready = prepared.get(sql)
    if (ready !== undefined) {
      prepared.delete(sql)
      prepared.set(sql, ready)
      return ready
    }
    const statement = database.prepare(sql)
    prepared.set(sql, statement)
    if (prepared.size > cacheSize) prepared.delete(prepared.keys().next().value as string) // not empty
    return statement
  }

  const all = (statement: StatementSync, params: ReadonlyArray<unknown>): ReadonlyArray<object> =>
    statement.all(...(params as ReadonlyArray<SQLInputValue>)) // what it can't bind, it refuses with an error
  const values = (statement: StatementSync, params: ReadonlyArray<unknown>): ReadonlyArray<ReadonlyArray<unknown>> => {
    statement.setReturnArrays(true)
    try {
      return all(statement, params) as unknown as ReadonlyArray<ReadonlyArray<unknown>> // by the setting above
    } finally {
      statement.setReturnArrays(false)
    }
  }

  const connection: SqlConnection.Connection = {
    execute: (sql, params, transformRows) =>
      run("execute", () => {
        const rows = all(prepare(sql), params)
        return transformRows === undefined ? rows : transformRows(rows)
      }),
    executeRaw: (sql, params) => run("execute", () => prepare(sql).run(...(params as ReadonlyArray<SQLInputValue>))), // as in `all`
    executeValues: (sql, params) => run("execute", () => values(prepare(sql), params)),
    executeValuesUnprepared: (sql, params) => run("execute", () => values(database.prepare(sql), params)),
    executeUnprepared: (sql, params, transformRows) =>
      run("execute", () => {
        const rows = all(database.prepare(sql), params)
        return transformRows === undefined ? rows : transformRows(rows)
      }),
    executeStream: () => Stream.die("executeStream is not implemented: SQLite's rows are read at once")
  }

  const semaphore = Semaphore.makeUnsafe(1)
  const acquirer = semaphore.withPermits(1)(Effect.succeed(connection))
  const transactionAcquirer = Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.scope, (scope) =>
      Effect.as(Effect.andThen(restore(semaphore.take(1)), Scope.addFinalizer(scope, semaphore.release(1))), connection)
    )
  )

  const client = yield* SqlClient.make({
    driver: "sqlite-node",
    acquirer,
    transactionAcquirer,
    compiler: Statement.makeCompilerSqlite(),
    prepareTransactionControls: true,
    isTransaction: () => database.isTransaction,
    onCommitFailure: () => run("rollback", () => (database.isTransaction ? database.exec("ROLLBACK") : undefined)),
    spanAttributes: [
      ...Object.entries(config.spanAttributes ?? {}),
      ["db.system.name", "sqlite"],
      ["db.namespace", config.filename]
    ]
  })
  const transact: Direct["transact"] = (begin, body) =>
    semaphore.withPermits(1)(
      run("execute", () => {
        all(prepare(begin), [])
        try {
          const isKept = body((sql, params) => all(prepare(sql), params))
          all(prepare(isKept ? "COMMIT" : "ROLLBACK"), [])
          return isKept
        } catch (cause) {
          if (database.isTransaction) database.exec("ROLLBACK")
          throw cause
        }
      })
    )
  const select: Direct["select"] = (sql, params, of) =>
    semaphore.withPermits(1)(
      run("execute", () => {
        const results: Array<ReturnType<typeof of>> = []
        for (const row of prepare(sql).iterate(...(params as ReadonlyArray<SQLInputValue>))) results.push(of(row)) // as in `all`
        return results
      })
    )
  directs.set(client, { database: () => database, transact, select })
  return client
})

/** What a client of this module can do besides what every SQL client can. */
export interface Direct {
  /** The connection. */
  readonly database: () => DatabaseSync
  /**
   * Runs a transaction in one go: a client's own transactions cost more than the statements of a few tasks. It is committed
   * if the body returns `true`, else rolled back. Yields what the body returned.
   */
  readonly transact: (
    begin: string,
    body: (execute: (sql: string, params: ReadonlyArray<unknown>) => ReadonlyArray<Row>) => boolean
  ) => Effect.Effect<boolean, SqlError>
  /** Converts the rows of a query one by one: a list of all rows takes more time and memory than what they become. */
  readonly select: <A>(
    sql: string,
    params: ReadonlyArray<unknown>,
    of: (row: Row) => A
  ) => Effect.Effect<ReadonlyArray<A>, SqlError>
}

const directs = new WeakMap<SqlClient.SqlClient, Direct>()

/** What a client can do besides; nothing where it is not one of this module. */
export const directOf = (client: SqlClient.SqlClient): Direct | undefined => directs.get(client)

/** How to open the database, once more where its files have changed under a reader. */
const open = (config: SqliteClientConfig): Effect.Effect<() => SqliteReading.Opened, SqlError> =>
  Effect.suspend(() => {
    const sqlite = SqliteModule.load()
    if (sqlite === undefined) {
      const message = `This Node (${process.version}) has no SQLite: use Node 22.19 or later`
      return Effect.fail(new SqlError({ reason: new UnknownError({ cause: undefined, message, operation: "open" }) }))
    }
    return Effect.succeed((): SqliteReading.Opened => {
      if (config.readonly === true) return SqliteReading.open(sqlite, config.filename, busyTimeoutMs)
      const database = new sqlite.DatabaseSync(config.filename, { timeout: busyTimeoutMs })
      return { database, isStale: () => false, close: () => database.close() }
    })
  })

/** An error with its reason. `node:sqlite` puts SQLite's code where the classifier does not look for it. */
const toSqlError = (cause: unknown, operation: string): SqlError => {
  const error = cause as { message?: string; errcode?: number; errno?: number } // what is missing stays undefined
  if (error.errcode !== undefined) error.errno = error.errcode
  return new SqlError({ reason: classifySqliteError(cause, { message: error.message ?? String(cause), operation }) })
}
