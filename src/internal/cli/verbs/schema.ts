/** The verb `schema`: what a Parquet, CSV or JSON Lines file holds, and the declaration that reads it. */
import * as Effect from "effect/Effect"
import * as Parquet from "../../../Parquet.ts"
import * as Text from "../../text.ts"
import * as Units from "../../units.ts"
import * as Cli from "../cli.ts"
import { styleFor } from "../style.ts"

/** Prints the columns, row groups and statistics of files, and the `Artifact.table({…})` to paste. */
export const schema = (cli: Cli.Cli, files: ReadonlyArray<string>, options: { readonly json: boolean }) =>
  Effect.matchEffect(Parquet.schema(files), {
    onFailure: ({ message }) => Effect.fail(new Cli.Exit({ code: Cli.exitCodes.failed, message: `${message}.` })),
    onSuccess: (schema) =>
      Effect.sync(() => {
        if (options.json) return Cli.print(cli, JSON.stringify(schema, jsonValue, 2))
        const style = styleFor(cli.stdout, cli.environment)
        const header = ["column", "type", "null", "min", "max"].map(style.dim)
        const rows = schema.columns.flatMap((column) => lines(column, ""))
        Cli.print(cli, Text.columns([header, ...rows]))
        Cli.print(cli, "")
        Cli.print(cli, summary(schema, files.length))
        for (const hint of schema.hints) Cli.print(cli, `Hint: ${hint}.`)
        Cli.print(cli, "")
        Cli.print(cli, schema.code)
      })
  })

const jsonValue = (_key: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value)

/** A column, and below it the parts of a nested one. */
const lines = (column: Parquet.ColumnSchema, indent: string): ReadonlyArray<ReadonlyArray<string>> => {
  const { element, fields = [], key, value } = column
  const parts = [
    ...(element === undefined ? [] : [{ ...element, name: "[]" }]),
    ...(key === undefined ? [] : [{ ...key, name: "key" }]),
    ...(value === undefined ? [] : [{ ...value, name: "value" }]),
    ...fields
  ]
  const nulls = column.nullCount === undefined ? (column.optional ? "may be" : "") : String(column.nullCount)
  return [
    [
      indent + Text.printable(column.name),
      `${column.type}${zone(column)}`,
      nulls,
      bound(column.min),
      bound(column.max)
    ],
    ...parts.flatMap((part) => lines(part, `${indent}  `))
  ]
}

const zone = ({ isUtc }: Parquet.FileColumn): string => (isUtc === undefined ? "" : isUtc ? " UTC" : " local")

const bound = (value: Parquet.Bound | undefined): string => {
  if (value === undefined) return ""
  if (value instanceof Date) return value.toISOString().replace("T00:00:00.000Z", "")
  return Text.fit(Text.oneLine(Text.printable(String(value))), 24)
}

const summary = ({ createdBy, numRows, rowGroups }: Parquet.FileSchema, files: number): string => {
  const bytes = rowGroups.reduce((sum, group) => sum + group.bytes, 0)
  const codecs = [...new Set(rowGroups.flatMap(({ columns }) => columns.map(({ compression }) => compression)))]
  const parts = [
    ...(files > 1 ? [Units.plural(files, "file")] : []),
    Units.plural(numRows, "row"),
    Units.plural(rowGroups.length, "row group"),
    ...(bytes > 0 ? [`${Units.bytes(bytes)} (${codecs.join(", ")})`] : []),
    ...(createdBy === undefined ? [] : [`written by ${Text.oneLine(Text.printable(createdBy))}`])
  ]
  return parts.join(", ")
}
