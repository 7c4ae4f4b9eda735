/** Removes runs with all that belongs to them. Their artifacts stay, until a sweep finds that nothing refers to them. */
import * as Effect from "effect/Effect"
import type * as SqlConnection from "effect/sql/SqlConnection"
import type { SqlError } from "effect/sql/SqlError"
import type { Hold, RunStore, StoreError } from "../../../RunStore.ts"
import type { Database } from "./database.ts"
import { inParts, marks } from "./reading.ts"
import * as Rows from "./rows.ts"
import type { Prepared } from "./statement.ts"

/** The removal of a `RunStore`. */
export const make = (database: Database): RunStore["Service"]["remove"] => {
  /** Who holds runs, and will hold them until the transaction ends. */
  const holdsOf = (
    connection: SqlConnection.Connection,
    part: ReadonlyArray<string>
  ): Effect.Effect<ReadonlyArray<Hold>, SqlError> =>
    Effect.map(
      database.runOne(connection, {
        sql: `SELECT id, driver, status FROM runs WHERE id IN (${marks(part)}) ORDER BY id${database.dialect === "pg" ? " FOR UPDATE" : ""}`,
        params: part
      }),
      (rows) => rows.map(Rows.toHold)
    )

  return Effect.fnUntraced(function* (runs, unless) {
    const changing = <A>(
      body: (connection: SqlConnection.Connection) => Effect.Effect<ReadonlyArray<A>, SqlError>
    ): Effect.Effect<ReadonlyArray<A>, StoreError> =>
      database.orStoreError("write to", database.freeing(database.transaction(body)))
    const gone = yield* inParts(
      runs,
      (part) =>
        changing(
          Effect.fnUntraced(function* (connection) {
            const stay = unless === undefined ? undefined : unless(yield* holdsOf(connection, part))
            const going = part.filter((run) => stay?.has(run) !== true)
            if (going.length > 0)
              yield* database.runAll(
                connection,
                removed.map(({ column, table }) => ({
                  sql: `DELETE FROM ${table} WHERE ${column} IN (${marks(going)})`,
                  params: going
                }))
              )
            return going
          })
        ),
      removedAtOnce
    )
    // `uses` is not indexed by run, so it is gone through once for all runs, a part of the digests at a time.
    if (gone.length > 0)
      yield* Effect.forEach(
        digestRanges,
        (range) => changing((connection) => Effect.as(database.runOne(connection, range), [])),
        { discard: true }
      )
    return gone
  })
}

/** How many runs one transaction removes: other writers wait meanwhile. */
const removedAtOnce = 250

const digestRanges: ReadonlyArray<Prepared> = Array.from("0123456789abcdef", (digit, i) => {
  const next = "123456789abcdef"[i]
  const bounds = [...(i === 0 ? [] : ["digest >= ?"]), ...(next === undefined ? [] : ["digest < ?"])]
  return {
    sql: `DELETE FROM uses WHERE ${bounds.join(" AND ")} AND NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.run = uses.run)`,
    params: [...(i === 0 ? [] : [digit]), ...(next === undefined ? [] : [next])]
  }
})

/** The tables of what belongs to a run, and what a message calls their rows. Their column `run` has its id. */
export const belongings = [
  { table: "tasks", rows: "tasks" },
  { table: "logs", rows: "log lines" },
  { table: "metrics", rows: "metric points" },
  { table: "cards", rows: "cards" },
  { table: "checkpoints", rows: "checkpoints" },
  { table: "run_tags", rows: "tags" }
]

const removed = [
  ...belongings.map(({ table }) => ({ table, column: "run" })),
  { table: "copies", column: "run" },
  { table: "runs", column: "id" }
]
