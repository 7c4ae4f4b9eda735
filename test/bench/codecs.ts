/**
 * What the codecs cost: JSON of small values and of a list, 500 MB of tensors encoded and decoded, tables to Parquet and
 * back, and the tutorial's data (where they are) beside what hyparquet takes for the same columns and for rows.
 */
import { readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { parquetRead } from "hyparquet"
import { compressors } from "hyparquet-compressors"
import { parquetWriteBuffer } from "hyparquet-writer"
import * as Artifact from "../../src/Artifact.ts"
import * as Parquet from "../../src/Parquet.ts"
import { decode, encode } from "../support/codec.ts"
import { dataFile, hasData } from "../support/data.ts"

const line = (name: string, text: string) => console.log(`${name.padEnd(58)} ${text}`)

/** The shortest and the median of some rounds. */
const time = async (name: string, run: () => unknown, { each = 1, rounds = 9 } = {}) => {
  const times: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    for (let i = 0; i < each; i++) {
      const result = run()
      if (result instanceof Promise) await result
    }
    times.push((performance.now() - start) / each)
  }
  times.sort((a, b) => a - b)
  const text = (ms: number) => (ms < 0.1 ? `${(ms * 1000).toFixed(2)} µs` : `${ms.toFixed(1)} ms`)
  line(name, `min ${text(times[0] as number)}, median ${text(times[rounds >> 1] as number)}`) // there is a round
}

console.log("JSON")
const number = Artifact.json(Schema.Number)
const struct = Artifact.json(Schema.Struct({ a: Schema.Int, b: Schema.String, c: Schema.Array(Schema.Number) }))
const small = { a: 1, b: "x", c: [1, 2, 3] }
const stored = { bytes: Effect.succeed(await Effect.runPromise(encode(struct, small))), path: Effect.die("no path") }
await time("a number: encode", () => Effect.runSync(number.encode(3)), { each: 100_000 })
await time("a struct of three fields: encode", () => Effect.runSync(struct.encode({ a: 1, b: "x", c: [1, 2, 3] })), {
  each: 100_000
})
await time("the same: decode", () => Effect.runSync(struct.decode(stored)), { each: 100_000 })
const list = Artifact.json(Schema.Array(Schema.Struct({ id: Schema.Int, name: Schema.String, score: Schema.Number })))
const items = Array.from({ length: 100_000 }, (_, id) => ({ id, name: `n${id}`, score: id / 4 }))
await time("a list of 100,000 structs: encode", () => Effect.runSync(list.encode(items)))
await time("the same by JSON.stringify, unchecked", () => JSON.stringify(items))

console.log("\nTensors, 500 MB of 32-bit floats")
const weights = new Float32Array(125_000_000).fill(1)
const model = Artifact.tensors({ w: { dtype: "F32" } })
const rss = () => process.memoryUsage().rss / 1e6
const before = rss()
const value = { tensors: { w: { dtype: "F32" as const, shape: [125_000_000], data: weights } }, metadata: {} }
await time("encode", () => Effect.runSync(model.encode(value)))
const parts = Effect.runSync(model.encode(value)) as ReadonlyArray<Uint8Array>
line(
  "bytes held beside the tensor",
  `${(rss() - before).toFixed(1)} MB; the tensor's own memory is handed on: ${parts[1]?.buffer === weights.buffer}`
)
const whole = new Uint8Array(8 + 500_000_000 + 200)
whole.set(parts[0] as Uint8Array) // the header
const bytes = whole.subarray(0, (parts[0] as Uint8Array).length + 500_000_000)
await time("decode", () => Effect.runSync(decode(model, bytes)))

console.log("\nTables, a million rows")
const rows = 1_000_000
const column = Array.from({ length: rows }, (_, i) => i)
const tables: ReadonlyArray<readonly [string, Artifact.TableArtifact<any>, ArrayLike<unknown>]> = [
  ["Int", Artifact.table({ x: Schema.Int }), column],
  ["Number", Artifact.table({ x: Schema.Number }), column.map((i) => Math.sin(i))],
  [
    "NullOr(Number)",
    Artifact.table({ x: Schema.NullOr(Schema.Number) }),
    column.map((i) => (i % 3 === 0 ? null : Math.sin(i)))
  ],
  ["String, 37 different ones", Artifact.table({ x: Schema.String }), column.map((i) => `category ${i % 37}`)],
  ["Literals([0, 1])", Artifact.table({ x: Schema.Literals([0, 1]) }), column.map((i) => i % 2)],
  [
    'column("float32"), random',
    Artifact.table({ x: Artifact.column("float32") }),
    Float32Array.from(column, Math.random)
  ]
]
for (const [name, artifact, x] of tables) {
  const table = { numRows: rows, columns: { x } } as unknown as Artifact.Table<any> // each fits its own artifact
  const bytes = await Effect.runPromise(encode(artifact, table))
  await time(
    `${name}: encode (${(bytes.length / 1e6).toFixed(2)} MB)`,
    () => Effect.runPromise(artifact.encode(table)),
    { rounds: 5 }
  )
  await time(`${name}: decode`, () => Effect.runPromise(decode(artifact, bytes)), { rounds: 5 })
}

if (hasData) {
  console.log("\nThe tutorial's training data: 20,377 reviews")
  const Reviews = Artifact.table({ labels: Schema.Int, review: Schema.String })
  const path = dataFile("train.parquet")
  const file = new Uint8Array(readFileSync(path)).buffer
  await time("Parquet.read, both columns", () => Effect.runPromise(Parquet.read(path, Reviews)), { rounds: 25 })
  await time(
    "Parquet.read, labels alone",
    () => Effect.runPromise(Parquet.read(path, Artifact.table({ labels: Schema.Int }))),
    {
      rounds: 25
    }
  )
  await time(
    "hyparquet's columns, from memory, unchecked",
    () => parquetRead({ file, compressors, onChunk: () => undefined }),
    {
      rounds: 25
    }
  )
  await time(
    "hyparquet's rows, from memory, unchecked",
    () => parquetRead({ file, compressors, rowFormat: "object", onComplete: () => undefined }),
    {
      rounds: 25
    }
  )
  const train = await Effect.runPromise(Parquet.read(path, Reviews))
  const bytes = await Effect.runPromise(encode(Reviews, train))
  await time(
    `Artifact.table encode (${(bytes.length / 1e6).toFixed(2)} MB)`,
    () => Effect.runPromise(Reviews.encode(train)),
    { rounds: 15 }
  )
  await time("Artifact.table decode", () => Effect.runPromise(decode(Reviews, bytes)), { rounds: 15 })
  const out = join(tmpdir(), "effect-flow-bench.parquet")
  for (const compression of ["zstd", "none", "snappy"] as const) {
    await time(
      `Parquet.write, ${compression}`,
      () => Effect.runPromise(Parquet.write(out, Reviews, train, { compression })),
      { rounds: 9 }
    )
  }
  const { labels, review } = train.columns
  await time("hyparquet-writer, snappy, to memory", () =>
    parquetWriteBuffer({
      columnData: [
        { name: "labels", data: BigInt64Array.from(labels, BigInt) },
        { name: "review", data: [...review] }
      ]
    })
  )
}
