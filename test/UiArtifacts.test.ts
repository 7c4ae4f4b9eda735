/** Artifacts as the page sees them: looks into each format, bytes by range, and bytes that somebody changed. */
import { createHash } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { assert, it, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Artifact from "../src/Artifact.ts"
import * as Flow from "../src/Flow.ts"
import * as UiRange from "../src/internal/server/range.ts"
import type { RefRecord } from "../src/RunRecord.ts"
import { RunStore } from "../src/RunStore.ts"
import * as Step from "../src/Step.ts"
import * as Storage from "../src/Storage.ts"
import * as Ui from "../src/Ui.ts"
import { ask, type Question } from "./support/ask.ts"
import { temporaryDirectory } from "./support/directory.ts"

const rows = 30_000
const Table = Artifact.table({
  id: Schema.Int,
  text: Schema.String,
  kind: Schema.String,
  note: Schema.NullOr(Schema.String)
})
const svg = `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`
const noise = (length: number) => {
  const bytes = new Uint8Array(length)
  let state = 1
  for (let i = 0; i < length; i++) bytes[i] = state = ((state * 16_807) % 2_147_483_647) & 255 || 1
  return bytes
}

const make = Step.make("make", {
  output: {
    table: Table,
    empty: Table,
    model: Artifact.tensors(),
    page: Artifact.text("text/html"),
    image: Artifact.bytes("image/svg+xml"),
    bytes: Artifact.bytes(),
    drawing: Artifact.bytes("Image/SVG+XML; charset=utf-8"),
    file: Artifact.file(),
    none: Schema.Array(Schema.Number),
    noText: Schema.Array(Schema.String),
    noTextEither: Artifact.text(),
    value: Schema.Struct({ list: Schema.Array(Schema.Number), name: Schema.String })
  },
  run: Effect.fnUntraced(function* () {
    const file = Path.join(yield* temporaryDirectory, "größe.模型")
    yield* Effect.promise(() => Fs.writeFile(file, "a model"))
    return {
      table: {
        numRows: rows,
        columns: {
          id: Array.from({ length: rows }, (_, i) => i),
          text: Array.from({ length: rows }, (_, i) => (i === 3 ? "x".repeat(5000) : `row ${i}`)),
          kind: Array.from({ length: rows }, (_, i) => (i % 4 === 0 ? "a" : "b")),
          note: Array.from({ length: rows }, (_, i) => (i % 10 === 0 ? null : "n"))
        }
      },
      empty: { numRows: 0, columns: { id: [], text: [], kind: [], note: [] } },
      model: {
        tensors: {
          kernel: { dtype: "F32" as const, shape: [2, 3], data: new Float32Array([1, 2, 3, Number.NaN, -5, 6]) },
          half: { dtype: "F16" as const, shape: [3], data: new Uint16Array([0x3c00, 0xc000, 0x7c00]) },
          brain: { dtype: "BF16" as const, shape: [2], data: new Uint16Array([0x3f80, 0xc000]) },
          wide: { dtype: "I64" as const, shape: [2], data: new BigInt64Array([-7n, 9n]) },
          none: { dtype: "F32" as const, shape: [0], data: new Float32Array(0) }
        },
        metadata: { vocabulary: '["good","bad"]', note: "plain" }
      },
      page: "<script>alert(1)</script>",
      image: new TextEncoder().encode(svg),
      bytes: noise(200_000),
      drawing: new TextEncoder().encode(`${svg} `),
      file,
      none: [],
      noText: [],
      noTextEither: "[]",
      value: { list: [1, 2], name: "x" }
    }
  })
})
const MakeFlow = Flow.make("MakeFlow", { steps: [make], run: () => make() })

class Made extends Context.Service<
  Made,
  { readonly run: string; readonly directory: string; readonly digests: Readonly<Record<string, string>> }
>()("Made") {}

class Directory extends Context.Service<Directory, string>()("Directory") {}

const made = Layer.effect(
  Made,
  Effect.gen(function* () {
    const { id } = yield* Flow.run(MakeFlow, {})
    const [task] = yield* (yield* RunStore).tasks({ run: id })
    const digests = Object.fromEntries((task?.outputs ?? []).map((ref) => [ref.name, ref.digest]))
    return { run: id, directory: yield* Directory, digests }
  }).pipe(Effect.orDie)
)

const served = Ui.layer({ port: 0 }).pipe(
  Layer.provideMerge(made),
  Layer.provideMerge(Layer.unwrap(Effect.map(Directory, (directory) => Storage.layerLocal({ directory })))),
  Layer.provideMerge(Layer.effect(Directory, temporaryDirectory))
)

const get = (path: string, question?: Question) => Effect.flatMap(Ui.Server, ({ url }) => ask(url, path, question))
const of = (name: string, path = "", question?: Question) =>
  Effect.flatMap(Made, ({ digests }) => get(`/api/artifacts/${digests[name]}${path}`, question))
const unknown = "0".repeat(64)

layer(served, { excludeTestServices: true })("Artifacts on the page", (it) => {
  it.effect("say what they are, whose schema they have and who wrote them", () =>
    Effect.gen(function* () {
      const { run } = yield* Made
      const viewers = { table: "table", model: "tensors", page: "text", image: "image", bytes: "bytes", value: "json" }
      for (const [name, viewer] of Object.entries(viewers)) {
        const { json } = yield* of(name)
        assert.strictEqual(json.viewer, viewer)
        assert.strictEqual(json.writer, `${run}/make/1`)
        assert.isObject(json.schema)
      }
    })
  )

  it.effect("with equal bytes are told apart by the ref that is looked at", () =>
    Effect.gen(function* () {
      const { digests, run } = yield* Made
      assert.strictEqual(digests.none, digests.noText)
      assert.strictEqual(digests.none, digests.noTextEither)
      const { url } = yield* Ui.Server
      const { json } = yield* ask(url, `/api/runs/${run}/tasks/make/1`)
      const refs = (json as { readonly task: { readonly outputs: ReadonlyArray<RefRecord> } }).task.outputs
      const seen = (name: string) => {
        const { format = "", mediaType = "", schema = "" } = refs.find((ref) => ref.name === name) ?? {}
        return of(name, `?${new URLSearchParams({ format, mediaType, schema })}`)
      }
      const numbers = JSON.stringify((yield* seen("none")).json)
      assert.match(numbers, /"viewer":"json"/)
      assert.match(numbers, /"Number"/)
      const texts = JSON.stringify((yield* seen("noText")).json)
      assert.match(texts, /"viewer":"json"/)
      assert.match(texts, /"String"/)
      assert.match(JSON.stringify((yield* seen("noTextEither")).json), /"viewer":"text"/)
    })
  )

  it.effect("are images by their media type, however it is written", () =>
    Effect.gen(function* () {
      assert.match(JSON.stringify((yield* of("drawing")).json), /"viewer":"image"/)
      const { headers } = yield* of("drawing", "/content")
      assert.strictEqual(headers["content-type"], "image/svg+xml")
    })
  )

  it.effect("say who uses them", () =>
    Effect.gen(function* () {
      const { run } = yield* Made
      assert.deepStrictEqual((yield* of("value", "/uses")).json, [
        { run, task: "make/1", side: "output", name: "value" }
      ])
    })
  )

  it.effect("that are unknown, or no digest at all, are said to be", () =>
    Effect.gen(function* () {
      for (const path of ["", "/table", "/columns", "/tensors", "/verify", "/content"]) {
        const { json, status } = yield* get(`/api/artifacts/${unknown}${path}`)
        assert.strictEqual(status, 404, path)
        assert.match(json.message, /No run in this store refers to/)
        assert.strictEqual((yield* get(`/api/artifacts/nothing${path}`)).status, 400, path)
      }
    })
  )

  it.effect("show a table page by page", () =>
    Effect.gen(function* () {
      const first = (yield* of("table", "/table?limit=5")).json
      assert.strictEqual(first.rows, rows)
      assert.deepStrictEqual(first.columns, [
        { name: "id", kind: "integer" },
        { name: "text", kind: "text" },
        { name: "kind", kind: "text" },
        { name: "note", kind: "text" }
      ])
      assert.deepStrictEqual(first.values[1], [1, "row 1", "b", "n"])
      assert.strictEqual(first.values[3][1].length, 301)
      const last = (yield* of("table", `/table?offset=${rows - 2}&limit=100`)).json
      assert.deepStrictEqual(
        last.values.map((row: any) => row[0]),
        [rows - 2, rows - 1]
      )
      assert.deepStrictEqual((yield* of("table", `/table?offset=${rows + 5}`)).json.values, [])
      assert.strictEqual((yield* of("table", "/table?offset=3&limit=1&cut=10000")).json.values[0][1].length, 5000)
      assert.deepStrictEqual((yield* of("empty", "/table")).json.values, [])
      assert.strictEqual((yield* of("table", "/table?limit=100000")).status, 400)
    })
  )

  it.effect("sort, filter and search the rows of a table", () =>
    Effect.gen(function* () {
      const where = (...conditions: ReadonlyArray<object>) => encodeURIComponent(JSON.stringify(conditions))
      const sorted = (yield* of("table", "/table?sort=id&order=down&limit=3")).json
      assert.deepStrictEqual(sorted.at, [rows - 1, rows - 2, rows - 3])
      assert.strictEqual(sorted.values[0][0], rows - 1)
      assert.strictEqual(sorted.matches, rows)
      const kinds = (yield* of("table", `/table?where=${where({ column: "kind", op: "is", value: "a" })}`)).json
      assert.isTrue(kinds.values.every((row: any) => row[2] === "a"))
      assert.isBelow(kinds.matches, rows)
      const both = where({ column: "id", op: "atLeast", value: "10" }, { column: "id", op: "atMost", value: "12" })
      assert.deepStrictEqual((yield* of("table", `/table?where=${both}`)).json.at, [10, 11, 12])
      const nulls = where({ column: "note", op: "isNull", value: "" })
      assert.isTrue((yield* of("table", `/table?where=${nulls}`)).json.values.every((row: any) => row[3] === null))
      const found = (yield* of("table", "/table?search=ROW%201234")).json
      assert.isAtLeast(found.matches, 1)
      assert.match(found.values[0][1], /row 1234/)
      assert.strictEqual((yield* of("table", "/table?where=nonsense")).status, 400)
      const csv = (yield* of("table", `/csv?where=${both}&columns=${encodeURIComponent("kind\nid")}`)).text
      assert.match(csv, /^kind,id\r\n[ab],10\r\n[ab],11\r\n[ab],12\r\n$/)
    })
  )

  it.effect("have statistics over all rows", () =>
    Effect.gen(function* () {
      const { json } = yield* of("table", "/statistics")
      const [id, , kind, note] = json.columns
      assert.strictEqual(json.rows, rows)
      assert.deepInclude(id, { min: 0, max: rows - 1, nulls: 0 })
      assert.closeTo(id.mean, (rows - 1) / 2, 1e-6)
      assert.strictEqual(kind.distinct, 2)
      assert.strictEqual(kind.top[0].count + kind.top[1].count, rows)
      assert.isAbove(note.nulls, 2000)
      assert.deepStrictEqual((yield* of("empty", "/statistics")).json.rows, 0)
    })
  )

  it.effect("show what a table's columns hold", () =>
    Effect.gen(function* () {
      const { json } = yield* of("table", "/columns")
      assert.strictEqual(json.sampled, 20_000)
      const [id, text, kind, note] = json.columns
      assert.deepStrictEqual([id.histogram.min, id.histogram.max], [0, 19_999])
      assert.strictEqual(
        id.histogram.bars.reduce((a: number, b: number) => a + b, 0),
        20_000
      )
      assert.strictEqual(text.histogram.max, 5000)
      assert.deepStrictEqual(kind.top, [
        { value: "b", count: 15_000 },
        { value: "a", count: 5000 }
      ])
      assert.strictEqual(note.nulls, 2000)
      assert.strictEqual((yield* of("empty", "/columns")).json.sampled, 0)
    })
  )

  it.effect("show tensors, and the texts beside them", () =>
    Effect.gen(function* () {
      const { json } = yield* of("model", "/tensors")
      const tensors = Object.fromEntries(json.tensors.map((tensor: any) => [tensor.name, tensor]))
      assert.deepInclude(tensors.kernel, { dtype: "F32", shape: [2, 3], min: -5, max: 6, mean: 1.4, nonFinite: 1 })
      assert.deepInclude(tensors.half, { min: -2, max: 1, nonFinite: 1 })
      assert.deepInclude(tensors.brain, { min: -2, max: 1 })
      assert.deepInclude(tensors.wide, { min: -7, max: 9 })
      assert.deepInclude(tensors.none, { elements: 0, sampled: 0 })
      assert.deepStrictEqual(json.metadata, { vocabulary: '["good","bad"]', note: "plain" })
    })
  )

  it.effect("that are of another format are said not to be readable as what was asked", () =>
    Effect.gen(function* () {
      const table = yield* of("value", "/table")
      assert.strictEqual(table.status, 500)
      assert.match(table.json.message, /can't be read as Parquet/)
      const tensors = yield* of("bytes", "/tensors")
      assert.strictEqual(tensors.status, 500)
      assert.match(tensors.json.message, /tensors' bytes can't be read/)
    })
  )

  it.effect("send their bytes whole and by range", () =>
    Effect.gen(function* () {
      const whole = noise(200_000)
      const all = yield* of("bytes", "/content")
      assert.isTrue(all.bytes.equals(whole))
      assert.strictEqual(all.headers["content-length"], "200000")
      const range = (value: string) => of("bytes", "/content", { headers: { range: value } })
      const middle = yield* range("bytes=1000-1999")
      assert.strictEqual(middle.status, 206)
      assert.strictEqual(middle.headers["content-range"], "bytes 1000-1999/200000")
      assert.isTrue(middle.bytes.equals(whole.subarray(1000, 2000)))
      assert.isTrue((yield* range("bytes=199990-")).bytes.equals(whole.subarray(199_990)))
      assert.isTrue((yield* range("bytes=-10")).bytes.equals(whole.subarray(199_990)))
      assert.isTrue((yield* range("bytes=199990-999999999")).bytes.equals(whole.subarray(199_990)))
      const beyond = yield* range("bytes=200000-")
      assert.strictEqual(beyond.status, 416)
      assert.strictEqual(beyond.headers["content-range"], "bytes */200000")
      assert.strictEqual((yield* range("bytes=5-2")).status, 416)
      assert.strictEqual((yield* range("lines=1-2")).status, 200)
      const head = yield* of("bytes", "/content", { method: "HEAD" })
      assert.strictEqual(head.headers["content-length"], "200000")
      assert.strictEqual(head.bytes.length, 0)
      const etag = String(all.headers.etag)
      assert.strictEqual((yield* of("bytes", "/content", { headers: { "if-none-match": etag } })).status, 304)
    })
  )

  it.effect("are never a page: neither HTML nor an image that has a script", () =>
    Effect.gen(function* () {
      const page = yield* of("page", "/content")
      assert.strictEqual(page.headers["content-type"], "application/octet-stream")
      assert.match(String(page.headers["content-disposition"]), /^attachment/)
      const image = yield* of("image", "/content")
      assert.strictEqual(image.headers["content-type"], "image/svg+xml")
      for (const { headers } of [page, image]) {
        assert.match(String(headers["content-security-policy"]), /default-src 'none'.*sandbox/)
        assert.strictEqual(headers["x-content-type-options"], "nosniff")
      }
    })
  )

  it.effect("have a file's name that leads nowhere", () =>
    Effect.gen(function* () {
      const name = encodeURIComponent(`../../"evil"\r\nset-cookie: a=b ä`)
      const { headers } = yield* of("value", `/content?name=${name}`)
      const disposition = String(headers["content-disposition"])
      assert.notMatch(disposition.slice(0, disposition.indexOf("filename*")), /[/\\\r\n]|"evil"/)
      assert.notProperty(headers, "set-cookie")
      assert.match(String((yield* of("table", "/content")).headers["content-disposition"]), /table\.parquet/)
    })
  )

  it.effect("have a file's name in any letters", () =>
    Effect.gen(function* () {
      const file = yield* of("file", "/content")
      assert.strictEqual(new TextDecoder().decode(file.bytes), "a model")
      assert.strictEqual(
        file.headers["content-disposition"],
        `attachment; filename="file.__"; filename*=UTF-8''${encodeURIComponent("file.模型")}`
      )
      // Letters that are two units each, an odd place before the name is cut.
      const long = yield* of("value", `/content?name=${encodeURIComponent(`a${"𝒜".repeat(200)}`)}`)
      assert.strictEqual(long.status, 200)
    })
  )

  it.effect("are verified, and said to be altered where somebody changed them", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* of("bytes", "/verify")).json, { size: 200_000 })
      const { digests, directory } = yield* Made
      const digest = digests.bytes ?? ""
      const file = Path.join(directory, "blobs", digest.slice(0, 2), digest)
      const bytes = yield* Effect.promise(() => Fs.readFile(file))
      assert.strictEqual(createHash("sha256").update(bytes).digest("hex"), digest)
      bytes[100_000] = (bytes[100_000] ?? 0) ^ 1
      yield* Effect.promise(() => Fs.chmod(file, 0o644))
      yield* Effect.promise(() => Fs.writeFile(file, bytes))
      for (const path of ["/verify", "/content"]) {
        const { json, status } = yield* of("bytes", path)
        assert.strictEqual(status, 409, path)
        assert.match(json.message, new RegExp(digest.slice(0, 8)))
      }
      // Reading it set the damaged file aside; without that, too, there is nothing left to tell of.
      yield* Effect.promise(() => Fs.rm(Path.join(directory, "blobs", "damaged"), { recursive: true }))
      const gone = yield* of("bytes", "/verify")
      assert.strictEqual(gone.status, 404)
      assert.match(gone.json.message, new RegExp(digest.slice(0, 8)))
    })
  )
})

it("A range header is one range, or none", () => {
  assert.isUndefined(UiRange.parse(undefined, 10))
  assert.isUndefined(UiRange.parse("bytes=1-2,4-5", 10))
  assert.isUndefined(UiRange.parse("bytes=-", 10))
  assert.deepStrictEqual(UiRange.parse("bytes=0-0", 10), { start: 0, end: 1 })
  assert.deepStrictEqual(UiRange.parse("bytes=-20", 10), { start: 0, end: 10 })
  assert.strictEqual(UiRange.parse("bytes=-0", 10), "unsatisfiable")
  assert.strictEqual(UiRange.parse("bytes=0-", 0), "unsatisfiable")
})
