/**
 * Runs that are being copied into a database. A copy takes several transactions, and nobody sees the run before the last
 * one, which brings its record. Until then a token in the table `copies` says which process writes: a process that begins
 * to copy the same run takes the place of the one before it, whether that was killed or is still at it.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { RunStore } from "../../../RunStore.ts"
import * as Lost from "../lost.ts"
import type { Database } from "./database.ts"
import type { Reading } from "./reading.ts"
import { belongings } from "./removal.ts"
import type { Prepared } from "./statement.ts"

/** The end of a copy: its run has a record now. */
export const ended = (run: string): Prepared => ({ sql: "DELETE FROM copies WHERE run = ?", params: [run] })

/** The part of a `RunStore` that is about copies. */
export const make = (
  database: Database,
  { read }: Reading
): Pick<RunStore["Service"], "receive" | "unfinishedCopies"> => ({
  receive: Effect.fnUntraced(function* (run) {
    const token = Lost.makeToken()
    const beganAt = yield* Clock.currentTimeMillis
    const begun = database.transaction((connection) =>
      Effect.gen(function* () {
        // First, because it locks the row: a copy that is at its end either was before this one, or is refused.
        yield* database.runOne(connection, {
          sql: "INSERT INTO copies (run, token, began_at) VALUES (?, ?, ?) ON CONFLICT (run) DO UPDATE SET token = excluded.token, began_at = excluded.began_at",
          params: [run, token, beganAt]
        })
        const [present] = yield* database.runOne(connection, {
          sql: "SELECT status, host, pid FROM runs WHERE id = ?",
          params: [run]
        })
        if (present !== undefined) return yield* Lost.error(run, present as Lost.Holder) // its columns; this rolls back
        yield* database.runAll(
          connection,
          belongings.map(({ table }) => ({ sql: `DELETE FROM ${table} WHERE run = ?`, params: [run] }))
        )
      })
    )
    yield* database.orStoreError("write to", begun)
    return { run, token, isCopy: true }
  }),
  unfinishedCopies: read("SELECT run, began_at FROM copies ORDER BY run", [], ({ began_at, run }) => ({
    run: run as string,
    beganAt: Number(began_at)
  }))
})
