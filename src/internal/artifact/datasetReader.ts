/**
 * Reads a dataset's rows: part after part, row group after row group, so that one group of the wanted columns is in memory
 * at a time. Parts are skipped by the statistics of the dataset, row groups by those of their file.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ArtifactError, ArtifactStore } from "../../ArtifactStore.ts"
import type { RefRecord } from "../../RunRecord.ts"
import type { ColumnType } from "../parquet/columnType.ts"
import { type Condition, conditionsOf, type Known, rowsThatFit } from "../parquet/condition.ts"
import type { Metadata } from "../parquet/footer.ts"
import * as Parquet from "../parquet/lazy.ts"
import type { ReadTable } from "../parquet/reader.ts"
import { openSource } from "../parquet/source.ts"
import type { Part } from "./datasetManifest.ts"
import { labelOf, pathOf } from "./values.ts"

/** A part, and the record of its artifact. */
export interface StoredPart extends Part {
  readonly record: RefRecord
}

/** The rows of parts that fit `where`, and of them the wanted columns. */
export const scan = (
  types: ReadonlyArray<ColumnType>,
  parts: ReadonlyArray<StoredPart>,
  {
    columns,
    where = {}
  }: { readonly columns?: ReadonlyArray<string>; readonly where?: { readonly [column: string]: unknown } }
): Stream.Stream<ReadTable, ArtifactError, ArtifactStore> => {
  const refused = (message: string) => Stream.fail(new ArtifactError({ reason: "invalid", message }))
  const names = types.map(({ name }) => name)
  const missing = columns?.find((column) => !names.includes(column))
  if (missing !== undefined) {
    return refused(`The dataset has no column ${missing}; its columns are: ${names.join(", ")}.`)
  }
  const conditions = conditionsOf(types, where)
  if (typeof conditions === "string") return refused(`A dataset can't be scanned: ${conditions}.`)
  const wanted = columns ?? names
  const needed = new Set([...wanted, ...conditions.map(({ column }) => column)])
  const read = types.filter(({ name }) => needed.has(name))
  return Stream.fromIterable(
    parts.filter(({ numRows, statistics }) =>
      conditions.every(({ column, mayHold }) => mayHold(statistics[column] ?? {}, numRows))
    )
  ).pipe(
    Stream.flatMap((part) => readPart(part, read, conditions)),
    Stream.map((table) => pick(table, wanted, conditions)),
    Stream.filter(({ numRows }) => numRows > 0)
  )
}

const readPart = (part: StoredPart, types: ReadonlyArray<ColumnType>, conditions: ReadonlyArray<Condition>) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { open, readGroups } = yield* Parquet.reader
      const path = yield* pathOf(yield* ArtifactStore, part.record)
      const damaged = (fault: { readonly message: string }) =>
        new ArtifactError({
          reason: "invalid",
          artifact: labelOf(part.record),
          digest: part.digest,
          message: `${labelOf(part.record)} can't be read: ${fault.message}.`
        })
      const file = yield* Effect.mapError(openSource(path), damaged)
      const opened = yield* Effect.mapError(open(file, types), damaged)
      const groups = yield* groupsThatMayFit(opened.meta, conditions)
      return Stream.mapEffect(Stream.fromIterable(groups), (group) =>
        Effect.mapError(readGroups(opened, group, group + 1), damaged)
      )
    })
  )

const groupsThatMayFit = Effect.fnUntraced(function* (meta: Metadata, conditions: ReadonlyArray<Condition>) {
  const all = [...meta.row_groups.keys()]
  if (conditions.length === 0) return all
  const { fileSchema } = yield* Parquet.schema
  const { rowGroups } = fileSchema(meta)
  return all.filter((group) =>
    conditions.every(({ column, mayHold }) => {
      const chunk = rowGroups[group]?.columns.find(({ path }) => path === column)
      return chunk === undefined || mayHold(whole(chunk), chunk.numValues)
    })
  )
})

/** Bounds without the halves of characters at which long texts were cut. */
const whole = ({ max, min, nullCount }: Known): Known => ({
  nullCount,
  min: typeof min === "string" ? min.split("\uFFFD", 1)[0] : min,
  max: typeof max === "string" && max.includes("\uFFFD") ? undefined : max
})

const pick = (
  { columns, numRows }: ReadTable,
  wanted: ReadonlyArray<string>,
  conditions: ReadonlyArray<Condition>
): ReadTable => {
  const rows = rowsThatFit(conditions, numRows, columns)
  return {
    numRows: rows?.length ?? numRows,
    columns: Object.fromEntries(
      wanted.map((name) => {
        const values = columns[name] as ReadTable["columns"][string] // it was read
        return [name, rows === undefined ? values : chosen(values, rows)]
      })
    )
  }
}

const chosen = (values: ReadTable["columns"][string], rows: ReadonlyArray<number>): ReadTable["columns"][string] => {
  if (Array.isArray(values)) return rows.map((row) => values[row])
  const some = values.slice(0, rows.length)
  rows.forEach((row, i) => {
    some[i] = values[row] as never // of the same array
  })
  return some
}
