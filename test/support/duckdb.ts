/** DuckDB as the other reader and writer of Parquet. Its native library does not load everywhere. */
import * as Effect from "effect/Effect"

const loaded = await import("@duckdb/node-api").then(
  async ({ DuckDBInstance }) => ({ connection: await (await DuckDBInstance.create(":memory:")).connect() }),
  (cause: unknown) => ({ reason: cause instanceof Error ? cause.message : String(cause) })
)

/** Why there is no DuckDB here, where there is none. */
export const unavailable: string | undefined = "reason" in loaded ? loaded.reason : undefined

if (unavailable !== undefined) console.warn(`Skipped: DuckDB does not load here (${unavailable})`)

/** The rows of a query. */
export const query = (sql: string): Effect.Effect<ReadonlyArray<Record<string, unknown>>> =>
  Effect.promise(async () => {
    if (!("connection" in loaded)) throw new Error("DuckDB does not load here")
    return (await loaded.connection.runAndReadAll(sql)).getRowObjectsJS()
  })

/** The columns of a query, as values of DuckDB's own classes. */
export const columns = async (sql: string): Promise<Record<string, ReadonlyArray<unknown>>> => {
  if (!("connection" in loaded)) throw new Error("DuckDB does not load here")
  return (await loaded.connection.runAndReadAll(sql)).getColumnsObject() as Record<string, ReadonlyArray<unknown>>
}
