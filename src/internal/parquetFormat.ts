/** A table's columns to Parquet bytes and back. */
import * as Effect from "effect/Effect"
import { parquetMetadata, parquetRead } from "hyparquet"
import { compressors } from "hyparquet-compressors"
import { parquetWriteBuffer } from "hyparquet-writer"
import { CodecError } from "../Artifact.ts"
import type { Columns, Table, TableFields } from "./tableArtifact.ts"

const isInt = (fields: TableFields, name: string) => JSON.stringify(fields[name]?.ast.checks ?? []).includes("isInt")

export const encode = <F extends TableFields>(fields: F, value: Table<F>) =>
  Effect.try({
    try: () => [
      new Uint8Array(
        parquetWriteBuffer({
          columnData: Object.keys(fields).map((name) => {
            const data = value.columns[name] as ReadonlyArray<any>
            if (data.length !== value.numRows) {
              throw new Error(`column ${name} has ${data.length} values and the table ${value.numRows} rows`)
            }
            return { name, data: isInt(fields, name) ? data.map((item) => BigInt(item)) : [...data] }
          })
        })
      )
    ],
    catch: (cause) => new CodecError({ message: (cause as Error).message })
  })

export const decode = <F extends TableFields>(fields: F, bytes: Uint8Array) =>
  Effect.tryPromise({
    try: async (): Promise<Table<F>> => {
      const buffer = bytes.slice().buffer
      const metadata = parquetMetadata(buffer)
      const columns: Record<string, Array<unknown>> = Object.fromEntries(Object.keys(fields).map((name) => [name, []]))
      await parquetRead({
        file: buffer,
        metadata,
        columns: Object.keys(fields),
        compressors,
        onChunk: ({ columnData, columnName }) => {
          for (const item of columnData) columns[columnName]?.push(isInt(fields, columnName) ? Number(item) : item)
        }
      })
      return { numRows: Number(metadata.num_rows), columns: columns as Columns<F> }
    },
    catch: (cause) => new CodecError({ message: (cause as Error).message })
  })
