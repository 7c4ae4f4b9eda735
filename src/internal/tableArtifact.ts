/**
 * Tables as an artifact: columns in memory, Parquet in the store. Nothing makes an object of a row.
 */
import * as Effect from "effect/Effect"
import { type Artifact, make, type StorableSchema } from "../Artifact.ts"
import * as Description from "./description.ts"
import * as ParquetFormat from "./parquetFormat.ts"

/** A table's columns: a name, and the schema of a value each. */
export interface TableFields {
  readonly [name: string]: StorableSchema
}

/** A table's values, column by column. */
export type Columns<F extends TableFields> = { readonly [K in keyof F]: ReadonlyArray<F[K]["Type"]> }

/** A table in memory. */
export interface Table<F extends TableFields> {
  readonly numRows: number
  readonly columns: Columns<F>
}

/** A table's artifact, which knows its columns. */
export interface TableArtifact<F extends TableFields> extends Artifact<Table<F>> {
  readonly fields: F
}

/** A table of columns, stored as Parquet. Its value is `{ numRows, columns }`. */
export const table = <const F extends TableFields>(fields: F): TableArtifact<F> => ({
  ...make<Table<F>>({
    format: "table",
    mediaType: "application/vnd.apache.parquet",
    description: Description.lazy(() =>
      Description.make({
        format: "table",
        columns: Object.entries(fields).map(([name, schema]) => ({ name, schema: Description.represent(schema) }))
      })
    ),
    encode: (value) => Effect.suspend(() => ParquetFormat.encode(fields, value)),
    decode: (stored) => Effect.flatMap(stored.bytes, (bytes) => ParquetFormat.decode(fields, bytes))
  }),
  fields
})
