/** Changes of runs as SQL: their records, claims, heartbeats, tags and requests to cancel them. */
import * as Clock from "effect/Clock"
import type { RunRecord } from "../../../RunRecord.ts"
import type { Change, Claim } from "../../../RunStore.ts"
import * as Insert from "./insert.ts"
import * as Rows from "./rows.ts"
import type { Prepared } from "./statement.ts"

const newRun = Insert.into("runs", Rows.runColumns, "")
/** The heartbeat of a run that is there changes by `Heartbeat` and claims only. */
const runs = Insert.upsert("runs", Rows.runColumns, ["id"], ["heartbeat_at"])

/** A run's first record brings its tags; a later one, written by the driver, must not undo changes others made. */
const firstTags = (run: RunRecord): ReadonlyArray<Prepared> =>
  [...new Set(run.tags)].map((tag) => ({
    sql: "INSERT INTO run_tags (run, tag) SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM runs WHERE id = ?) ON CONFLICT DO NOTHING",
    params: [run.id, tag, run.id]
  }))

/** The record of a run that is claimed, and its new token. */
export const ofClaim = (
  { origin, over, run, token }: Claim & { readonly token: string },
  dialect: "sqlite" | "pg"
): ReadonlyArray<Prepared> => [
  ...firstTags(run),
  { sql: Insert.textOf(over === undefined ? newRun : runs, 1), params: Rows.runValues(run) },
  { sql: "UPDATE runs SET driver = ? WHERE id = ?", params: [token, run.id] },
  ...heartbeat(run.id, run.heartbeatAt, over === undefined, dialect),
  ...(origin === undefined ? [] : [{ sql: "UPDATE runs SET driver = ? WHERE id = ?", params: [token, origin.run] }])
]

/**
 * A heartbeat always moves forward, even if the driver's clock was set back, so watchers see it change. In Postgres it
 * is kept in the time of the database, because drivers and readers on other machines have clocks of their own
 * (`Rows.clock` converts it back).
 *
 * @param at Milliseconds since the epoch; 0 says that nobody drives the run.
 */
const heartbeat = (run: string, at: number, isFirst: boolean, dialect: "sqlite" | "pg"): ReadonlyArray<Prepared> => {
  if (at === 0) return [{ sql: "UPDATE runs SET heartbeat_at = 0 WHERE id = ?", params: [run] }]
  const real = Clock.Clock.defaultValue().currentTimeMillisUnsafe()
  const [time, params] =
    dialect === "sqlite" ? ["?", [at]] : [`(?::float8 + ${Rows.skew("?::float8")})`, [at, real, real]]
  const next = isFirst ? time : `${dialect === "sqlite" ? "MAX" : "GREATEST"}(heartbeat_at + 1, ${time})`
  return [{ sql: `UPDATE runs SET heartbeat_at = ${next} WHERE id = ?`, params: [...params, run] }]
}

/** A change of a run itself. */
export const ofRun = (
  change: Extract<Change, { _tag: "Run" | "Heartbeat" | "CheckpointsRemoved" | "Tags" | "Cancel" }>,
  dialect: "sqlite" | "pg"
): ReadonlyArray<Prepared> => {
  switch (change._tag) {
    case "Run":
      return [...firstTags(change.run), { sql: Insert.textOf(runs, 1), params: Rows.runValues(change.run) }]
    case "Heartbeat":
      return heartbeat(change.run, change.at, false, dialect)
    case "CheckpointsRemoved":
      return [{ sql: "DELETE FROM checkpoints WHERE run = ? AND task = ?", params: [change.run, change.task] }]
    case "Cancel":
      return [
        {
          sql: "UPDATE runs SET cancel = ? WHERE id = ? AND status = 'running' AND cancel IS NULL",
          params: [JSON.stringify(change.request), change.run]
        }
      ]
    case "Tags":
      return [
        ...change.remove.map((tag) => ({
          sql: "DELETE FROM run_tags WHERE run = ? AND tag = ?",
          params: [change.run, tag]
        })),
        // The lock: in Postgres, the run may just be being removed.
        ...change.add.map((tag) => ({
          sql: `INSERT INTO run_tags (run, tag) SELECT id, ${dialect === "pg" ? "?::text" : "?"} FROM runs WHERE id = ?${dialect === "pg" ? " FOR KEY SHARE" : ""} ON CONFLICT DO NOTHING`,
          params: [tag, change.run]
        }))
      ]
  }
}
