/** A table of every kind of value on the page: what is shown is what `Parquet.readAny` reads, exactly. */
import * as Path from "node:path"
import { assert, describe, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Artifact from "../src/Artifact.ts"
import { ArtifactStore } from "../src/ArtifactStore.ts"
import * as Flow from "../src/Flow.ts"
import { jsonValue } from "../src/internal/jsonValue.ts"
import * as Parquet from "../src/Parquet.ts"
import { RunStore } from "../src/RunStore.ts"
import * as Step from "../src/Step.ts"
import * as Storage from "../src/Storage.ts"
import * as Ui from "../src/Ui.ts"
import { ask } from "./support/ask.ts"
import { temporaryDirectory } from "./support/directory.ts"
import * as DuckDb from "./support/duckdb.ts"

const rows = 20_000

/** A row in three is null in each column, and all rows are in one row group. */
const sql = `select
  i as id,
  case when i % 3 = 0 then null else (i * 1.05 - 7)::decimal(20, 2) end as price,
  (9007199254740993 + i)::bigint as long,
  (18446744073709551615 - i)::ubigint as longest,
  case when i % 3 = 1 then null else timestamp '1969-12-31 23:59:59.5' + to_days((i % 1000)::integer) end as moment,
  date '1970-01-01' + (i % 100)::integer as day,
  time '12:34:56.789' as clock,
  case when i % 3 = 2 then null else encode(i::varchar) end as bytes,
  [encode('ab'), null, encode(i::varchar)] as blobs,
  map([i, -5], ['five', 'ten']) as numbers,
  {'name': 'row ' || i, 'tags': [['a', null], []], 'price': 1.5::decimal(4, 1)} as nested,
  'text ' || i as text,
  gen_random_uuid() as uuid
from range(${rows}) t(i)`

const step = Step.make("make", {
  output: { file: Artifact.file() },
  run: Effect.fnUntraced(function* () {
    const file = Path.join(yield* temporaryDirectory, "all.parquet")
    yield* DuckDb.query(`copy (${sql}) to '${file}' (format parquet, row_group_size ${rows})`)
    return { file }
  })
})
const MakeFlow = Flow.make("MakeFlow", { steps: [step], run: () => step() })

class Made extends Context.Service<Made, { readonly digest: string; readonly table: Parquet.AnyTable }>()("Made") {}

const made = Layer.effect(
  Made,
  Effect.gen(function* () {
    const { id } = yield* Flow.run(MakeFlow, {})
    const [task] = yield* (yield* RunStore).tasks({ run: id })
    const digest = task?.outputs[0]?.digest ?? assert.fail("it wrote a file")
    const file = yield* (yield* ArtifactStore).path(digest, ".parquet")
    return { digest, table: yield* Parquet.readAny(file) }
  }).pipe(Effect.orDie)
)

const served = Ui.layer({ port: 0 }).pipe(
  Layer.provideMerge(made),
  Layer.provideMerge(Layer.unwrap(Effect.map(temporaryDirectory, (directory) => Storage.layerLocal({ directory }))))
)

/** Rows as the page shows them. */
const shown = ({ columns }: Parquet.AnyTable, numbers: ReadonlyArray<number>) =>
  numbers.map((row) =>
    Object.values(columns).map((values) =>
      jsonValue(values[row], { maxLength: 300, maxItems: 100, bytes: ({ byteLength }) => `${byteLength} bytes` })
    )
  )

const of = (path: string) =>
  Effect.flatMap(Effect.all([Made, Ui.Server]), ([{ digest }, { url }]) => ask(url, `/api/artifacts/${digest}/${path}`))

describe.skipIf(DuckDb.unavailable !== undefined)("a table of every kind of value", () => {
  layer(served, { excludeTestServices: true })("on the page", (it) => {
    it.effect("has the values that the library reads, wherever in a large row group they are", () =>
      Effect.gen(function* () {
        const { table } = yield* Made
        for (const offset of [0, 9990, rows - 20]) {
          const { json } = yield* of(`table?offset=${offset}&limit=20`)
          assert.deepStrictEqual(
            json.values,
            shown(
              table,
              Array.from({ length: 20 }, (_, i) => offset + i)
            )
          )
        }
        const { json } = yield* of("table?offset=4&limit=1")
        const cells = Object.fromEntries(json.columns.map(({ name }: any, i: number) => [name, json.values[0][i]]))
        const { uuid, ...exact } = cells
        assert.match(uuid, /^[0-9a-f-]{36}$/)
        assert.deepStrictEqual(exact, {
          id: 4,
          price: "-2.80",
          long: "9007199254740997",
          longest: "18446744073709551611",
          moment: null,
          day: "1970-01-05T00:00:00.000Z",
          clock: "12:34:56.789000",
          bytes: "1 bytes",
          blobs: ["2 bytes", null, "1 bytes"],
          numbers: [
            [4, "five"],
            [-5, "ten"]
          ],
          nested: { name: "row 4", tags: [["a", null], []], price: "1.5" },
          text: "text 4"
        })
      })
    )

    it.effect("is sorted and filtered by the numbers that decimals are", () =>
      Effect.gen(function* () {
        const { table } = yield* Made
        const order = table.columns.price?.flatMap((value, row) => (value === null ? [] : [row])) ?? []
        const down = (yield* of("table?sort=price&order=down&limit=10")).json
        assert.deepStrictEqual(down.at, order.slice(-10).reverse())
        const where = encodeURIComponent(JSON.stringify([{ column: "price", op: "atMost", value: "-4.9" }]))
        assert.deepStrictEqual((yield* of(`table?where=${where}`)).json.at, [1, 2])
      })
    )

    it.effect("has statistics of what has a place among numbers", () =>
      Effect.gen(function* () {
        const { json } = yield* of("statistics")
        const column = (name: string) => json.columns.find((column: any) => column.name === name)
        assert.strictEqual(json.rows, rows)
        assert.deepInclude(column("id"), { min: 0, max: rows - 1, nulls: 0, nonFinite: 0 })
        assert.deepInclude(column("price"), { min: -5.95, nulls: Math.ceil(rows / 3), nonFinite: 0 })
        assert.deepInclude(column("moment"), { min: -500, nulls: Math.round(rows / 3) })
        assert.deepInclude(column("nested"), { kind: "struct", nulls: 0 })
        assert.deepInclude(column("clock"), { distinct: 1, top: [{ value: "12:34:56.789000", count: rows }] })
        const summary = (yield* of("columns")).json
        assert.strictEqual(summary.sampled, rows)
        assert.isArray(summary.columns.find((column: any) => column.name === "price").histogram.bars)
      })
    )
  })
})
