/** Queries for runs. */
import * as Effect from "effect/Effect"
import type { RunRecord } from "../../../RunRecord.ts"
import type { RunStore, StoreError } from "../../../RunStore.ts"
import type { Database } from "./database.ts"
import { after, damagedError, limited, marks, type Reading, readRows, Where } from "./reading.ts"
import * as Rows from "./rows.ts"

/** The place of a run in the order of runs. */
export const placeOf = (run: string): string => `(SELECT place FROM runs WHERE runs.id = ${run})`

/** The place of the run of an id; the id itself where there is no such run. Used with the id twice. */
export const placeOr = "COALESCE((SELECT place FROM runs cursor_run WHERE cursor_run.id = ?), ?)"

/** The columns of a run's record, those included that are found in other tables. */
export const columnsOf = (dialect: "sqlite" | "pg"): string =>
  `${Rows.runColumns.map((column) => `runs.${column}`).join(", ")}, runs.driver, runs.cancel, ${dialect === "pg" ? `${Rows.clock} AS clock, ` : ""}(${
    dialect === "pg" ? "SELECT json_agg(tag)::text" : "SELECT json_group_array(tag)"
  } FROM run_tags WHERE run_tags.run = runs.id) AS tags, (SELECT MAX(later.id) FROM runs later WHERE later.origin = runs.id) AS resumed_by`

/** The query of a `RunStore`. */
export const make = (database: Database, { warn }: Reading): RunStore["Service"]["runs"] => {
  const runColumns = columnsOf(database.dialect)
  return (query) => {
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
    if (query.idPart !== undefined && query.idPart !== "")
      where.add("id LIKE ? ESCAPE '\\'", `%${query.idPart.replace(/[\\%_]/g, "\\$&")}%`)
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
        if ((query.id !== undefined || (query.idPrefix !== undefined && query.idPrefix !== "")) && records.length === 0)
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
  }
}
