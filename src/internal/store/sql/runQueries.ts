/** Queries for runs. */
import * as Effect from "effect/Effect"
import type { RunRecord } from "../../../RunRecord.ts"
import type { RunStore, StoreError } from "../../../RunStore.ts"
import type { RunPosition, RunSort, RunSortKey } from "../runOrder.ts"
import * as RunOrder from "../runOrder.ts"
import type { Database } from "./database.ts"
import { distinctValues } from "./distinct.ts"
import * as OrderParts from "./orderParts.ts"
import { damagedError, limited, type Reading, readRows, Where } from "./reading.ts"
import * as Rows from "./rows.ts"
import * as RunConditions from "./runConditions.ts"

/** The columns of a run's record, those included that are found in other tables. */
export const columnsOf = (dialect: "sqlite" | "pg"): string =>
  `${Rows.runColumns.map((column) => `runs.${column}`).join(", ")}, runs.driver, runs.cancel, ${dialect === "pg" ? `${Rows.clock} AS clock, ` : ""}(${
    dialect === "pg" ? "SELECT json_agg(tag)::text" : "SELECT json_group_array(tag)"
  } FROM run_tags WHERE run_tags.run = runs.id) AS tags, (SELECT MAX(later.id) FROM runs later WHERE later.origin = runs.id) AS resumed_by`

/** The query of a `RunStore`. */
export const make = (database: Database, { warn }: Reading): RunStore["Service"]["runs"] => {
  const runColumns = columnsOf(database.dialect)
  return Effect.fnUntraced(function* (query) {
    const rare = yield* RunConditions.rareTags(database, query.tags)
    const { sign, where } = RunConditions.of(query, rare, database.dialect)
    // Few runs match an id, so they are found by that and then sorted; others are read in the order of the index.
    const newestFirst = query.id === undefined && query.idPrefix === undefined ? "place" : "COALESCE(place, '')"
    const isOne = query.id !== undefined || (query.idPrefix !== undefined && query.idPrefix !== "")

    /** Reads the rows of a part of an order, of which all or some may be asked for. */
    const rowsOf = ({ order, where: also }: OrderParts.Part, limit: number | undefined) => {
      const both = new Where().addAll(where).addAll(also)
      // Where rows have to be sorted, they are sorted without their long columns and those of other tables.
      const chosen =
        limit === undefined ? both : ` WHERE id IN (SELECT id FROM runs${both} ORDER BY ${order}${limited(limit)})`
      return database.query(`SELECT ${runColumns} FROM runs${chosen} ORDER BY ${order}`, both.params)
    }
    /** Reads rows in the order of the query, after a position in it or from its start on. */
    const rowsBeyond = Effect.fnUntraced(function* (sort: RunSort, limit: number | undefined) {
      const { by } = sort
      const values = by === "flow" || by === "status" ? yield* distinctValues(database, "runs", by) : []
      const rows: Array<Rows.Row> = []
      for (const part of OrderParts.partsOf(sort, values, sign)) {
        const remaining = limit === undefined ? undefined : limit - rows.length
        if (remaining !== undefined && remaining <= 0) break
        for (const row of yield* rowsOf(part, remaining)) rows.push(row)
      }
      return rows
    })
    // A damaged run is left out of a list, with a warning that names it; asking for that run alone fails.
    const from = Effect.fnUntraced(function* (
      previous: Rows.Row | undefined,
      limit: number | undefined
    ): Effect.fn.Return<ReadonlyArray<RunRecord>, StoreError> {
      const { sort } = query
      const beyond = previous === undefined || sort === undefined ? {} : { beyond: positionOf(previous, sort.by) }
      const rows = yield* sort === undefined
        ? rowsOf({ where: new Where().add("place < ?", previous?.place), order: `${newestFirst} DESC` }, limit)
        : rowsBeyond({ ...sort, ...beyond }, limit)
      const { damaged, records } = readRows(rows, Rows.toRun)
      const [first] = damaged
      if (first === undefined) return records
      if (isOne && records.length === 0) return yield* Effect.fail(damagedError(database, first))
      yield* warn(damaged)
      if (limit === undefined || rows.length < limit) return records
      return [...records, ...(yield* from(rows.at(-1), damaged.length))]
    })
    return yield* from(undefined, query.limit)
  })
}

/** The position of a row in an order. The row may be damaged. */
const positionOf = (row: Rows.Row, by: RunSortKey): RunPosition => {
  const { finished_at: finishedAt, flow, id, place, started_at: startedAt, status } = row
  return RunOrder.positionOf({ id, place, flow, status, startedAt, finishedAt: finishedAt ?? undefined }, by)
}
