/** A `RunStore` over a run database: each question is one query. How it writes is in `sqlWriter.ts` and `sqlChanges.ts`. */
import * as Effect from "effect/Effect"
import type { TaskStatus } from "../../../RunRecord.ts"
import { type RunStore, StoreError } from "../../../RunStore.ts"
import { usesIn } from "../memoryRunStore.ts"
import type { Database } from "./database.ts"
import * as Rows from "./rows.ts"
import type { Writer } from "./writer.ts"

/** Conditions, all of which hold, with their parameters. */
class Where {
  readonly conditions: Array<string> = []
  readonly params: Array<unknown> = []
  /** Leaves the condition out where a parameter is undefined. */
  add(condition: string, ...params: ReadonlyArray<unknown>): this {
    if (params.includes(undefined)) return this
    this.conditions.push(condition)
    this.params.push(...params)
    return this
  }
  toString(): string {
    return this.conditions.length === 0 ? "" : ` WHERE ${this.conditions.join(" AND ")}`
  }
}

/** What sorts after everything that starts with a text. */
const after = (prefix: string | undefined): string | undefined =>
  prefix === undefined ? undefined : `${prefix}\u{10FFFF}`

const marks = (values: ReadonlyArray<unknown>): string => values.map(() => "?").join(", ")

/** Lists of values are asked for in parts of this length, which a database surely takes. */
const listSize = 5000

const limited = (limit: number | undefined): string =>
  limit === undefined ? "" : ` LIMIT ${Math.max(0, Math.floor(limit))}`

const withoutRefs = Rows.taskColumns.filter((column) => column !== "inputs" && column !== "outputs")

export const make = (database: Database, writer: Writer): RunStore["Service"] => {
  const runColumns = `${Rows.runColumns.map((column) => `runs.${column}`).join(", ")}, (${
    database.dialect === "pg" ? "SELECT json_agg(tag)::text" : "SELECT json_group_array(tag)"
  } FROM run_tags WHERE run_tags.run = runs.id) AS tags`

  const read = <A>(
    sql: string,
    params: ReadonlyArray<unknown>,
    of: (row: Rows.Row) => A
  ): Effect.Effect<ReadonlyArray<A>, StoreError> =>
    Effect.flatMap(database.query(sql, params), (rows) =>
      Effect.try({
        try: () => rows.map(of),
        catch: (cause) =>
          new StoreError({ message: `${database.name} holds a record that can't be read: ${String(cause)}.`, cause })
      })
    )

  const inParts = <A>(
    values: ReadonlyArray<string>,
    ask: (part: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<A>, StoreError>,
    size = listSize
  ): Effect.Effect<ReadonlyArray<A>, StoreError> => {
    const distinct = [...new Set(values)]
    const parts = Array.from({ length: Math.ceil(distinct.length / size) }, (_, i) =>
      distinct.slice(i * size, (i + 1) * size)
    )
    return Effect.map(Effect.forEach(parts, ask), (found) => found.flat())
  }

  return {
    write: (changes) => writer({ changes, blobs: [] }),
    runs: (query) => {
      const where = new Where()
      const statuses = typeof query.status === "string" ? [query.status] : query.status
      where.add("flow = ?", query.flow)
      if (statuses !== undefined)
        where.add(statuses.length === 0 ? "1 = 0" : `status IN (${marks(statuses)})`, ...statuses)
      for (const tag of query.tags ?? []) where.add("id IN (SELECT run FROM run_tags WHERE tag = ?)", tag)
      where.add("started_at >= ?", query.since).add("started_at < ?", query.until).add("id < ?", query.before)
      if (query.idPrefix !== "") where.add("id >= ? AND id < ?", query.idPrefix, after(query.idPrefix))
      if (query.parent !== undefined) {
        const inside = `${query.parent}/`
        where.add("(parent = ? OR (parent >= ? AND parent < ?))", query.parent, inside, after(inside))
      }
      return read(
        `SELECT ${runColumns} FROM runs${where} ORDER BY id DESC${limited(query.limit)}`,
        where.params,
        Rows.toRun
      )
    },
    tasks: (query) => {
      const columns = (query.refs === false ? withoutRefs : Rows.taskColumns).map((column) => `tasks.${column}`)
      const where = new Where().add("tasks.run = ?", query.run).add("runs.flow = ?", query.flow)
      where.add("tasks.step = ?", query.step).add("tasks.id = ?", query.id).add("tasks.key = ?", query.key)
      if (query.key !== undefined && query.run === undefined) where.add("tasks.cache IS NOT NULL")
      where
        .add("tasks.run < ?", query.before)
        .add("tasks.status = ?", query.status)
        .add("tasks.how = ?", query.how)
        .add("tasks.number > ?", query.after)
      const join = query.flow === undefined ? "" : " JOIN runs ON runs.id = tasks.run"
      const order = query.order === "newest" ? "tasks.run DESC" : "tasks.run"
      return read(
        `SELECT ${columns.join(", ")} FROM tasks${join}${where} ORDER BY ${order}, tasks.number${limited(query.limit)}`,
        where.params,
        Rows.toTask
      )
    },
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
      return read(`SELECT * FROM metrics${where} ORDER BY sequence`, where.params, Rows.toPoint)
    },
    cards: (query) => {
      const where = new Where().add("run = ?", query.run).add("task = ?", query.task).add("sequence > ?", query.after)
      return read(`SELECT * FROM cards${where} ORDER BY sequence`, where.params, Rows.toCard)
    },
    pulse: (run) =>
      Effect.map(
        read(
          "SELECT (SELECT MAX(sequence) FROM logs WHERE run = ?) AS lines, (SELECT MAX(sequence) FROM metrics WHERE run = ?) AS points, (SELECT MAX(sequence) FROM cards WHERE run = ?) AS cards",
          [run, run, run],
          (row) => ({ lines: Number(row.lines ?? 0), points: Number(row.points ?? 0), cards: Number(row.cards ?? 0) })
        ),
        ([row]) => row ?? { lines: 0, points: 0, cards: 0 }
      ),
    uses: (digest, limit) => {
      const columns = Rows.taskColumns.map((column) => `tasks.${column}`).join(", ")
      const mentions = `%${digest.replace(/[\\%_]/g, "\\$&")}%`
      return Effect.map(
        read(
          `SELECT ${columns} FROM uses JOIN tasks ON tasks.run = uses.run WHERE uses.digest = ? AND (tasks.inputs LIKE ? ESCAPE '\\' OR tasks.outputs LIKE ? ESCAPE '\\') ORDER BY uses.run DESC, tasks.number${limited(limit)}`,
          [digest, mentions, mentions],
          (row) => usesIn(Rows.toTask(row), digest)
        ),
        (found) => found.flat().slice(0, limit)
      )
    },
    schema: (digest) =>
      Effect.map(
        read("SELECT description FROM schemas WHERE digest = ?", [digest], (row) => row.description as string),
        (rows) => rows[0]
      ),
    remove: (runs) =>
      Effect.asVoid(
        inParts(
          runs,
          (part) => {
            const statements = removed.map(({ column, table }) => ({
              sql: `DELETE FROM ${table} WHERE ${column} IN (${marks(part)})`,
              params: part
            }))
            const transaction = database.transaction((connection) => database.runAll(connection, statements))
            return database.orStoreError("write to", Effect.as(transaction, []))
          },
          removedAtOnce
        )
      ),
    digests: (except) =>
      except === undefined || except.size === 0
        ? Effect.map(
            read("SELECT digest FROM uses UNION SELECT digest FROM cards", [], (row) => row.digest as string),
            (digests) => new Set(digests)
          )
        : Effect.map(
            read(
              "SELECT digest, run FROM uses UNION SELECT digest, run FROM cards",
              [],
              (row): readonly [digest: string, run: string] => [row.digest, row.run]
            ),
            (uses) => new Set(uses.flatMap(([digest, run]) => (except.has(run) ? [] : [digest])))
          )
  }
}

/** Runs that are removed in one transaction: others wait for it. */
const removedAtOnce = 250

const removed = [
  { table: "uses", column: "run" },
  { table: "tasks", column: "run" },
  { table: "logs", column: "run" },
  { table: "metrics", column: "run" },
  { table: "cards", column: "run" },
  { table: "run_tags", column: "run" },
  { table: "runs", column: "id" }
]
