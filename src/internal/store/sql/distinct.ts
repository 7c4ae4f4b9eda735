/** The distinct values of an indexed column. */
import * as Effect from "effect/Effect"
import type { StoreError } from "../../../RunStore.ts"
import type { Database } from "./database.ts"
import { limited } from "./reading.ts"

/**
 * The distinct values of an indexed column, in order. It goes from one value to the next by the index, because
 * `SELECT DISTINCT` reads every row.
 */
export const distinctValues = (
  database: Database,
  table: string,
  column: string,
  limit?: number
): Effect.Effect<ReadonlyArray<string>, StoreError> =>
  Effect.map(
    database.query(
      `WITH RECURSIVE distinct_names(name) AS (SELECT MIN(${column}) FROM ${table} UNION ALL SELECT (SELECT MIN(${column}) FROM ${table} WHERE ${column} > distinct_names.name) FROM distinct_names WHERE distinct_names.name IS NOT NULL) SELECT name FROM distinct_names WHERE name IS NOT NULL${limited(limit)}`,
      []
    ),
    (rows) => rows.map(({ name }) => name as string) // columns of text
  )
