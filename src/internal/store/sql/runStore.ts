/**
 * A `RunStore` over a run database: each method is one query. `writer.ts` and `changes.ts` do the writing.
 *
 * One damaged record costs its run alone. Lists leave it out with a warning that names it; asking for that run fails.
 */
import * as Effect from "effect/Effect"
import type { TaskStatus } from "../../../RunRecord.ts"
import type { RunStore } from "../../../RunStore.ts"
import * as Lost from "../lost.ts"
import { usesIn } from "../matching.ts"
import * as Copies from "./copies.ts"
import type { Database } from "./database.ts"
import { distinctValues } from "./distinct.ts"
import * as Reading from "./reading.ts"
import { after, inParts, limited, marks, readRows, Where } from "./reading.ts"
import * as RecentBlobs from "./recentBlobs.ts"
import * as Removal from "./removal.ts"
import * as Rows from "./rows.ts"
import * as RunQueries from "./runQueries.ts"
import * as TaskQueries from "./taskQueries.ts"
import * as VerifyRecords from "./verifyRecords.ts"
import type { Writer } from "./writer.ts"

/** The number of flows, and of tags, that are named. */
const namesLimit = 1000

export const make = (database: Database, writer: Writer): RunStore["Service"] => {
  const { now } = writer
  const reading = Reading.make(database)
  const { read } = reading
  return {
    claim: (claim) => {
      const driver = { run: claim.run.id, token: Lost.makeToken() }
      return Effect.as(writer({ changes: [], blobs: [], claim: { ...claim, token: driver.token } }), driver)
    },
    ...Copies.make(database, reading),
    write: (changes, driver) => writer({ changes, blobs: [], ...(driver === undefined ? {} : { driver }) }),
    ...(now === undefined
      ? {}
      : { writeNow: (changes, driver) => now({ changes, blobs: [], ...(driver === undefined ? {} : { driver }) }) }),
    runs: RunQueries.make(database, reading),
    tasks: TaskQueries.make(database, reading),
    taskCounts: (runs) =>
      inParts(runs, (part) =>
        read(
          `SELECT run, step, status, COUNT(*) AS count FROM tasks WHERE run IN (${marks(part)}) GROUP BY run, step, status`,
          part,
          (row) => ({
            run: row.run as string,
            step: row.step as string,
            status: row.status as TaskStatus,
            count: Number(row.count)
          })
        )
      ),
    logs: (query) => {
      const where = new Where().add("run = ?", query.run).add("task = ?", query.task).add("sequence > ?", query.after)
      const step = query.step === undefined ? undefined : `${query.step}/`
      where.add("task >= ? AND task < ?", step, after(step)).add("attempt = ?", query.attempt)
      return read(`SELECT * FROM logs${where} ORDER BY sequence${limited(query.limit)}`, where.params, Rows.toLine)
    },
    metrics: (query) => {
      const where = new Where().add("run = ?", query.run).add("task = ?", query.task).add("name = ?", query.name)
      where.add("sequence > ?", query.after)
      const sql = `SELECT * FROM metrics${where} ORDER BY sequence${limited(query.limit)}`
      return read(sql, where.params, query.after === undefined ? Rows.toPoint : Rows.toPointInOrder)
    },
    cards: (query) => {
      const where = new Where().add("run = ?", query.run).add("task = ?", query.task).add("sequence > ?", query.after)
      return read(`SELECT * FROM cards${where} ORDER BY sequence`, where.params, Rows.toCard)
    },
    checkpoints: (query) => {
      const where = new Where().add("run = ?", query.run).add("task = ?", query.task)
      return read(`SELECT * FROM checkpoints${where} ORDER BY run, task, name`, where.params, Rows.toCheckpoint)
    },
    count: Effect.map(database.query("SELECT COUNT(*) AS count FROM runs", []), ([row]) => Number(row?.count ?? 0)),
    names: Effect.map(
      Effect.all([
        distinctValues(database, "runs", "flow", namesLimit),
        distinctValues(database, "run_tags", "tag", namesLimit)
      ]),
      ([flows, tags]) => ({ flows, tags })
    ),
    pulse: (run) =>
      Effect.map(
        read(
          "SELECT (SELECT MAX(sequence) FROM logs WHERE run = ?) AS lines, (SELECT MAX(sequence) FROM metrics WHERE run = ?) AS points, (SELECT MAX(sequence) FROM cards WHERE run = ?) AS cards",
          [run, run, run],
          (row) => ({
            lines: Number(row.lines ?? 0),
            points: Number(row.points ?? 0),
            cards: Number(row.cards ?? 0)
          })
        ),
        ([row]) => row ?? { lines: 0, points: 0, cards: 0 }
      ),
    uses: (digest, limit) => {
      const columns = Rows.taskColumns.map((column) => `tasks.${column}`).join(", ")
      const mentions = `%${digest.replace(/[\\%_]/g, "\\$&")}%`
      return Effect.map(
        read(
          `SELECT ${columns} FROM tasks WHERE tasks.run NOT IN (SELECT run FROM copies) AND tasks.run IN (SELECT run FROM uses WHERE digest = ? UNION SELECT run FROM blobs WHERE digest = ? AND run IS NOT NULL${RecentBlobs.union(database.dialect, "UNION SELECT run FROM recent_blobs WHERE digest = ?")}) AND (tasks.inputs LIKE ? ESCAPE '\\' OR tasks.outputs LIKE ? ESCAPE '\\') ORDER BY tasks.run DESC, tasks.number${limited(limit)}`,
          [digest, digest, ...(database.dialect === "pg" ? [] : [digest]), mentions, mentions],
          (row) => usesIn(Rows.toTask(row), digest)
        ),
        (uses) => uses.flat().slice(0, limit)
      )
    },
    schema: (digest) =>
      Effect.map(
        read("SELECT description FROM schemas WHERE digest = ?", [digest], (row) => row.description as string),
        (rows) => rows[0]
      ),
    verify: VerifyRecords.verify(database, RunQueries.columnsOf(database.dialect), readRows),
    remove: Removal.make(database),
    digests: (except) =>
      Effect.map(
        read(
          `SELECT digest, run FROM uses UNION ALL SELECT digest, run FROM cards UNION ALL SELECT digest, run FROM checkpoints WHERE digest IS NOT NULL UNION ALL SELECT digest, run FROM blobs WHERE ${ownerExists}${RecentBlobs.union(database.dialect, `UNION ALL SELECT digest, run FROM recent_blobs WHERE ${RecentBlobs.ownerExists}`)}`,
          [],
          (row): readonly [digest: string, run: string] => [row.digest, row.run]
        ),
        (uses) => {
          const digests = new Set<string>()
          for (const [digest, run] of uses) if (except?.has(run) !== true) digests.add(digest)
          return digests
        }
      )
  }
}

/** A condition: the run that a small artifact belongs to is still there. */
export const ownerExists = "EXISTS (SELECT 1 FROM tasks WHERE tasks.run = blobs.run)"
