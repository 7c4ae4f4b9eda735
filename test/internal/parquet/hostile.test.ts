/** Files that lie: about sizes, counts, offsets, levels and schemas. Each ends in a typed error, without their memory. */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { gzipSync, zstdCompressSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { ColumnMetaData, PageHeader, SchemaElement } from "hyparquet"
import { ByteWriter } from "hyparquet-writer"
import { writePageHeader } from "hyparquet-writer/src/datapage.js"
import { writeMetadata } from "hyparquet-writer/src/metadata.js"
import * as Artifact from "../../../src/Artifact.ts"
import * as Parquet from "../../../src/Parquet.ts"
import { mutate, randomOf, soundFiles } from "../../support/damagedParquet.ts"
import { temporaryDirectory } from "../../support/directory.ts"

const rounds = Number(process.env.EFFECT_FLOW_MUTATIONS ?? 200)
const seed = Number(process.env.EFFECT_FLOW_MUTATIONS_SEED ?? 7)

interface Crafted {
  readonly header?: Partial<PageHeader>
  readonly v1?: Partial<NonNullable<PageHeader["data_page_header"]>>
  readonly body?: Uint8Array
  readonly element?: Partial<SchemaElement>
  readonly meta?: Partial<ColumnMetaData>
  readonly numRows?: bigint
}

/** A file of one INT64 column `c` of one page, with any part of it put otherwise. */
const craft = ({ body = new Uint8Array(16), element, header, meta, numRows = 2n, v1 }: Crafted): Uint8Array => {
  const page = new ByteWriter()
  writePageHeader(page, {
    type: "DATA_PAGE",
    uncompressed_page_size: body.length,
    compressed_page_size: body.length,
    data_page_header: {
      num_values: 2,
      encoding: "PLAIN",
      definition_level_encoding: "RLE",
      repetition_level_encoding: "RLE",
      ...v1
    },
    ...header
  })
  page.appendBytes(body)
  const pages = page.getBytes()
  const size = BigInt(pages.length)
  const footer = new ByteWriter()
  const schema = { name: "c", type: "INT64" as const, repetition_type: "REQUIRED" as const, ...element }
  writeMetadata(footer, {
    version: 2,
    created_by: "test",
    schema: [{ name: "r", num_children: 1 }, schema],
    num_rows: numRows,
    row_groups: [
      {
        columns: [
          {
            file_offset: 4n,
            meta_data: {
              type: schema.type,
              encodings: ["PLAIN"],
              path_in_schema: ["c"],
              codec: "UNCOMPRESSED",
              num_values: numRows,
              total_uncompressed_size: size,
              total_compressed_size: size,
              data_page_offset: 4n,
              ...meta
            }
          }
        ],
        total_byte_size: size,
        num_rows: numRows
      }
    ],
    metadata_length: 0
  })
  const magic = new TextEncoder().encode("PAR1")
  return Buffer.concat([magic, pages, footer.getBytes(), magic])
}

const column = Artifact.table({ c: Schema.BigInt })

const refuse = Effect.fnUntraced(function* (bytes: Uint8Array, table: Artifact.TableArtifact<any> = column) {
  const path = join(yield* temporaryDirectory, "a.parquet")
  yield* Effect.promise(() => writeFile(path, bytes))
  const before = process.memoryUsage().rss
  const error = yield* Effect.flip(Parquet.read(path, table))
  assert.strictEqual(error._tag, "ParquetError")
  assert.isBelow(process.memoryUsage().rss - before, 100 * 1024 ** 2, "memory")
  return error.message.slice(path.length + 2)
})

const where = "it is damaged: column c of row group 1 can't be decoded"
const million = new Uint8Array(50_000_000)

const lies: ReadonlyArray<readonly [what: string, file: () => Uint8Array, message: string]> = [
  [
    "a gzip page that inflates beyond what it claims",
    () => craft({ body: gzipSync(million), header: { uncompressed_page_size: 16 }, meta: { codec: "GZIP" } }),
    `${where} (a page holds more than the 16 bytes it claims)`
  ],
  [
    "a Zstandard page that inflates beyond what it claims",
    () => craft({ body: zstdCompressSync(million), header: { uncompressed_page_size: 16 }, meta: { codec: "ZSTD" } }),
    `${where} (a page holds more than the 16 bytes it claims)`
  ],
  [
    "a page that holds less than it claims",
    () => craft({ body: gzipSync(new Uint8Array(8)), header: { uncompressed_page_size: 16 }, meta: { codec: "GZIP" } }),
    `${where} (a page holds 8 bytes and claims 16)`
  ],
  [
    "a Snappy page that claims more than any can hold",
    () => craft({ header: { uncompressed_page_size: 500_000_000 }, meta: { codec: "SNAPPY" } }),
    `${where} (a page of 16 bytes claims to hold 500000000)`
  ],
  [
    "an LZ4 page that refers to what is not there",
    () =>
      craft({
        body: Uint8Array.of(0x14, 1, 9, 9, 0),
        header: { uncompressed_page_size: 16 },
        meta: { codec: "LZ4_RAW" }
      }),
    `${where} (an LZ4 page refers to bytes outside of it)`
  ],
  [
    "a page that is longer than its column",
    () => craft({ header: { compressed_page_size: 1_000_000 } }),
    `${where} (a page is longer than its column)`
  ],
  [
    "a page of negative size",
    () => craft({ header: { compressed_page_size: -1 } }),
    `${where} (a page has an impossible size)`
  ],
  [
    "a page of more values than the row group",
    () => craft({ v1: { num_values: 3 } }),
    `${where} (a page has more values than its row group)`
  ],
  [
    "a page of fewer bytes than values",
    () => craft({ body: new Uint8Array(12) }),
    `${where} (a page has fewer values than it claims)`
  ],
  [
    "texts that are longer than their page",
    () => craft({ body: Uint8Array.of(255, 255, 255, 127, 0, 0, 0, 0), element: { type: "BYTE_ARRAY" } }),
    `${where} (a string is longer than its page)`
  ],
  [
    "billions of rows in a few bytes",
    () => craft({ numRows: 1n << 40n }),
    "it is damaged: it claims 1099511627776 rows in 122 bytes"
  ],
  ["more rows than it has", () => craft({ numRows: 16_000_000n }), `${where} (its pages end too soon)`],
  [
    "a column beyond the file",
    () => craft({ meta: { data_page_offset: 1n << 50n } }),
    "it is damaged: column c lies outside of it"
  ],
  [
    "a column of negative size",
    () => craft({ meta: { total_compressed_size: -1n } }),
    "it is damaged: column c lies outside of it"
  ],
  [
    "a column of another name than the schema's",
    () => craft({ meta: { path_in_schema: ["d"] } }),
    "it is damaged: row group 1 has no column c"
  ],
  [
    "a column of another type than the schema's",
    () => craft({ meta: { type: "INT32" } }),
    `${where} (it has another type than the schema says)`
  ],
  [
    "indexes without a dictionary",
    () => craft({ v1: { encoding: "RLE_DICTIONARY" } }),
    `${where} (it has no dictionary, and its pages refer to one)`
  ],
  [
    "differences in blocks of no size",
    () => craft({ v1: { encoding: "DELTA_BINARY_PACKED" } }),
    `${where} (a page of differences has blocks of an impossible size)`
  ],
  [
    "an integer that goes on for a megabyte",
    () =>
      craft({
        body: Buffer.concat([Uint8Array.of(128, 1, 4, 2), new Uint8Array(1_000_000).fill(0x80)]),
        v1: { encoding: "DELTA_BINARY_PACKED" }
      }),
    `${where} (an integer of a page is too long)`
  ],
  [
    "a checksum that does not match",
    () => craft({ header: { crc: 1 } }),
    `${where} (a page does not match its checksum)`
  ]
]

describe("Parquet files that lie", () => {
  for (const [what, file, message] of lies) {
    it.effect(what, () =>
      Effect.gen(function* () {
        const table = what.startsWith("texts") ? Artifact.table({ c: Schema.String }) : column
        const found = yield* refuse(file(), table)
        assert.strictEqual(found.replace(/in \d+ bytes$/, "in 122 bytes"), message)
      })
    )
  }

  for (const [what, footer] of [
    ["an integer of a megabyte", new Uint8Array(1_000_000).fill(0xff)],
    ["structs within structs", new Uint8Array(1_000_000).fill(0x1c)],
    ["lists of four billion items", Uint8Array.of(0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x0f, 0)]
  ] as const) {
    it.effect(`a footer with ${what}`, () =>
      Effect.gen(function* () {
        const length = Buffer.alloc(4)
        length.writeUInt32LE(footer.length)
        const message = yield* refuse(Buffer.concat([Buffer.from("PAR1"), footer, length, Buffer.from("PAR1")]))
        assert.match(message, /^it is damaged: its footer makes no sense/)
      })
    )
  }

  it.effect(`${rounds} random mutations end in a table or in a typed error; checksums let no altered page pass`, () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const path = join(directory, "mutated.parquet")
      const files = yield* soundFiles(directory)
      const random = randomOf(seed)
      let slowestMs = 0
      let mostBytes = 0
      let refused = 0
      for (let round = 0; round < rounds; round++) {
        const sound = files[round % files.length] as (typeof files)[number] // within its length
        const bytes = mutate(sound, random)
        yield* Effect.promise(() => writeFile(path, bytes))
        const before = process.memoryUsage()
        const start = performance.now()
        const result = yield* Effect.result(Parquet.readAny(path))
        const part = yield* Effect.result(Parquet.readAny(path, { rows: { start: 1, end: 3 } }))
        slowestMs = Math.max(slowestMs, performance.now() - start)
        const after = process.memoryUsage()
        mostBytes = Math.max(mostBytes, after.arrayBuffers - before.arrayBuffers, after.rss - before.rss)
        for (const { failure } of [result, part].filter((result) => result._tag === "Failure"))
          assert.strictEqual(failure._tag, "ParquetError", `${sound.name}, round ${round}`)
        if (result._tag === "Failure") refused++
        const footer = Buffer.from(sound.bytes).readUInt32LE(sound.bytes.length - 8)
        const isSameFooter = Buffer.from(bytes)
          .subarray(-8 - footer)
          .equals(sound.bytes.subarray(-8 - footer))
        if (sound.hasChecksums && isSameFooter && bytes.length === sound.bytes.length) {
          const whole = yield* Effect.promise(() => writeFile(path, sound.bytes))
          assert.isUndefined(whole)
          const { columns } = yield* Parquet.readAny(path)
          // Only bytes between the pages, or parts of a header that nobody needs, may differ.
          if (result._tag === "Success")
            assert.deepStrictEqual(result.success.columns, columns, `${sound.name}, round ${round}`)
          if (part._tag === "Success") {
            const rows = Object.entries(columns).map(([name, values]) => [name, values.slice(1, 3)])
            assert.deepStrictEqual(part.success.columns, Object.fromEntries(rows), `${sound.name}, round ${round}`)
          }
        }
      }
      if (rounds > 200) {
        console.log(
          `${rounds} mutations: ${refused} refused, slowest ${slowestMs.toFixed(0)} ms, most memory ${(mostBytes / 2 ** 20).toFixed(0)} MiB`
        )
        assert.isBelow(mostBytes, 100 * 2 ** 20)
      }
    })
  )

  it.effect("a row group of gigabytes is read in pieces: no read is larger than the system allows", () =>
    Effect.gen(function* () {
      const { openSource } = yield* Effect.promise(() => import("../../../src/internal/parquet/source.ts"))
      const path = join(yield* temporaryDirectory, "sparse")
      yield* Effect.promise(async () => {
        const { open } = await import("node:fs/promises")
        const handle = await open(path, "w")
        await handle.truncate(6 * 2 ** 30)
        await handle.close()
      })
      const file = yield* openSource(path)
      const bytes = yield* Effect.promise(async () => file.slice(5 * 2 ** 30, 5 * 2 ** 30 + 16))
      assert.strictEqual(bytes.byteLength, 16)
    })
  )
})
