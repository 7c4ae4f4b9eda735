/** Queries over artifacts by DuckDB, and their results as tables and datasets. */
import { readdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Artifact from "../src/Artifact.ts"
import type { ArtifactStore } from "../src/ArtifactStore.ts"
import * as Duckdb from "../src/Duckdb.ts"
import * as Flow from "../src/Flow.ts"
import type { RunStore } from "../src/RunStore.ts"
import * as Step from "../src/Step.ts"
import * as Storage from "../src/Storage.ts"
import { unavailable } from "./support/duckdb.ts"

const Orders = Artifact.dataset({ customer: Schema.Int, price: Schema.Number }, { rowsPerPart: 100 })
const Customers = Artifact.table({ id: Schema.Int, name: Schema.String })
const Spent = Artifact.table({ name: Schema.String, spent: Schema.Number })
const joined =
  "select name, sum(price) as spent from orders join customers on id = customer group by name order by name;"

const orders = Orders.write(Stream.map(Stream.range(0, 499), (n) => ({ customer: n % 2, price: n / 2 })))
const customers = { numRows: 2, columns: { id: [0, 1], name: ["Ada", "O'Hara"] } }
const spent = { name: ["Ada", "O'Hara"], spent: [31125, 31250] }

describe.skipIf(unavailable !== undefined)("Duckdb.query", () => {
  const effect = <A, E>(title: string, body: () => Effect.Effect<A, E, ArtifactStore | RunStore>) =>
    it.effect(title, () => Effect.provide(Effect.suspend(body), Storage.layerMemory))

  effect("joins a dataset and a table, typed by an artifact or not", () =>
    Effect.gen(function* () {
      const tables = { orders: yield* orders, customers }
      assert.deepStrictEqual((yield* Duckdb.query(joined, tables, { as: Spent })).columns, spent)
      const untyped = yield* Duckdb.query(joined, tables)
      assert.deepEqual(untyped.columns, spent)
    })
  )

  effect("reads refs in a flow, and yields a dataset", () => {
    const start = Step.make("start", {
      output: { customers: Customers, orders: Orders },
      run: () => Effect.map(orders, (orders) => ({ customers, orders }))
    })
    const QueryFlow = Flow.make("QueryFlow", {
      steps: [start],
      run: Effect.fnUntraced(function* () {
        const tables = yield* start({})
        const dataset = yield* Duckdb.query("select customer, price from orders where price > 200", tables, {
          as: Orders
        })
        return { spent: (yield* Duckdb.query(joined, tables, { as: Spent })).columns.spent, numRows: dataset.numRows }
      })
    })
    return Effect.map(Flow.run(QueryFlow, {}), ({ output }) =>
      assert.deepStrictEqual(output, { spent: spent.spent, numRows: 99 })
    )
  })

  effect("takes a dataset without parts, with its columns", () =>
    Effect.gen(function* () {
      const empty = yield* Orders.write(Stream.empty)
      const result = yield* Duckdb.query("select * from orders", { orders: empty }, { as: Orders })
      assert.strictEqual(result.numRows, 0)
    })
  )

  effect("says what is wrong with a query, a result and a table", () =>
    Effect.gen(function* () {
      const why = <E extends { readonly message: string }>(query: Effect.Effect<unknown, E, ArtifactStore>) =>
        Effect.map(Effect.flip(query), ({ message }) => message)
      assert.include(yield* why(Duckdb.query("selec 1", {})), "syntax error")
      assert.include(yield* why(Duckdb.query("select nme from customers", { customers })), '"nme" not found')
      assert.strictEqual(
        yield* why(Duckdb.query("select null::integer as id, 'x' as name", {}, { as: Customers })),
        "The result of the query: row 1 of column id: it is null, and Int is required"
      )
      const ragged = { numRows: 2, columns: { id: [1] } }
      assert.strictEqual(
        yield* why(Duckdb.query("select 1", { ragged })),
        "Table ragged: column id: it has 1 values, and numRows is 2"
      )
    })
  )

  effect("stops when it is interrupted, and leaves no file", () =>
    Effect.gen(function* () {
      const scratches = () => readdirSync(tmpdir()).filter((name) => name.startsWith("effect-flow-duckdb-"))
      const before = new Set(scratches())
      // Takes minutes, unless it is stopped.
      const endless = "select a.range as n from range(1000000) a, range(1000000) b where a.range * b.range % 7 = 3"
      const fiber = yield* Effect.forkChild(Duckdb.query(endless, {}))
      const isRunning = () =>
        scratches().some((name) => !before.has(name) && readdirSync(join(tmpdir(), name)).length > 0)
      while (!isRunning()) {
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      }
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(
        scratches().filter((name) => !before.has(name)),
        []
      )
    })
  )
})
