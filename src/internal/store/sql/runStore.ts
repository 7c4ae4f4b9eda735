/**
 * A `RunStore` over a run database: each method is one query. `writer.ts` and `changes.ts` do the writing.
 *
 * One damaged record costs its run alone. Lists leave it out with a warning that names it; asking for that run fails.
 */
import * as Effect from "effect/Effect"
import type * as SqlConnection from "effect/sql/SqlConnection"
import type { SqlError } from "effect/sql/SqlError"
import type { RunRecord, TaskStatus } from "../../../RunRecord.ts"
import { type Hold, type RunStore, StoreError, type TaskQuery } from "../../../RunStore.ts"
import * as Lost from "../lost.ts"
import { numberIn, usesIn } from "../memoryRunStore.ts"
import type { Database } from "./database.ts"
import * as RecentBlobs from "./recentBlobs.ts"
import * as Rows from "./rows.ts"
import type { Prepared } from "./statement.ts"
import * as VerifyRecords from "./verifyRecords.ts"
import type { Writer } from "./writer.ts"

/** Conditions that must all hold, with their parameters. */
class Where {
  readonly conditions: Array<string> = []
  readonly params: Array<unknown> = []
  /** Omits the condition if a parameter is undefined. */
  add(condition: string, ...params: ReadonlyArray<unknown>): this {
    if (params.includes(undefined)) return this
    this.conditions.push(condition)
    this.params.push(...params)
    return this
  }
  addAll(other: Where): this {
    this.conditions.push(...other.conditions)
    this.params.push(...other.params)
    return this
  }
  toString(): string {
    return this.conditions.length === 0 ? "" : ` WHERE ${this.conditions.join(" AND ")}`
  }
}

/** A row that can't be read. */
interface Damaged {
  /** `run 01k…`, or `task train/3 of run 01k…`. */
  readonly name: string
  readonly run: string
  readonly why: string
}

/** Reads rows one by one, so that a damaged row costs itself alone. */
const readRows = <A>(rows: ReadonlyArray<Rows.Row>, of: (row: Rows.Row) => A) => {
  const records: Array<A> = []
  const damaged: Array<Damaged> = []
  for (const row of rows) {
    try {
      records.push(of(row))
    } catch (cause) {
      const run = String(row.run ?? row.id)
      const name = row.run === undefined ? `run ${run}` : `task ${row.id ?? row.task} of run ${run}`
      damaged.push({ name, run, why: cause instanceof Error ? cause.message : String(cause) })
    }
  }
  return { records, damaged }
}

const damagedError = (database: Database, { name, run, why }: Damaged): StoreError =>
  new StoreError({
    message:
      `${database.name} holds a damaged record: ${name} can't be read (${why}). ` +
      `Other runs are not affected. Restore the database from a copy to get this run back.`,
    run
  })

/** Sorts after every text that starts with the prefix. */
const after = (prefix: string | undefined): string | undefined =>
  prefix === undefined ? undefined : `${prefix}\u{10FFFF}`

const marks = (values: ReadonlyArray<unknown>): string => values.map(() => "?").join(", ")

/** Long lists of values are queried in parts of this length, below any database's limit on parameters. */
const listSize = 5000

const limited = (limit: number | undefined): string =>
  limit === undefined ? "" : ` LIMIT ${Math.max(0, Math.floor(limit))}`

/** The place of a run in the order of runs. */
const placeOf = (run: string): string => `(SELECT place FROM runs WHERE runs.id = ${run})`

/** The place of the run of an id; the id itself where there is no such run. Used with the id twice. */
const placeOr = "COALESCE((SELECT place FROM runs cursor_run WHERE cursor_run.id = ?), ?)"

const withoutInputs = Rows.taskColumns.filter((column) => column !== "inputs")
const withoutRefs = withoutInputs.filter((column) => column !== "outputs")

const columnsOf = (refs: TaskQuery["refs"]): ReadonlyArray<string> =>
  refs === false ? withoutRefs : refs === "outputs" ? withoutInputs : Rows.taskColumns

export const make = (database: Database, writer: Writer): RunStore["Service"] => {
  const { now } = writer
  const runColumns = `${Rows.runColumns.map((column) => `runs.${column}`).join(", ")}, runs.driver, runs.cancel, ${database.dialect === "pg" ? `${Rows.clock} AS clock, ` : ""}(${
    database.dialect === "pg" ? "SELECT json_agg(tag)::text" : "SELECT json_group_array(tag)"
  } FROM run_tags WHERE run_tags.run = runs.id) AS tags, (SELECT MAX(later.id) FROM runs later WHERE later.origin = runs.id) AS resumed_by`

  const read = <A>(
    sql: string,
    params: ReadonlyArray<unknown>,
    of: (row: Rows.Row) => A
  ): Effect.Effect<ReadonlyArray<A>, StoreError> =>
    Effect.flatMap(database.query(sql, params), (rows) =>
      Effect.suspend(() => {
        const { damaged, records } = readRows(rows, of)
        return damaged[0] === undefined ? Effect.succeed(records) : Effect.fail(damagedError(database, damaged[0]))
      })
    )

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

  /** Reads the rows that can be read, and names each damaged one in a warning, once. */
  const warned = new Set<string>()
  const warn = (damaged: ReadonlyArray<Damaged>): Effect.Effect<void> =>
    Effect.forEach(
      damaged.filter(({ name }) => !warned.has(name)),
      (row) => {
        warned.add(row.name)
        return Effect.logWarning(damagedError(database, row).message)
      },
      { discard: true }
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

  /** Whether some run has an id that its caller gave, so that ids are not in the order of runs. */
  let hasGiven = false
  const askGiven = Effect.suspend(() =>
    hasGiven
      ? Effect.succeed(true)
      : Effect.map(database.query("SELECT 1 FROM runs WHERE place <> id LIMIT 1", []), (rows) => {
          hasGiven = rows.length > 0
          return hasGiven
        })
  )

  const tasksWhere = (query: TaskQuery, number: number | undefined) =>
    query.run === undefined
      ? Effect.flatMap(askGiven, (given) => tasksSorted(query, number, given))
      : tasksSorted(query, number, false)

  const tasksSorted = (query: TaskQuery, number: number | undefined, given: boolean) => {
    const columns = columnsOf(query.refs).map((column) => `tasks.${column}`)
    const where = new Where().add("tasks.run = ?", query.run).add("runs.flow = ?", query.flow)
    where.add("tasks.number = ?", number).add("tasks.step = ?", query.step).add("tasks.id = ?", query.id)
    where.add("tasks.key = ?", query.key)
    if (query.key !== undefined && query.run === undefined) where.add("tasks.cache IS NOT NULL")
    where
      .addAll(
        given
          ? new Where().add(`${placeOf("tasks.run")} < ${placeOr}`, query.before, query.before)
          : new Where().add("tasks.run < ?", query.before)
      )
      .add("tasks.status = ?", query.status)
      .add("tasks.how = ?", query.how)
      .add("tasks.number > ?", query.after)
      .add("tasks.changed > ?", query.changedAfter)
    const join = query.flow === undefined ? "" : " JOIN runs ON runs.id = tasks.run"
    const place = given ? placeOf("tasks.run") : "tasks.run"
    const order =
      query.changedAfter === undefined ? (query.order === "newest" ? `${place} DESC` : place) : "tasks.changed"
    const sql = `SELECT ${columns.join(", ")} FROM tasks${join}${where} ORDER BY ${order}, tasks.number${limited(query.limit)}`
    if (query.run !== undefined) return read(sql, where.params, Rows.toTask)
    // Across runs, a damaged task must not hide the tasks of other runs.
    return Effect.flatMap(database.query(sql, where.params), (rows) => {
      const { damaged, records } = readRows(rows, Rows.toTask)
      return Effect.as(warn(damaged), records)
    })
  }

  return {
    claim: (claim) => {
      const driver = { run: claim.run.id, token: Lost.makeToken() }
      return Effect.as(writer({ changes: [], blobs: [], claim: { ...claim, token: driver.token } }), driver)
    },
    write: (changes, driver) => writer({ changes, blobs: [], ...(driver === undefined ? {} : { driver }) }),
    ...(now === undefined
      ? {}
      : { writeNow: (changes, driver) => now({ changes, blobs: [], ...(driver === undefined ? {} : { driver }) }) }),
    runs: (query) => {
      const where = new Where()
      const statuses = typeof query.status === "string" ? [query.status] : query.status
      where.add("flow = ?", query.flow)
      if (statuses !== undefined)
        where.add(statuses.length === 0 ? "1 = 0" : `status IN (${marks(statuses)})`, ...statuses)
      for (const tag of query.tags ?? []) where.add("id IN (SELECT run FROM run_tags WHERE tag = ?)", tag)
      where.add("started_at >= ?", query.since).add("started_at < ?", query.until)
      where.add(`place < ${placeOr}`, query.before, query.before).add("id = ?", query.id)
      if (query.cancelled === true) where.add("cancel IS NOT NULL")
      if (query.idPrefix !== "") where.add("id >= ? AND id < ?", query.idPrefix, after(query.idPrefix))
      where.add("origin = ?", query.origin)
      if (query.parent !== undefined) {
        const inside = `${query.parent}/`
        where.add("(parent = ? OR (parent >= ? AND parent < ?))", query.parent, inside, after(inside))
      }
      // Few runs match an id, so they are found by that and then sorted; others are read in the order of the index.
      const order = query.id === undefined && query.idPrefix === undefined ? "place" : "COALESCE(place, '')"
      // A damaged run is left out of a list, with a warning that names it; asking for that run alone fails.
      const from = (
        before: string | undefined,
        limit: number | undefined
      ): Effect.Effect<Array<RunRecord>, StoreError> => {
        const page = new Where().addAll(where).add(`place < ${placeOr}`, before, before)
        const sql = `SELECT ${runColumns} FROM runs${page} ORDER BY ${order} DESC${limited(limit)}`
        return Effect.flatMap(database.query(sql, page.params), (rows) => {
          const { damaged, records } = readRows(rows, Rows.toRun)
          const [first] = damaged
          if (first === undefined) return Effect.succeed(records)
          if (
            (query.id !== undefined || (query.idPrefix !== undefined && query.idPrefix !== "")) &&
            records.length === 0
          )
            return Effect.fail(damagedError(database, first))
          const more =
            limit === undefined || rows.length < limit ? Effect.succeed([]) : from(rows.at(-1)?.id, damaged.length)
          return Effect.andThen(
            warn(damaged),
            Effect.map(more, (others) => [...records, ...others])
          )
        })
      }
      return from(undefined, query.limit)
    },
    tasks: (query) => {
      const number = query.run === undefined || query.id === undefined ? undefined : numberIn(query.id)
      // A task's number is in its id, and the primary key finds it by that.
      return number === undefined
        ? tasksWhere(query, undefined)
        : Effect.flatMap(tasksWhere(query, number), (found) =>
            found.length > 0 ? Effect.succeed(found) : tasksWhere(query, undefined)
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
        read(distinct("runs", "flow"), [], (row) => row.name as string),
        read(distinct("run_tags", "tag"), [], (row) => row.name as string)
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
          `SELECT ${columns} FROM tasks WHERE tasks.run IN (SELECT run FROM uses WHERE digest = ? UNION SELECT run FROM blobs WHERE digest = ? AND run IS NOT NULL${RecentBlobs.union(database.dialect, "UNION SELECT run FROM recent_blobs WHERE digest = ?")}) AND (tasks.inputs LIKE ? ESCAPE '\\' OR tasks.outputs LIKE ? ESCAPE '\\') ORDER BY tasks.run DESC, tasks.number${limited(limit)}`,
          [digest, digest, ...(database.dialect === "pg" ? [] : [digest]), mentions, mentions],
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
    verify: VerifyRecords.verify(database, runColumns, readRows),
    remove: Effect.fnUntraced(function* (runs, unless) {
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
    }),
    digests: (except) =>
      Effect.map(
        read(
          `SELECT digest, run FROM uses UNION ALL SELECT digest, run FROM cards UNION ALL SELECT digest, run FROM checkpoints WHERE digest IS NOT NULL UNION ALL SELECT digest, run FROM blobs WHERE ${ownerExists}${RecentBlobs.union(database.dialect, `UNION ALL SELECT digest, run FROM recent_blobs WHERE ${RecentBlobs.ownerExists}`)}`,
          [],
          (row): readonly [digest: string, run: string] => [row.digest, row.run]
        ),
        (uses) => {
          const found = new Set<string>()
          for (const [digest, run] of uses) if (except?.has(run) !== true) found.add(digest)
          return found
        }
      )
  }
}

/**
 * The distinct values of an indexed column, in order. It goes from one value to the next by the index, because
 * `SELECT DISTINCT` reads every row.
 */
const distinct = (table: string, column: string): string =>
  `WITH RECURSIVE distinct_names(name) AS (SELECT MIN(${column}) FROM ${table} UNION ALL SELECT (SELECT MIN(${column}) FROM ${table} WHERE ${column} > distinct_names.name) FROM distinct_names WHERE distinct_names.name IS NOT NULL) SELECT name FROM distinct_names WHERE name IS NOT NULL LIMIT 1000`

/** A condition: the run that a small artifact belongs to is still there. */
export const ownerExists = "EXISTS (SELECT 1 FROM tasks WHERE tasks.run = blobs.run)"

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

const removed = [
  { table: "tasks", column: "run" },
  { table: "logs", column: "run" },
  { table: "metrics", column: "run" },
  { table: "cards", column: "run" },
  { table: "checkpoints", column: "run" },
  { table: "run_tags", column: "run" },
  { table: "runs", column: "id" }
]
