/**
 * Last writes of a process that is about to end and has no event loop any more: into SQLite by the connection itself, whose
 * calls are synchronous, and into Postgres by another process that this one waits for.
 */
import { spawnSync } from "node:child_process"
import type { DatabaseSync, SQLInputValue } from "node:sqlite"
import { fileURLToPath } from "node:url"
import { serialize } from "node:v8"
import { StoreError } from "../../../RunStore.ts"
import * as Location from "../../location.ts"
import * as Changes from "./changes.ts"
import * as Fence from "./fence.ts"
import type { Prepared } from "./statement.ts"

/** Writes synchronously, in order, all or none. Throws where that is not possible. */
export type WriteNow = (writes: ReadonlyArray<Changes.Write>) => void

/** How long to wait for another process's lock, and for the process that writes into Postgres. */
const lockLimitMs = 2000
const processLimitMs = 5000

/**
 * Writes into SQLite.
 *
 * @param handle The connection. A transaction that it has under way can't go on: it is rolled back, and its writes come again.
 */
export const toSqlite =
  (handle: () => DatabaseSync): WriteNow =>
  (writes) => {
    const database = handle()
    if (database.isTransaction) database.exec("ROLLBACK")
    database.exec(`PRAGMA busy_timeout = ${lockLimitMs}`)
    const run = ({ params, sql }: Prepared) => database.prepare(sql).all(...(params as ReadonlyArray<SQLInputValue>)) // what it can't bind, it refuses
    database.exec("BEGIN IMMEDIATE")
    try {
      const fences = Changes.fences(writes)
      if (fences.length > 0) {
        const { holds, statement } = Fence.check(fences, "sqlite")
        if (!holds(run(statement)))
          throw new StoreError({ reason: "lost", message: "Another process drives the run now." })
      }
      for (const statement of Changes.statements(writes, "sqlite")) run(statement)
      database.exec("COMMIT")
    } catch (cause) {
      database.exec("ROLLBACK")
      throw cause
    }
  }

/** What the process that writes into Postgres is given. */
export interface PostgresWork {
  readonly url: string
  readonly writes: ReadonlyArray<Changes.Write>
}

/** Writes into Postgres. */
export const toPostgres =
  (url: () => string): WriteNow =>
  (writes) => {
    const work: PostgresWork = { url: url(), writes }
    const program = fileURLToPath(Location.programAt("store/sql/writeNowPostgres"))
    const { error, status, stderr } = spawnSync(process.execPath, [...process.execArgv, program], {
      input: serialize(work),
      encoding: "utf8",
      timeout: processLimitMs
    })
    if (status === 0) return
    throw new StoreError({
      message: `The end of the run could not be written to the database: ${error?.message ?? stderr.trim().split("\n")[0]}.`
    })
  }
