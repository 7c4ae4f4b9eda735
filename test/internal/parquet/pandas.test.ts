/** Files that pandas writes say so; what is odd about their columns comes with a hint. */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { parquetWriteFile } from "hyparquet-writer"
import * as Artifact from "../../../src/Artifact.ts"
import * as Parquet from "../../../src/Parquet.ts"
import { temporaryDirectory } from "../../support/directory.ts"

/** A DataFrame as pandas writes it: an index that is a column, and integers with a missing value, which became doubles. */
const dataFrame = Effect.map(temporaryDirectory, (directory) => {
  const filename = join(directory, "frame.parquet")
  const metadata = {
    index_columns: ["__index_level_0__"],
    columns: [{ name: "stars", field_name: "stars", pandas_type: "float64", numpy_type: "float64" }]
  }
  parquetWriteFile({
    filename,
    columnData: [
      { name: "stars", data: [5, null, 3], type: "DOUBLE" },
      { name: "score", data: [0.5, null, 3], type: "DOUBLE" },
      { name: "__index_level_0__", data: ["a", "b", "c"], type: "STRING" }
    ],
    kvMetadata: [{ key: "pandas", value: JSON.stringify(metadata) }]
  })
  return filename
})

describe("a file that pandas wrote", () => {
  it.effect("has hints about integers with missing values, and about its index", () =>
    Effect.gen(function* () {
      const { hints } = yield* Parquet.schema(yield* dataFrame)
      assert.lengthOf(hints, 2)
      assert.match(hints[0] ?? "", /^__index_level_0__ is the index of the DataFrame/)
      assert.match(hints[1] ?? "", /^stars is DOUBLE and has missing values between whole numbers/)
    })
  )

  it.effect("says why a column of integers holds doubles", () =>
    Effect.gen(function* () {
      const file = yield* dataFrame
      const { message } = yield* Effect.flip(Parquet.read(file, Artifact.table({ stars: Schema.NullOr(Schema.Int) })))
      assert.include(message, "column stars is DOUBLE in the file")
      assert.include(message, "(pandas stores integers with missing values that way)")
      const { columns } = yield* Parquet.read(file, Artifact.table({ stars: Schema.NullOr(Schema.Number) }))
      assert.deepStrictEqual(columns.stars, [5, null, 3])
    })
  )
})
