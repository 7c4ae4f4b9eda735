/**
 * Tables as an artifact: columns in memory, Parquet in the store. Nothing makes an object of a row.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AsyncBuffer } from "hyparquet"
import * as Checked from "../checked.ts"
import { ColumnError } from "../parquet/columnCodec.ts"
import * as ColumnType from "../parquet/columnType.ts"
import type { FileError } from "../parquet/footer.ts"
import * as Parquet from "../parquet/lazy.ts"
import { bufferOf, openSource } from "../parquet/source.ts"
import type { AnyTable } from "../parquet/writer.ts"
import { oneEffect } from "../requirements.ts"
import { CodecError } from "../schema/codecError.ts"
import * as Description from "../schema/description.ts"
import { type Problem, problemOf } from "../schema/schemaTraits.ts"
import type { StorableSchema } from "../schema/storableSchema.ts"
import { type Artifact, make, type Sharing, type Stored } from "./artifact.ts"
import * as Spill from "./spill.ts"
import { comesBackEqual, sharingOf, snapshot } from "./tableCopies.ts"

/** A table's columns: a name, and the schema of a value each, or `Artifact.column` for plain numbers. */
export interface TableFields {
  readonly [name: string]: ColumnType.ColumnField
}

/** The values of a column. */
export type Column<F> =
  F extends ColumnType.NumberColumn<infer T>
    ? ColumnType.NumberArrays[T]
    : F extends StorableSchema
      ? ReadonlyArray<F["Type"]>
      : never

/** A table's values, column by column. */
export type Columns<F extends TableFields> = { readonly [K in keyof F]: Column<F[K]> }

/** A table in memory. */
export interface Table<F extends TableFields> {
  readonly numRows: number
  readonly columns: Columns<F>
}

/** A table's artifact, which knows its columns. */
export interface TableArtifact<F extends TableFields> extends Artifact<Table<F>> {
  readonly fields: F
}

/**
 * A table, stored as Parquet. Its value is `{ numRows, columns }`.
 *
 * Columns that are not declared are not stored. A receiver gets frozen lists, and a copy of its own of every column that
 * can't be frozen (typed arrays, dates, bytes), made when it first looks at the column.
 *
 * @param fields A name and a schema for each column. Numbers, texts, booleans, bigints, dates and bytes, and arrays,
 * structs, records, maps and sets of them, have Parquet's own types, null beside them included; other values are stored
 * as JSON text. `Artifact.column` declares a column that is a typed array.
 *
 * @example
 * ```ts
 * const Reviews = Artifact.table({ review: Schema.String, stars: Schema.Int, weight: Artifact.column("float32") })
 * ```
 */
export const table = <const F extends TableFields>(fields: F): TableArtifact<F> => {
  Checked.things(
    "The argument of Artifact.table",
    fields,
    "an object of schemas by name, such as { review: Schema.String }"
  )
  Object.values(fields).forEach(oneEffect)
  const types = ColumnType.lazy(fields)
  const description = Description.lazy(() =>
    Description.make({ format: "table", columns: Object.entries(fields).map(describe) })
  )
  const encode = Effect.fnUntraced(function* (value: AnyTable) {
    const spill = Spill.make()
    const { write } = yield* Parquet.writer
    return yield* Effect.onError(
      Effect.andThen(Effect.mapError(write(types(), value, spill.add), errorOf), spill.end),
      () => spill.discard
    )
  })
  const encodeTable = (value: unknown) => {
    const problem = problemIn(fields)
    return problem === undefined
      ? encode(value as AnyTable) // the writer looks at the table, and refuses what is none
      : Effect.fail(new CodecError({ path: problem.path, message: `it ${problem.message}` }))
  }
  let shared: { readonly sharing: Sharing<Table<F>> | undefined } | undefined
  return {
    ...make<Table<F>>({
      format: "table",
      mediaType: "application/vnd.apache.parquet",
      description,
      encode: (value) => Effect.suspend(() => encodeTable(value)),
      decode: Effect.fnUntraced(function* (stored) {
        const { read } = yield* Parquet.reader
        const { columns, numRows } = yield* Effect.scoped(
          Effect.flatMap(sourceOf(stored), (source) => Effect.mapError(read(source, types()), errorOf))
        )
        return Object.freeze({ numRows, columns: Object.freeze(columns) as Columns<F> }) // each was checked by its type
      }),
      capture: (value) => {
        const copied = snapshot(types(), value as unknown as AnyTable)
        return Effect.map(encodeTable(copied), (encoded) => {
          if (!comesBackEqual(types(), copied)) return { encoded }
          const { columns, numRows } = copied as Table<F> // the writer has checked every value
          return { encoded, decoded: { value: Object.freeze({ numRows, columns: Object.freeze(columns) }) } }
        })
      },
      sharing: () => {
        shared ??= { sharing: sharingOf(types(), fields, description) as Sharing<Table<F>> | undefined } // of these fields
        return shared.sharing
      },
      problem: () => problemIn(fields)
    }),
    fields
  }
}

/** A table larger than this is read from a file, a row group at a time. */
const maxInMemoryBytes = 64 * 1024 ** 2

const sourceOf = <E>({ bytes, path, size = 0 }: Stored<E>): Effect.Effect<AsyncBuffer, E | CodecError, Scope.Scope> =>
  size <= maxInMemoryBytes
    ? Effect.map(bytes, bufferOf)
    : Effect.flatMap(path, (path) =>
        Effect.mapError(openSource(path), ({ message }) => new CodecError({ message: `${path}: ${message}` }))
      )

const problemIn = (fields: TableFields): Problem | undefined => {
  for (const [name, field] of Object.entries(fields)) {
    const problem = ColumnType.isNumberColumn(field) ? undefined : problemOf(field)
    if (problem !== undefined) return { ...problem, path: ["columns", name, ...problem.path] }
  }
  return undefined
}

const describe = ([name, field]: readonly [string, ColumnType.ColumnField]) =>
  ColumnType.isNumberColumn(field) ? { name, numbers: field.type } : { name, schema: Description.represent(field) }

const errorOf = (fault: ColumnError | FileError): CodecError => {
  if (!(fault instanceof ColumnError)) return new CodecError({ message: fault.message })
  return new CodecError({
    message: fault.message,
    path: fault.row === undefined ? ["columns", fault.column] : ["columns", fault.column, fault.row]
  })
}
