/**
 * DuckDB, the optional peer `@duckdb/node-api`: loaded when it is first asked for, a database in memory for each use, and
 * queries that end when their fiber is interrupted.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { messageOf } from "../cause.ts"

/** DuckDB can't be used, or does not take a query. */
export class DuckdbFault {
  readonly reason: "missing" | "query"
  readonly message: string
  constructor(reason: DuckdbFault["reason"], message: string) {
    this.reason = reason
    this.message = message
  }
}

/** DuckDB's settings, `memory_limit` and the like. */
export type Settings = Readonly<Record<string, string>>

/** What is used of DuckDB's own connection, whose types are not there where the peer is not. */
export interface Connection {
  readonly interrupt: () => void
  readonly closeSync: () => void
  readonly runAndReadAll: (sql: string) => Promise<Rows>
}

/** The rows of a query. */
export interface Rows {
  readonly getRowObjects: () => ReadonlyArray<Readonly<Record<string, unknown>>>
}

/**
 * The optional peer. Its name is put together here so that bundlers leave it alone: they would look for the native libraries
 * of every platform.
 */
const load = (): Promise<typeof import("@duckdb/node-api")> =>
  import(/* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ ["@duckdb", "node-api"].join("/"))

/** A connection to a database in memory, which is closed with the scope. */
export const connect = (
  purpose: string,
  settings: Settings = {}
): Effect.Effect<Connection, DuckdbFault, Scope.Scope> =>
  Effect.gen(function* () {
    const { DuckDBInstance } = yield* Effect.tryPromise({
      try: load,
      catch: () =>
        new DuckdbFault("missing", `${purpose} through DuckDB, which is not installed; npm install @duckdb/node-api`)
    })
    return yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: async () => {
          const instance = await DuckDBInstance.create(":memory:", settings)
          return instance.connect()
        },
        catch: (cause) => new DuckdbFault("query", `DuckDB does not start: ${sentenceOf(cause)}`)
      }),
      (connection) => Effect.sync(() => connection.closeSync())
    )
  })

/** Runs a statement. When interrupted it stops the statement, and waits until it has stopped. */
export const run = (connection: Connection, sql: string) =>
  Effect.callback<Rows, DuckdbFault>((resume) => {
    const running = connection.runAndReadAll(sql)
    const ended = running.then(
      (result) => resume(Effect.succeed(result)),
      (cause: unknown) => resume(Effect.fail(new DuckdbFault("query", sentenceOf(cause))))
    )
    return Effect.promise(() => {
      connection.interrupt()
      return ended
    })
  })

/** A text as a literal of SQL. */
export const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** A name as SQL takes it, whatever is in it. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** DuckDB's message without the advice on its own options. */
const sentenceOf = (cause: unknown): string =>
  messageOf(cause)
    .split(/\n(?:Possible|\s*\n)/)[0]
    ?.replace(/\s*\n\s*/g, "; ")
    .trim() ?? ""
