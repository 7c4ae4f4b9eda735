import { mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { parquetReadObjects } from "hyparquet"
import { parquetWriteBuffer } from "hyparquet-writer"
import * as Artifact from "../src/Artifact.ts"
import * as Parquet from "../src/Parquet.ts"
import { dataFile, hasData } from "./support/data.ts"
import { temporaryDirectory } from "./support/directory.ts"

const Reviews = Artifact.table({ labels: Schema.Int, review: Schema.String })

const reviews = { numRows: 3, columns: { labels: [0, 1, 1], review: ["poor", "fine — très bien", ""] } }

const write = (path: string, bytes: ArrayBuffer | Uint8Array | string) =>
  Effect.promise(() => writeFile(path, bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes))

describe("Parquet.write and Parquet.read", () => {
  it.effect("return what was written", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "reviews.parquet")
      yield* Parquet.write(path, Reviews, reviews)
      assert.deepStrictEqual(yield* Parquet.read(path, Reviews), reviews)
      assert.deepStrictEqual(yield* Parquet.read(pathToFileURL(path), Reviews), reviews)
      assert.deepStrictEqual(yield* Parquet.read(pathToFileURL(path).href, Reviews), reviews)
    })
  )

  for (const compression of ["zstd", "snappy", "gzip", "none"] as const) {
    it.effect(`write ${compression} that hyparquet reads too`, () =>
      Effect.gen(function* () {
        const path = join(yield* temporaryDirectory, "reviews.parquet")
        const many = {
          numRows: 4000,
          columns: {
            labels: Array.from({ length: 4000 }, (_, i) => i % 2),
            review: Array.from({ length: 4000 }, (_, i) => `review ${i} of many`)
          }
        }
        yield* Parquet.write(path, Reviews, many, { compression, rowGroupSize: 1500 })
        assert.deepStrictEqual(yield* Parquet.read(path, Reviews), many)
        const { compressors } = yield* Effect.promise(() => import("hyparquet-compressors"))
        const rows = yield* Effect.promise(async () =>
          parquetReadObjects({ file: new Uint8Array(await readFile(path)).buffer, compressors })
        )
        assert.deepStrictEqual(rows[3999], { labels: 1n, review: "review 3999 of many" })
      })
    )
  }

  it.effect("read only the declared columns, in any order", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "reviews.parquet")
      yield* Parquet.write(path, Reviews, reviews)
      const table = yield* Parquet.read(path, Artifact.table({ review: Schema.String }))
      assert.deepStrictEqual(table, { numRows: 3, columns: { review: reviews.columns.review } })
      const swapped = yield* Parquet.read(path, Artifact.table({ review: Schema.String, labels: Schema.Int }))
      assert.deepStrictEqual(Object.keys(swapped.columns), ["review", "labels"])
    })
  )

  it.effect("allow a file of no rows", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "empty.parquet")
      const empty = { numRows: 0, columns: { labels: [], review: [] } }
      yield* Parquet.write(path, Reviews, empty)
      assert.deepStrictEqual(yield* Parquet.read(path, Reviews), empty)
    })
  )

  it.effect("write Artifact.column as the narrow types", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "predictions.parquet")
      const table = Artifact.table({
        data: Artifact.column("float32"),
        double: Artifact.column("float64"),
        int: Artifact.column("int32"),
        long: Artifact.column("int64")
      })
      const value = {
        numRows: 2,
        columns: {
          data: Float32Array.of(0.25, 0.1),
          double: Float64Array.of(1, 0.1),
          int: Int32Array.of(1, -1),
          long: BigInt64Array.of(1n, -1n)
        }
      }
      yield* Parquet.write(path, table, value)
      assert.deepStrictEqual(yield* Parquet.describe(path), {
        numRows: 2,
        columns: [
          { name: "data", type: "FLOAT", optional: false },
          { name: "double", type: "DOUBLE", optional: false },
          { name: "int", type: "INT32", optional: false },
          { name: "long", type: "INT64", optional: false }
        ]
      })
      assert.deepStrictEqual(yield* Parquet.read(path, table), value)
      const asNumbers = yield* Parquet.read(
        path,
        Artifact.table({ data: Schema.Number, int: Schema.Int, long: Schema.BigInt })
      )
      assert.deepStrictEqual(asNumbers.columns, { data: [0.25, Math.fround(0.1)], int: [1, -1], long: [1n, -1n] })
    })
  )

  it.effect("leave no file behind where the table does not fit", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const path = join(directory, "reviews.parquet")
      yield* write(path, "what was there before")
      const broken = { numRows: 1, columns: { labels: [0.5], review: ["a"] } }
      const error = yield* Effect.flip(Parquet.write(path, Reviews, broken))
      assert.strictEqual(error.reason, "invalid")
      assert.strictEqual(error.message, `${path}: row 1 of column labels: expected Int, got 0.5`)
      assert.deepStrictEqual(yield* Effect.promise(() => readdir(directory)), ["reviews.parquet"])
      assert.strictEqual(yield* Effect.promise(() => readFile(path, "utf8")), "what was there before")
    })
  )

  it.effect("say why a file can't be written", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const nowhere = join(directory, "nowhere", "a.parquet")
      const noDirectory = yield* Effect.flip(Parquet.write(nowhere, Reviews, reviews))
      assert.strictEqual(noDirectory.reason, "unwritable")
      assert.strictEqual(noDirectory.message, `${nowhere} can't be written: its directory does not exist`)
      const inTheWay = join(directory, "directory")
      yield* Effect.promise(() => mkdir(join(inTheWay, "full"), { recursive: true }))
      const isDirectory = yield* Effect.flip(Parquet.write(inTheWay, Reviews, reviews))
      assert.strictEqual(isDirectory.message, `${inTheWay} can't be written: it is a directory, not a file (EISDIR)`)
    })
  )
})

describe("Parquet.read of bad input", () => {
  /** Writes a file with one column by another writer, reads it as declared, and gives the error. */
  const refuse = Effect.fnUntraced(function* <F extends Artifact.TableFields>(
    fields: F,
    columns: Parameters<typeof parquetWriteBuffer>[0]["columnData"]
  ) {
    const path = join(yield* temporaryDirectory, "a.parquet")
    yield* write(path, parquetWriteBuffer({ columnData: columns }))
    const error = yield* Effect.flip(Parquet.read(path, Artifact.table(fields)))
    assert.strictEqual(error._tag, "ParquetError")
    assert.strictEqual(error.file, path)
    assert.isTrue(error.message.startsWith(`${path}: `), error.message)
    return { ...error, message: error.message.slice(path.length + 2) }
  })

  it.effect("a missing file", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Parquet.read("no/such.parquet", Reviews))
      assert.strictEqual(error.reason, "missing")
      assert.strictEqual(error.message, "no/such.parquet: there is no such file")
    })
  )

  it.effect("a directory", () =>
    Effect.gen(function* () {
      const path = yield* temporaryDirectory
      const error = yield* Effect.flip(Parquet.read(path, Reviews))
      assert.strictEqual(error.reason, "directory")
      assert.strictEqual(error.message, `${path}: it is a directory, not a file`)
    })
  )

  it.effect("what is not Parquet", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "a.txt")
      yield* write(path, "labels,review\n1,fine\n")
      const error = yield* Effect.flip(Parquet.read(path, Reviews))
      assert.strictEqual(error.reason, "notParquet")
      assert.strictEqual(error.message, `${path}: it is not Parquet: it does not start with PAR1`)
      yield* write(path, "")
      assert.strictEqual((yield* Effect.flip(Parquet.read(path, Reviews))).message, `${path}: it is empty`)
      yield* write(path, "PARE then what only its key opens PARE")
      assert.strictEqual((yield* Effect.flip(Parquet.read(path, Reviews))).reason, "unsupported")
    })
  )

  it.effect("truncated Parquet, wherever it ends", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "a.parquet")
      yield* Parquet.write(path, Reviews, reviews)
      const whole = yield* Effect.promise(() => readFile(path))
      for (let length = 4; length < whole.length; length++) {
        yield* write(path, whole.subarray(0, length))
        const error = yield* Effect.flip(Parquet.read(path, Reviews))
        assert.strictEqual(error.reason, "truncated")
        assert.strictEqual(error.message, `${path}: it is truncated: it starts as Parquet and its end is missing`)
      }
    })
  )

  it.effect("bytes altered anywhere: an error or a table, never a defect", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "a.parquet")
      yield* Parquet.write(path, Reviews, reviews, { compression: "snappy" })
      const whole = yield* Effect.promise(() => readFile(path))
      for (let at = 4; at < whole.length - 4; at++) {
        const altered = Buffer.from(whole)
        altered[at] = (altered[at] as number) ^ 0x55 // within its length
        yield* write(path, altered)
        yield* Effect.ignore(Parquet.read(path, Reviews))
      }
    })
  )

  it.effect("a footer that makes no sense", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "a.parquet")
      const bytes = Buffer.from("PAR1 and then nothing of the kind    PAR1")
      bytes.writeUInt32LE(20, bytes.length - 8)
      yield* write(path, bytes)
      const error = yield* Effect.flip(Parquet.read(path, Reviews))
      assert.strictEqual(error.reason, "damaged")
      assert.isTrue(error.message.startsWith(`${path}: it is damaged: its footer makes no sense`), error.message)
    })
  )

  it.effect("a missing column, with those that there are", () =>
    Effect.gen(function* () {
      const error = yield* refuse({ label: Schema.Int }, [
        { name: "labels", data: [1n] },
        { name: "review", data: ["a"] }
      ])
      assert.strictEqual(error.reason, "columnMissing")
      assert.strictEqual(error.column, "label")
      assert.strictEqual(error.message, "it has no column label; its columns are: labels, review")
    })
  )

  it.effect("a column of the wrong type, with what to declare instead", () =>
    Effect.gen(function* () {
      const text = yield* refuse({ n: Schema.Int }, [{ name: "n", data: ["a"] }])
      assert.strictEqual(text.reason, "columnType")
      assert.strictEqual(text.column, "n")
      assert.strictEqual(
        text.message,
        "column n is STRING in the file and Int in the table; declare it as Schema.String"
      )
      const double = yield* refuse({ n: Schema.Int }, [{ name: "n", data: [1.5] }])
      assert.strictEqual(
        double.message,
        "column n is DOUBLE in the file and Int in the table; declare it as Schema.Number"
      )
      const date = yield* refuse({ n: Schema.String }, [{ name: "n", data: [new Date(0)] }])
      assert.strictEqual(
        date.message,
        "column n is TIMESTAMP_MILLIS in the file and String in the table; declare it as Schema.Date"
      )
      const wide = yield* refuse({ n: Artifact.column("float32") }, [{ name: "n", data: [1.5] }])
      assert.strictEqual(
        wide.message,
        "column n is DOUBLE in the file and float32 in the table; declare it as Schema.Number"
      )
    })
  )

  it.effect("null in a required column, with its row", () =>
    Effect.gen(function* () {
      const error = yield* refuse({ review: Schema.String }, [{ name: "review", data: ["a", "b", null, "d"] }])
      assert.strictEqual(error.reason, "null")
      assert.strictEqual(error.column, "review")
      assert.strictEqual(error.row, 3)
      assert.strictEqual(error.message, "row 3 of column review: it is null, and String is required")
    })
  )

  it.effect("null in a required column of a later row group, of a column of few different values", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "a.parquet")
      const data = Array.from({ length: 3000 }, (_, i) => (i === 2345 ? null : `kind ${i % 3}`))
      yield* write(
        path,
        parquetWriteBuffer({ columnData: [{ name: "kind", data, type: "STRING" }], rowGroupSize: 1000 })
      )
      const error = yield* Effect.flip(Parquet.read(path, Artifact.table({ kind: Schema.String })))
      assert.strictEqual(error.row, 2346)
    })
  )

  it.effect("an integer that no number holds", () =>
    Effect.gen(function* () {
      const error = yield* refuse({ n: Schema.Int }, [{ name: "n", data: [1n, 2n ** 53n] }])
      assert.strictEqual(error.reason, "outOfRange")
      assert.strictEqual(error.row, 2)
      assert.strictEqual(
        error.message,
        "row 2 of column n: 9007199254740992 is more than a number holds exactly; declare the column BigInt"
      )
      const optional = yield* refuse({ n: Schema.NullOr(Schema.Int) }, [{ name: "n", data: [null, -(2n ** 60n)] }])
      assert.strictEqual(optional.row, 2)
      const path = join(yield* temporaryDirectory, "a.parquet")
      yield* write(path, parquetWriteBuffer({ columnData: [{ name: "n", data: [-(2n ** 63n), 2n ** 63n - 1n] }] }))
      const wide = yield* Parquet.read(path, Artifact.table({ n: Schema.BigInt }))
      assert.deepStrictEqual(wide.columns.n, [-(2n ** 63n), 2n ** 63n - 1n])
    })
  )

  it.effect("labels other than 0 and 1", () =>
    Effect.gen(function* () {
      const error = yield* refuse({ labels: Schema.Literals([0, 1]) }, [{ name: "labels", data: [0n, 1n, 2n] }])
      assert.strictEqual(error.reason, "invalid")
      assert.strictEqual(error.message, "row 3 of column labels: expected 0 | 1, got 2")
    })
  )

  it.effect("a value that a check rejects, found by its dictionary too", () =>
    Effect.gen(function* () {
      const name = Schema.String.check(Schema.isMinLength(2))
      const plain = yield* refuse({ name }, [{ name: "name", data: ["ab", "c"] }])
      assert.strictEqual(plain.message, 'row 2 of column name: expected a value with a length of at least 2, got "c"')
      const data = Array.from({ length: 500 }, (_, i) => (i === 321 ? "c" : `name ${i % 2}`))
      const repeated = yield* refuse({ name }, [{ name: "name", data, encoding: "RLE_DICTIONARY" }])
      assert.strictEqual(repeated.row, 322)
    })
  )

  it.effect("text that is not UTF-8, found by its dictionary too", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "a.parquet")
      for (const encoding of ["PLAIN", "RLE_DICTIONARY"] as const) {
        const data = Array.from({ length: 500 }, (_, i) => (i === 321 ? "rare" : `name ${i % 2} \uFFFD`))
        const bytes = Buffer.from(
          parquetWriteBuffer({ codec: "UNCOMPRESSED", columnData: [{ name: "name", data, encoding }] })
        )
        yield* write(path, bytes)
        const Names = Artifact.table({ name: Schema.String })
        assert.deepStrictEqual((yield* Parquet.read(path, Names)).columns.name, data)
        bytes[bytes.indexOf("rare")] = 0xff
        yield* write(path, bytes)
        const error = yield* Effect.flip(Parquet.read(path, Names))
        assert.strictEqual(error.row, 322)
        assert.include(error.message, "row 322 of column name: the text is not valid UTF-8")
      }
    })
  )

  it.effect("text that is no JSON in a column of values", () =>
    Effect.gen(function* () {
      const error = yield* refuse({ v: Schema.Struct({ a: Schema.Int }) }, [{ name: "v", data: ['{"a":1}', "{"] }])
      assert.strictEqual(error.message, 'row 2 of column v: "{" is not valid JSON')
    })
  )
})

describe.skipIf(!hasData)("the tutorial's data", () => {
  it.effect("are read as they are", () =>
    Effect.gen(function* () {
      const train = yield* Parquet.read(dataFile("train.parquet"), Reviews)
      assert.strictEqual(train.numRows, 20_377)
      assert.strictEqual(
        train.columns.labels.reduce((sum, label) => sum + label, 0),
        15_698
      )
      assert.strictEqual(
        train.columns.review.reduce((sum, review) => sum + review.length, 0),
        6_678_697
      )
      const valid = yield* Parquet.read(dataFile("valid.parquet"), Reviews)
      assert.strictEqual(valid.numRows, 2264)
      const positive = valid.columns.labels.reduce((sum, label) => sum + label, 0)
      assert.strictEqual((positive / valid.numRows).toFixed(6), "0.772968")
    })
  )

  it.effect("are what hyparquet reads, value by value", () =>
    Effect.gen(function* () {
      const file = dataFile("train.parquet")
      const train = yield* Parquet.read(file, Reviews)
      const rows = yield* Effect.promise(async () =>
        parquetReadObjects({ file: new Uint8Array(await readFile(file)).buffer })
      )
      assert.deepStrictEqual(
        train.columns.review,
        rows.map((row) => row.review)
      )
      assert.deepStrictEqual(
        train.columns.labels,
        rows.map((row) => Number(row.labels))
      )
    })
  )

  it.effect("have the reference's predictions as 32-bit floats", () =>
    Effect.gen(function* () {
      const file = dataFile("sentiment_predictions.parquet")
      const table = yield* Parquet.read(file, Artifact.table({ data: Artifact.column("float32") }))
      assert.strictEqual(table.columns.data.length, 2264)
      assert.isTrue(table.columns.data.every((p) => p >= 0 && p <= 1))
    })
  )
})
