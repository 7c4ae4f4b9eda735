/**
 * Checks every record of a run database: whether the database itself is sound, whether each row can be read, and
 * whether what a row refers to within the database is there.
 */
import * as Effect from "effect/Effect"
import type { RefRecord, TaskRecord } from "../../../RunRecord.ts"
import type { RecordFault, StoreError } from "../../../RunStore.ts"
import type { Database } from "./database.ts"
import { belongings } from "./removal.ts"
import * as Rows from "./rows.ts"

/** How many rows are read at once. */
const rowsAtOnce = 1000

/** Reads rows one by one, and yields the damaged ones beside the records. */
type ReadRows = <A>(
  rows: ReadonlyArray<Rows.Row>,
  of: (row: Rows.Row) => A
) => {
  readonly records: ReadonlyArray<A>
  readonly damaged: ReadonlyArray<{ readonly name: string; readonly run: string; readonly why: string }>
}

export const verify = (
  database: Database,
  runColumns: string,
  readRows: ReadRows
): Effect.Effect<ReadonlyArray<RecordFault>, StoreError> =>
  Effect.gen(function* () {
    const faults: Array<RecordFault> = yield* checkDatabase(database)
    const report = (damaged: ReturnType<ReadRows>["damaged"]): void => {
      for (const { name, run, why } of damaged) faults.push({ name, run, reason: why })
    }

    let after: string | undefined = ""
    while (after !== undefined) {
      const rows: ReadonlyArray<Rows.Row> = yield* database.query(
        `SELECT ${runColumns} FROM runs WHERE id > ? ORDER BY id LIMIT ${rowsAtOnce}`,
        [after]
      )
      report(readRows(rows, Rows.toRun).damaged)
      after = rows.length < rowsAtOnce ? undefined : (rows.at(-1)?.id as string) // the column's type
    }

    const schemas = new Set(
      (yield* database.query("SELECT digest FROM schemas", [])).map((row) => row.digest as string)
    )
    const withoutSchema = new Map<string, TaskRecord>()
    let from: readonly [run: string, number: number] | undefined = ["", 0]
    while (from !== undefined) {
      const rows: ReadonlyArray<Rows.Row> = yield* database.query(
        `SELECT ${Rows.taskColumns.join(", ")} FROM tasks WHERE run > ? OR (run = ? AND number > ?) ORDER BY run, number LIMIT ${rowsAtOnce}`,
        [from[0], ...from]
      )
      const { damaged, records } = readRows(rows, (row) => checkRefs(Rows.toTask(row)))
      report(damaged)
      for (const task of records)
        for (const { schema } of [...task.inputs, ...task.outputs])
          if (!schemas.has(schema) && !withoutSchema.has(schema)) withoutSchema.set(schema, task)
      const last = rows.at(-1)
      from = last === undefined || rows.length < rowsAtOnce ? undefined : [last.run, last.number]
      yield* Effect.yieldNow
    }
    for (const [schema, task] of withoutSchema) {
      const reason = `the description of this schema is missing, which ${task.run}/${task.id} was the first to use`
      faults.push({ name: `schema ${schema}`, run: task.run, reason })
    }

    for (const { rows, table } of belongings) {
      const orphans = yield* database.query(
        `SELECT run, COUNT(*) AS count FROM ${table} WHERE run NOT IN (SELECT id FROM runs UNION SELECT run FROM copies) GROUP BY run`,
        []
      )
      for (const { count, run } of orphans)
        faults.push({ name: `run ${run}`, run, reason: `its record is missing, but ${count} of its ${rows} are there` })
    }
    return faults
  })

/** Refuses refs without the fields that every reader needs. */
const checkRefs = (task: TaskRecord): TaskRecord => {
  for (const column of ["inputs", "outputs"] as const)
    for (const ref of task[column]) if (!isRef(ref)) throw new Rows.DamagedColumn(`the column ${column} holds no refs`)
  return task
}

const isRef = (ref: unknown): ref is RefRecord =>
  typeof ref === "object" &&
  ref !== null &&
  "digest" in ref &&
  typeof ref.digest === "string" &&
  "name" in ref &&
  typeof ref.name === "string" &&
  "size" in ref &&
  typeof ref.size === "number"

/** SQLite checks its own pages and indexes. Postgres has checksums of its own. */
const checkDatabase = (database: Database): Effect.Effect<Array<RecordFault>, StoreError> =>
  database.dialect === "pg"
    ? Effect.succeed([])
    : Effect.map(database.query("PRAGMA integrity_check(100)", []), (rows) =>
        rows.flatMap((row) => {
          const reason = String(Object.values(row)[0])
          return reason === "ok" ? [] : [{ name: database.name, reason }]
        })
      )
