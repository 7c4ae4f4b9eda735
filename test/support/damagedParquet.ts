/**
 * Sound Parquet files of every encoding, codec and shape, damaged at random: bits flipped, bytes replaced, pieces cut out,
 * doubled or overwritten, footers rewritten. A reader must end in a table or in a typed error, soon, without much memory.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { parquetWriteBuffer } from "hyparquet-writer"
import * as Artifact from "../../src/Artifact.ts"
import * as Parquet from "../../src/Parquet.ts"
import * as DuckDb from "./duckdb.ts"

/** A sound file. */
export interface Sound {
  readonly name: string
  readonly bytes: Uint8Array
  /** Whether its pages carry checksums, so that no altered page may pass. */
  readonly hasChecksums: boolean
}

const rows = 300
const count = Array.from({ length: rows }, (_, i) => i)

/** Makes the sound files in a directory. */
export const soundFiles = Effect.fnUntraced(function* (directory: string) {
  const files: Array<Sound> = []
  const add = (name: string, bytes: Uint8Array, hasChecksums = false) => files.push({ name, bytes, hasChecksums })
  const table = Artifact.table({
    int: Schema.Int,
    text: Schema.NullOr(Schema.String),
    same: Schema.String,
    json: Schema.Array(Schema.Int),
    float: Artifact.column("float32")
  })
  for (const compression of ["zstd", "snappy", "gzip", "none"] as const) {
    const path = join(directory, `${compression}.parquet`)
    const columns = {
      int: count,
      text: count.map((i) => (i % 5 === 0 ? null : `text ${i}`)),
      same: count.map((i) => `kind ${i % 3}`),
      json: count.map((i) => [i, i + 1]),
      float: Float32Array.from(count)
    }
    yield* Parquet.write(path, table, { numRows: rows, columns }, { compression, rowGroupSize: 128 })
    add(`ours, ${compression}`, readFileSync(path), true)
  }
  const encoded = [
    ["DELTA_BINARY_PACKED", count.map(BigInt), "INT64"],
    ["DELTA_LENGTH_BYTE_ARRAY", count.map((i) => `text ${i}`), "STRING"],
    ["DELTA_BYTE_ARRAY", count.map((i) => `text ${i}`), "STRING"],
    ["BYTE_STREAM_SPLIT", count.map((i) => i / 4), "DOUBLE"],
    ["RLE", count.map((i) => i % 3 === 0), "BOOLEAN"]
  ] as const
  for (const [encoding, data, type] of encoded) {
    const file = parquetWriteBuffer({ columnData: [{ name: "c", data: [...data], encoding, type }], pageSize: 512 })
    add(`hyparquet-writer, ${encoding}`, new Uint8Array(file))
  }
  if (DuckDb.unavailable === undefined) {
    for (const [codec, version] of [
      ["brotli", "V1"],
      ["lz4_raw", "V2"],
      ["zstd", "V2"]
    ]) {
      const path = join(directory, `duckdb-${codec}.parquet`)
      yield* DuckDb.query(`copy (select [i, null] as list, map {'k' || i: [i]} as map, {'a': i, 'b': [{'c': 'x'}]} as struct,
        (i / 8)::decimal(20, 3) as decimal, 'ab'::blob as blob, timestamp '2020-01-01' as at, uuid() as uuid
        from range(${rows}) r(i)) to '${path}' (format parquet, codec ${codec}, parquet_version ${version})`)
      add(`DuckDB, ${codec}, ${version}`, readFileSync(path))
    }
  }
  return files
})

/** A generator of random numbers below 1 from a seed: mulberry32. */
export const randomOf = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
}

/** A file, damaged. Some of the time the footer is hit, which is where sizes and offsets are. */
export const mutate = ({ bytes }: Sound, random: () => number): Uint8Array => {
  const below = (limit: number) => Math.floor(random() * limit)
  const footer = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 8, 4).getUint32(0, true)
  const footerAt = bytes.length - 8 - footer
  const [from, to] = random() < 0.5 ? [4, footerAt] : [footerAt, bytes.length - 4]
  const place = () => from + below(to - from)
  const altered = new Uint8Array(bytes)
  const at = place()
  switch (below(6)) {
    case 0:
      altered[at] = (altered[at] as number) ^ (1 << below(8)) // within its length
      return altered
    case 1:
      for (let i = 0; i < 1 + below(8); i++) altered[place()] = below(256)
      return altered
    case 2:
      altered.fill(random() < 0.5 ? 0xff : 0, at, at + 1 + below(12))
      return altered
    case 3: {
      const length = 1 + below(16)
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
    }
    case 4: {
      const length = 1 + below(16)
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)])
    }
    default:
      altered.set(bytes.subarray(place()).subarray(0, 8), Math.min(at, bytes.length - 8))
      return altered
  }
}
