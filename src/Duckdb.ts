/**
 * SQL over artifacts, run by DuckDB (the optional peer `@duckdb/node-api`). DuckDB reads the stored Parquet files where
 * they are, and what it yields becomes a typed table or dataset. Nothing passes through JavaScript objects on the way.
 *
 * ```ts
 * import * as Duckdb from "effect-flow/duckdb"
 * ```
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ArtifactError, ArtifactStore } from "./ArtifactStore.ts"
import { type Dataset, type DatasetArtifact, StoredDataset } from "./internal/artifact/dataset.ts"
import { type Table, type TableArtifact, type TableFields, table as tableOf } from "./internal/artifact/table.ts"
import { reasonOf } from "./internal/cause.ts"
import * as Checked from "./internal/checked.ts"
import * as ColumnType from "./internal/parquet/columnType.ts"
import * as Driver from "./internal/parquet/duckdb.ts"
import * as Modules from "./internal/parquet/lazy.ts"
import * as NestedLayout from "./internal/parquet/nestedLayout.ts"
import { openSource } from "./internal/parquet/source.ts"
import { textFormat } from "./internal/parquet/textFormat.ts"
import { fieldsOf } from "./internal/parquet/valueFields.ts"
import * as Parquet from "./Parquet.ts"
import * as Ref from "./Ref.ts"

/**
 * A query could not be run, or its result is not what was asked for.
 *
 * `reason` is `missing` (DuckDB is not installed), `table` (one that can't be given to it), `query` (DuckDB refused or
 * failed) or `result` (the rows do not fit the declared columns).
 */
export class DuckdbError extends Schema.TaggedError<DuckdbError>()("DuckdbError", {
  reason: Schema.Literals(["missing", "table", "query", "result"]),
  message: Schema.String
}) {}

/**
 * A table that a query can name: a ref of a table, a dataset or a file, a dataset, a table in memory, or paths of Parquet,
 * CSV or JSON Lines files.
 */
export type Source =
  | Ref.Ref<Table<any> | Dataset<any> | string>
  | Dataset<any>
  | { readonly numRows: number; readonly columns: { readonly [name: string]: ArrayLike<unknown> } }
  | string
  | ReadonlyArray<string>

/** How a query runs, and what becomes of its result. */
export interface Options<A = unknown> {
  /** The artifact that the result is a value of, a table or dataset. Default: a table of whatever columns there are. */
  readonly as?: A
  /** How much memory DuckDB may take, `512MB`; beyond that it uses temporary files. Default: most of the machine's. */
  readonly memoryLimit?: string
  /** How many threads it may use. Default: all. */
  readonly threads?: number
}

/** What a query yields. */
export type Result<A> =
  A extends DatasetArtifact<infer F> ? Dataset<F> : A extends TableArtifact<infer F> ? Table<F> : Parquet.AnyTable

/**
 * Runs a `SELECT` over tables, and yields its rows. Interrupting it stops DuckDB.
 *
 * Fails with `DuckdbError`, and with `ArtifactError` where a table's bytes are missing or damaged.
 *
 * @param sql One `SELECT` statement, which may begin with `WITH`.
 * @param tables The tables, by the names that the statement calls them by.
 * @param options.as What the result is: `Artifact.table(…)` or `Artifact.dataset(…)`. A dataset is written as it comes.
 * @param options.memoryLimit How much memory DuckDB may take.
 * @param options.threads How many threads it may use.
 *
 * @example
 * ```ts
 * const Counts = Artifact.table({ stars: Schema.Int, reviews: Schema.Int })
 * const counts = yield* Duckdb.query(
 *   "select stars, count(*) as reviews from reviews group by stars order by stars",
 *   { reviews },
 *   { as: Counts }
 * )
 * ```
 */
export const query = <A extends TableArtifact<any> | DatasetArtifact<any> | undefined = undefined>(
  sql: string,
  tables: { readonly [name: string]: Source },
  options: Options<A> = {}
): Effect.Effect<Result<A>, DuckdbError | ArtifactError, ArtifactStore> =>
  Effect.scoped(
    Effect.gen(function* () {
      Checked.wholeNumber("`threads` of Duckdb.query", options.threads, 1)
      const directory = yield* scratch
      const connection = yield* Effect.mapError(
        Driver.connect("Queries are run", {
          temp_directory: join(directory, "spilled"),
          ...(options.memoryLimit === undefined ? {} : { memory_limit: options.memoryLimit }),
          ...(options.threads === undefined ? {} : { threads: String(options.threads) })
        }),
        faultOf
      )
      const run = (statement: string) => Effect.mapError(Driver.run(connection, statement), faultOf)
      let number = 0
      for (const [name, source] of Object.entries(tables)) {
        const relation = yield* relationOf(name, source, join(directory, `${number++}.parquet`))
        yield* run(`create view ${Driver.quoteName(name)} as ${relation}`)
      }
      const file = join(directory, "result.parquet")
      const select = sql.replace(/[;\s]+$/, "")
      yield* run(
        `copy (\n${select}\n) to ${Driver.quote(file)} (format parquet, compression zstd, row_group_size 100000)`
      )
      return yield* resultOf(file, options.as)
    })
  ) as Effect.Effect<Result<A>, DuckdbError | ArtifactError, ArtifactStore> // `resultOf` went by `as`

const faultOf = ({ message, reason }: Driver.DuckdbFault): DuckdbError => new DuckdbError({ reason, message })

const scratch: Effect.Effect<string, DuckdbError, Scope.Scope> = Effect.acquireRelease(
  Effect.tryPromise({
    try: () => mkdtemp(join(tmpdir(), "effect-flow-duckdb-")),
    catch: (cause) =>
      new DuckdbError({ reason: "query", message: `No temporary directory can be made: ${reasonOf(cause)}` })
  }),
  (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true }))
)

/** What a table is in SQL. */
const relationOf = (
  name: string,
  source: Source,
  file: string
): Effect.Effect<string, DuckdbError | ArtifactError, ArtifactStore> =>
  Effect.gen(function* () {
    if (typeof source === "string") return ofFiles([source])
    if (Array.isArray(source)) return ofFiles(source as ReadonlyArray<string>)
    if (Ref.isRef(source)) {
      if (source.format !== "dataset") return ofFiles([yield* Ref.path(source)])
      return yield* relationOf(name, (yield* source) as Dataset<any>, file) // by its format
    }
    if (source instanceof StoredDataset) {
      return source.parts.length === 0 ? ofNothing(source.table.fields) : ofFiles(yield* source.paths)
    }
    const refused = (why: string) => new DuckdbError({ reason: "table", message: `Table ${name}: ${why}` })
    if (typeof source !== "object" || !("columns" in source)) {
      return yield* refused("expected a table, a dataset, a ref of one, or the paths of files")
    }
    const fields = fieldsOf(source.columns)
    yield* Effect.mapError(Parquet.write(file, tableOf(fields), source as Table<TableFields>), ({ message }) =>
      refused(message.slice(file.length + 2))
    )
    return ofFiles([file])
  })

const readers = { csv: "read_csv", json: "read_json" }

const ofFiles = (files: ReadonlyArray<string>): string => {
  const format = textFormat(files[0] ?? "")
  const reader = format === undefined ? "read_parquet" : readers[format]
  return `select * from ${reader}([${files.map(Driver.quote).join(", ")}])`
}

/** A relation of no rows, with the columns of a dataset that has no parts. */
const ofNothing = (fields: TableFields): string => {
  const columns = ColumnType.lazy(fields)().map(
    (type) => `null::${NestedLayout.sqlTypeOf(type)} as ${Driver.quoteName(type.name)}`
  )
  return `select ${columns.join(", ")} where false`
}

/** Reads the file of a result as what was asked for. */
const resultOf = Effect.fnUntraced(function* (
  file: string,
  as: TableArtifact<TableFields> | DatasetArtifact<TableFields> | undefined
) {
  const refused = ({ message }: { readonly message: string }) =>
    new DuckdbError({ reason: "result", message: `The result of the query: ${message.replace(`${file}: `, "")}` })
  if (as === undefined) return yield* Effect.mapError(Parquet.readAny(file), refused)
  if (!("table" in as)) return yield* Effect.mapError(Parquet.read(file, as), refused)
  const { open, readGroups } = yield* Modules.reader
  const source = yield* Effect.mapError(openSource(file), refused)
  const opened = yield* Effect.mapError(open(source, ColumnType.lazy(as.fields)()), refused)
  const rows = Stream.mapEffect(Stream.fromIterable(opened.meta.row_groups.keys()), (group) =>
    Effect.mapError(readGroups(opened, group, group + 1), refused)
  )
  return yield* as.write(rows as Stream.Stream<Table<TableFields>, DuckdbError>) // each column was checked by its type
})
