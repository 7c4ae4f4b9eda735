/** Queries for tasks, of one run or of all. */
import * as Effect from "effect/Effect"
import type { RunStore, TaskQuery } from "../../../RunStore.ts"
import { numberIn } from "../matching.ts"
import type { Database } from "./database.ts"
import { limited, type Reading, recordOr, separate, Where } from "./reading.ts"
import * as Rows from "./rows.ts"
import { placeOf, placeOr } from "./runConditions.ts"

const columns = Rows.taskColumns.filter((column) => column !== "changed") // a query may ask for it, a record has it in `places`
const withoutInputs = columns.filter((column) => column !== "inputs")
const withoutRefs = withoutInputs.filter((column) => column !== "outputs")

const unneeded: ReadonlySet<string> = new Set(["inputs", "attempts", "parents", "places"])
const onlyOutputs = columns.filter((column) => !unneeded.has(column))

const columnsOf = (refs: TaskQuery["refs"]): ReadonlyArray<string> =>
  refs === false ? withoutRefs : refs === "outputs" ? onlyOutputs : columns

/** The query of a `RunStore`. */
export const make = (database: Database, { read, warn }: Reading): RunStore["Service"]["tasks"] => {
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
    return Effect.flatMap(database.select(sql, where.params, recordOr(Rows.toTask)), (results) => {
      const { damaged, records } = separate(results)
      return Effect.as(warn(damaged), records)
    })
  }

  return (query) => {
    const number = query.run === undefined || query.id === undefined ? undefined : numberIn(query.id)
    // A task's number is in its id, and the primary key finds it by that.
    return number === undefined
      ? tasksWhere(query, undefined)
      : Effect.flatMap(tasksWhere(query, number), (tasks) =>
          tasks.length > 0 ? Effect.succeed(tasks) : tasksWhere(query, undefined)
        )
  }
}
