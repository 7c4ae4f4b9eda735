/**
 * CSV and JSON Lines, read by DuckDB (the optional peer `@duckdb/node-api`) into a temporary Parquet file, which is then
 * read like any other. What the table declares tells DuckDB the types, so that `007` stays a text where a text is declared.
 */
import { randomUUID } from "node:crypto"
import { rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { codeOf, reasonOf } from "../cause.ts"
import * as FileState from "../fileState.ts"
import { type ColumnType, sqlTypes } from "./columnType.ts"
import * as Duckdb from "./duckdb.ts"
import { SourceError, written } from "./ranges.ts"
import { isHttp, isObject, objectFlaw, objects, pathOf } from "./source.ts"
import type { Format } from "./textFormat.ts"

/** The path of a Parquet file with the rows of a text file, which is removed with the scope. */
export const asParquet = (
  file: string,
  format: Format,
  types: ReadonlyArray<ColumnType> | undefined
): Effect.Effect<string, SourceError, Scope.Scope> =>
  Effect.gen(function* () {
    if (isHttp(file))
      return yield* Effect.fail(
        new SourceError("unreadable", "CSV and JSON Lines are read from files and buckets only; download it first")
      )
    const path = isObject(file) ? yield* downloaded(file) : yield* pathOf(file)
    const state = Effect.tryPromise({ try: () => stat(path, { bigint: true }), catch: statError })
    const before = yield* state
    const connection = yield* Effect.mapError(Duckdb.connect("CSV and JSON Lines are read"), unreadable)
    const target = yield* Effect.acquireRelease(
      Effect.sync(() => join(tmpdir(), `effect-flow-${randomUUID()}.parquet`)),
      (target) => Effect.promise(() => rm(target, { force: true }))
    )
    const name = format === "csv" ? "CSV" : "JSON Lines"
    const run = (sql: string) =>
      Effect.mapError(Duckdb.run(connection, sql), ({ message }) =>
        unreadable({ message: `it can't be read as ${name}: ${message}` })
      )
    const read = format === "csv" ? "read_csv" : "read_json"
    const fixed = format === "csv" ? "" : ", format = 'newline_delimited'"
    let options = fixed
    if (types !== undefined && format === "csv") {
      const described = yield* run(`describe select * from read_csv(${Duckdb.quote(path)})`)
      const names = new Set(described.getRowObjects().map((row) => String(row.column_name)))
      options += csvOptions(types.filter(({ name }) => names.has(name)))
    }
    yield* run(
      `copy (select * from ${read}(${Duckdb.quote(path)}${options})) to ${Duckdb.quote(target)} (format parquet, compression zstd)`
    )
    if (FileState.differ(before, yield* state)) return yield* Effect.fail(new SourceError("unreadable", written))
    return target
  })

/** A temporary copy of an object, which is removed with the scope. */
const downloaded = (address: string): Effect.Effect<string, SourceError, Scope.Scope> =>
  Effect.gen(function* () {
    const { open } = yield* objects
    const path = yield* Effect.acquireRelease(
      // DuckDB sees by its name that a file is compressed.
      Effect.sync(() => join(tmpdir(), `effect-flow-${randomUUID()}${/\.gz(\?|$)/i.test(address) ? ".gz" : ""}`)),
      (path) => Effect.promise(() => rm(path, { force: true }))
    )
    yield* Effect.mapError(
      Effect.flatMap(open(address), ({ download }) => download(path)),
      objectFlaw
    )
    return path
  })

const statError = (cause: unknown) =>
  codeOf(cause) === "ENOENT"
    ? new SourceError("missing", "there is no such file")
    : new SourceError("unreadable", `it can't be read: ${reasonOf(cause)}`)

const unreadable = ({ message }: { readonly message: string }) => new SourceError("unreadable", message)

/** An empty field is null, but in a column of texts that must not be. */
const csvOptions = (types: ReadonlyArray<ColumnType>): string => {
  if (types.length === 0) return ""
  const required = types.filter(({ kind, optional }) => kind === "text" && !optional)
  const columns = types.map(({ kind, name }) => `${Duckdb.quote(name)}: ${Duckdb.quote(sqlTypes[kind])}`).join(", ")
  const notNull =
    required.length === 0 ? "" : `, force_not_null = [${required.map(({ name }) => Duckdb.quote(name)).join(", ")}]`
  return `, types = {${columns}}${notNull}`
}
