/** The conditions that a query puts on runs. */
import * as Effect from "effect/Effect"
import type { RunQuery, StoreError } from "../../../RunStore.ts"
import type { Database } from "./database.ts"
import { after, marks, Where } from "./reading.ts"

/** The place of a run in the order of runs. */
export const placeOf = (run: string): string => `(SELECT place FROM runs WHERE runs.id = ${run})`

/** The place of the run of an id; the id itself where there is no such run. Used with the id twice. */
export const placeOr = "COALESCE((SELECT place FROM runs cursor_run WHERE cursor_run.id = ?), ?)"

/** A tag of fewer runs is rare. */
const rareLimit = 2000

/** The tags among these that few runs have: their runs are found by the tag. Runs of others are found in order. */
export const rareTags = Effect.fnUntraced(function* (
  database: Database,
  tags: ReadonlyArray<string> = []
): Effect.fn.Return<ReadonlySet<string>, StoreError> {
  const rare = new Set<string>()
  for (const tag of tags) {
    const sql = `SELECT COUNT(*) AS count FROM (SELECT 1 FROM run_tags WHERE tag = ? LIMIT ${rareLimit}) few`
    // Postgres has statistics to choose by.
    const [row] = database.dialect === "pg" ? [] : yield* database.query(sql, [tag])
    if (Number(row?.count ?? 0) < rareLimit) rare.add(tag)
  }
  return rare
})

/**
 * The conditions as SQL.
 *
 * @param rare The tags whose runs are few.
 * @returns The conditions, and what to write before the columns `flow` and `status` in others: where few runs meet the
 *   conditions, it keeps SQLite, which has no statistics, from starting with a flow or a status that most runs may share.
 */
export const of = (
  query: RunQuery,
  rare: ReadonlySet<string>,
  dialect: "sqlite" | "pg"
): { readonly where: Where; readonly sign: "" | "+" } => {
  const where = new Where()
  const statuses = typeof query.status === "string" ? [query.status] : query.status
  const isNarrow = rare.size > 0 || (query.idPart !== undefined && query.idPart !== "")
  const sign = isNarrow && dialect === "sqlite" ? "+" : ""
  where.add(`${sign}flow = ?`, query.flow)
  if (statuses !== undefined)
    where.add(statuses.length === 0 ? "1 = 0" : `${sign}status IN (${marks(statuses)})`, ...statuses)
  for (const tag of query.tags ?? []) {
    if (rare.has(tag)) where.add("id IN (SELECT run FROM run_tags WHERE tag = ?)", tag)
    else where.add("EXISTS (SELECT 1 FROM run_tags WHERE run_tags.run = runs.id AND run_tags.tag = ?)", tag)
  }
  where.add("started_at >= ?", query.since).add("started_at < ?", query.until)
  where.add(`place < ${placeOr}`, query.before, query.before).add("id = ?", query.id)
  if (query.cancelled === true) where.add("cancel IS NOT NULL")
  if (query.idPrefix !== "") where.add("id >= ? AND id < ?", query.idPrefix, after(query.idPrefix))
  if (query.idPart !== undefined && query.idPart !== "") {
    const pattern = `%${query.idPart.replace(/[\\%_]/g, "\\$&")}%`
    // The inner query reads the ids alone, from their index.
    where.add("id IN (SELECT id FROM runs WHERE id LIKE ? ESCAPE '\\')", pattern)
  }
  where.add("origin = ?", query.origin)
  if (query.parent !== undefined) {
    const inside = `${query.parent}/`
    where.add("(parent = ? OR (parent >= ? AND parent < ?))", query.parent, inside, after(inside))
  }
  return { where, sign }
}
