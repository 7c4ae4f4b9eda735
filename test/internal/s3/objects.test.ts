/** Data that lies in a bucket: read as Parquet and CSV, and given to steps as files; datasets in a bucket as local paths. */
import * as Fs from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Artifact from "../../../src/Artifact.ts"
import * as Flow from "../../../src/Flow.ts"
import { slice } from "../../../src/internal/parquet/footer.ts"
import { openSource } from "../../../src/internal/parquet/source.ts"
import * as Objects from "../../../src/internal/s3/objects.ts"
import * as Digest from "../../../src/internal/schema/digest.ts"
import * as Parquet from "../../../src/Parquet.ts"
import * as Run from "../../../src/Run.ts"
import * as Step from "../../../src/Step.ts"
import * as Storage from "../../../src/Storage.ts"
import { temporaryDirectory } from "../../support/directory.ts"
import { query, unavailable } from "../../support/duckdb.ts"
import { environment } from "../../support/environment.ts"
import * as FaultProxy from "../../support/faultProxy.ts"
import * as ObjectServer from "../../support/objectServer.ts"

const Numbers = Artifact.table({ n: Schema.Int, word: Schema.String })

const tableOf = (start: number, count: number) => ({
  numRows: count,
  columns: {
    n: Array.from({ length: count }, (_, i) => start + i),
    word: Array.from({ length: count }, (_, i) => `word ${start + i}`)
  }
})

/** A bucket that steps reach by the environment, through a proxy that counts what they ask. */
const bucket = Effect.gen(function* () {
  const place = yield* ObjectServer.bucket
  const proxy = yield* FaultProxy.make(place.endpoint, () => "none")
  yield* environment({
    AWS_ACCESS_KEY_ID: place.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: place.credentials.secretAccessKey
  })
  const client = yield* ObjectServer.client(place)
  const put = Effect.fnUntraced(function* (key: string, bytes: Uint8Array) {
    const digest = Digest.ofChunks([bytes])
    yield* client.put(key, { body: [bytes], size: bytes.length, digest }, { isNew: false })
  })
  const at = (key: string): string => `s3://${place.bucket}/${key}?endpoint=${proxy.endpoint}`
  return { place, proxy, put, at }
})

const count = Step.make("count", {
  input: { file: Artifact.file("text/csv") },
  output: { size: Schema.Number, extension: Schema.String },
  run: Effect.fnUntraced(function* ({ file }) {
    const { size } = yield* Effect.promise(() => Fs.stat(file))
    return { size, extension: file.slice(file.lastIndexOf(".")) }
  })
})

const FileFlow = Flow.make("FileFlow", {
  parameters: { file: Schema.String },
  steps: [count],
  run: ({ file }) => count({ file })
})

describe.skipIf(!ObjectServer.isInstalled)("an object", () => {
  it.live("is read as Parquet, by ranges and by patterns", () =>
    Effect.gen(function* () {
      const { at, proxy, put } = yield* bucket
      const directory = yield* temporaryDirectory
      for (const [name, start] of [
        ["a", 0],
        ["b", 40_000]
      ] as const) {
        const path = join(directory, `${name}.parquet`)
        yield* Parquet.write(path, Numbers, tableOf(start, 40_000), { compression: "none", rowGroupSize: 10_000 })
        yield* put(`data/${name}.parquet`, yield* Effect.promise(() => Fs.readFile(path)))
      }
      yield* put("data/notes.txt", new Uint8Array(3))
      const all = yield* Parquet.read(at("data/*.parquet"), Numbers)
      assert.strictEqual(all.numRows, 80_000)
      assert.deepStrictEqual([all.columns.n[0], all.columns.n[79_999]], [0, 79_999])
      const before = proxy.requests()
      const some = yield* Parquet.read(at("data/b.parquet"), Numbers, { rows: { end: 5 } })
      assert.deepStrictEqual(some.columns.word[4], "word 40004")
      assert.isAtMost(proxy.requests() - before, 6)
      const missing = yield* Effect.flip(Parquet.read(at("data/c.parquet"), Numbers))
      assert.include(missing.message, "there is no such object")
      const none = yield* Effect.flip(Parquet.read(at("data/*.csv"), Numbers))
      assert.include(none.message, "no object fits the pattern")
      const typo = yield* Effect.flip(Parquet.read("s3:/data/c.parquet", Numbers))
      assert.include(typo.message, 'two slashes must follow "s3:"')
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(unavailable !== undefined)("is read as CSV", () =>
    Effect.gen(function* () {
      const { at, put } = yield* bucket
      yield* put("data/numbers.csv", new TextEncoder().encode("n,word\n1,one\n2,two\n"))
      const table = yield* Parquet.read(at("data/numbers.csv"), Numbers)
      assert.deepStrictEqual(table.columns.word, ["one", "two"])
    }).pipe(Effect.scoped)
  )

  it.live("may have an odd key, and is read as it was when it was opened", () =>
    Effect.gen(function* () {
      const { at, place, put } = yield* bucket
      const client = yield* ObjectServer.client(place)
      const odd = [
        "a b/ü.csv",
        "a?b#c.csv",
        "50%25+1.csv",
        "<&>'\".csv",
        "/x//y.csv",
        "~(*!).csv",
        "日本😀.csv",
        "a\\b",
        "cr\rx"
      ]
      for (const key of odd) {
        const bytes = new TextEncoder().encode(key)
        yield* put(key, bytes)
        assert.deepStrictEqual(yield* Effect.flatMap(Objects.open(at(key)), ({ read }) => read(0, 1000)), bytes, key)
        assert.deepStrictEqual(yield* Objects.list(at(key)), [at(key)])
        assert.deepStrictEqual(yield* client.remove([key]), [])
        assert.strictEqual((yield* Effect.flip(client.look(key))).kind, "missing", key)
      }
      // A folder, as consoles make it, is no file that a pattern fits.
      yield* put("data/", new Uint8Array(0))
      yield* put("data/x", new Uint8Array(3))
      assert.deepStrictEqual(yield* Objects.list(at("data/")), [at("data/x")])

      const opened = yield* Objects.open(at("data/x"))
      const source = yield* openSource(at("data/x"))
      yield* put("data/x", new Uint8Array(4))
      const torn = yield* Effect.flip(slice(source, 0, 3))
      assert.strictEqual(torn.message, "it can't be read: the object was replaced while it was read")
      assert.strictEqual((yield* Effect.flip(opened.read(0, 3))).reason, "the object was replaced while it was read")
      assert.match((yield* Effect.flip(Objects.open(at("")))).reason, /^s3:\/\/\S+ is a bucket\. Name an object in it/)
      const elsewhere = at("x").replace(place.bucket, "no-such-bucket")
      assert.include((yield* Effect.flip(Objects.open(elsewhere))).reason, 'there is no bucket "no-such-bucket"')
      const named = yield* Effect.flip(Parquet.read("s3://ada:open-sesame@bucket/x", Numbers))
      assert.include(named.message, "s3://…@bucket/x: it can't be read: the address of a bucket must not contain")
      assert.notInclude(named.message + named.file, "open-sesame")
      // A server that takes these for a path would yield another object, or another bucket.
      assert.include((yield* Effect.flip(client.look(`../${place.bucket}/data/x`))).reason, "can't be a key")
    }).pipe(Effect.scoped)
  )

  it.live("is a file for a step, which runs again when the object changes, and only then", () =>
    Effect.gen(function* () {
      const { at, proxy, put } = yield* bucket
      const directory = yield* temporaryDirectory
      yield* Effect.gen(function* () {
        yield* put("in/data.csv", new Uint8Array(200_000).fill(49))
        const file = at("in/data.csv")
        const first = yield* Flow.run(FileFlow, { file })
        assert.strictEqual(yield* first.output.size, 200_000)
        assert.strictEqual(yield* first.output.extension, ".csv")
        // The version is known: the object is looked at, and not downloaded.
        const before = proxy.requests()
        const resumed = yield* Flow.resume(FileFlow, { origin: first.id })
        assert.deepStrictEqual(
          (yield* Run.tasks(resumed.id)).map(({ how }) => how),
          ["takenOver"]
        )
        assert.strictEqual(proxy.requests() - before, 1)
        yield* put("in/data.csv", new Uint8Array(100_000).fill(50))
        const again = yield* Flow.resume(FileFlow, { origin: first.id })
        assert.deepStrictEqual(
          (yield* Run.tasks(again.id)).map(({ how }) => how),
          ["executed"]
        )
        assert.strictEqual(yield* again.output.size, 100_000)
        const missing = yield* Effect.flip(Flow.run(FileFlow, { file: at("in/none.csv") }))
        assert.match(String(missing), /s3:\/\/\S+\/in\/none\.csv can't be read: there is no such object/)
      }).pipe(Effect.provide(Storage.layerLocal({ directory })))
      // The store remembers the version for the next process.
      yield* Effect.gen(function* () {
        const before = proxy.requests()
        const next = yield* Flow.run(FileFlow, { file: at("in/data.csv") })
        assert.strictEqual(proxy.requests() - before, 1)
        assert.strictEqual(yield* next.output.size, 100_000)
      }).pipe(Effect.provide(Layer.fresh(Storage.layerLocal({ directory }))))
    }).pipe(Effect.scoped)
  )

  it.live("may be a dataset's part, which other tools get as a local path", () =>
    Effect.gen(function* () {
      const place = yield* ObjectServer.bucket
      const runs = yield* temporaryDirectory
      const Rows = Artifact.dataset({ n: Schema.Int, word: Schema.String }, { rowsPerPart: 20_000 })
      yield* Effect.gen(function* () {
        const { columns } = tableOf(0, 50_000)
        const dataset = yield* Rows.write(
          Stream.fromIterable(columns.n.map((n, i) => ({ n, word: columns.word[i] ?? "" })))
        )
        const paths = yield* dataset.paths
        assert.strictEqual(paths.length, 3)
        assert.strictEqual((yield* Parquet.read(paths, Rows.table)).numRows, 50_000)
        if (unavailable === undefined) {
          const list = paths.map((path) => `'${path}'`).join(", ")
          const [row] = yield* query(`select sum(n) as total from read_parquet([${list}])`)
          assert.strictEqual(Number(row?.total), (49_999 * 50_000) / 2)
        }
      }).pipe(Effect.provide(Storage.layerS3({ ...place, runs })))
    }).pipe(Effect.scoped)
  )
})
