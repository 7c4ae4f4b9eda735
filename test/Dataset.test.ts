/** Datasets: written from streams, read in parts, and kept, checked and taken over with all of their parts. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import * as Artifact from "../src/Artifact.ts"
import { ArtifactStore } from "../src/ArtifactStore.ts"
import * as Flow from "../src/Flow.ts"
import * as Gc from "../src/Gc.ts"
import { addressesOf } from "../src/internal/artifact/references.ts"
import * as Parquet from "../src/Parquet.ts"
import * as Run from "../src/Run.ts"
import { RunStore } from "../src/RunStore.ts"
import * as Step from "../src/Step.ts"
import * as Storage from "../src/Storage.ts"
import * as Verify from "../src/Verify.ts"
import { layers } from "./conformance/layers.ts"

const Numbers = Artifact.dataset({ n: Schema.Int, word: Schema.String }, { rowsPerPart: 10 })

const rows = (from: number, to: number) => Stream.map(Stream.range(from, to - 1), (n) => ({ n, word: `word ${n % 7}` }))

const collect = <F extends Artifact.TableFields, E, R>(tables: Stream.Stream<Artifact.Table<F>, E, R>) =>
  Effect.map(Stream.runCollect(tables), (all) =>
    all.map(({ columns, numRows }) => ({ numRows, columns: { ...columns } }))
  )

const numbersOf = (
  dataset: Artifact.Dataset<(typeof Numbers)["fields"]>,
  where: Artifact.Where<(typeof Numbers)["fields"]>
) =>
  Effect.map(Stream.runCollect(dataset.scan({ columns: ["n"], where })), (tables) =>
    tables.flatMap(({ columns }) => columns.n)
  )

const inMemory = <A, E>(title: string, body: () => Effect.Effect<A, E, ArtifactStore | RunStore>) =>
  it.effect(title, () => Effect.provide(Effect.suspend(body), Storage.layerMemory))

describe("Dataset", () => {
  inMemory("keeps rows and tables in parts, in order", () =>
    Effect.gen(function* () {
      const table = { numRows: 3, columns: { n: [12, 13, 14], word: ["a", "b", "c"] } }
      const dataset = yield* Numbers.write(Stream.concat(rows(0, 12), Stream.make(table)))
      assert.strictEqual(dataset.numRows, 15)
      assert.deepStrictEqual(
        dataset.summaries.map(({ numRows, statistics }) => [numRows, statistics.n]),
        [
          [10, { nullCount: 0, min: 0, max: 9 }],
          [5, { nullCount: 0, min: 10, max: 14 }]
        ]
      )
      const tables = yield* collect(dataset.stream())
      assert.deepStrictEqual(
        tables.flatMap(({ columns }) => columns.n),
        Array.from({ length: 15 }, (_, n) => n)
      )
      assert.deepStrictEqual((yield* dataset.parts[1] ?? Effect.die("one part")).columns.word, [
        "word 3",
        "word 4",
        "a",
        "b",
        "c"
      ])
      const paths = yield* dataset.paths
      assert.isTrue(paths.every((path) => path.endsWith(".parquet")))
      assert.deepStrictEqual((yield* Parquet.read(paths, Numbers.table)).numRows, 15)
    })
  )

  inMemory("makes equal parts of equal rows, however they arrive", () =>
    Effect.gen(function* () {
      const digests = (dataset: Artifact.Dataset<any>) => dataset.parts.map(({ digest }) => digest)
      const byRow = yield* Numbers.write(rows(0, 35))
      const chunked = yield* Numbers.write(Stream.rechunk(rows(0, 35), 4))
      const whole = (yield* collect(byRow.stream())).reduce((a, b) => ({
        numRows: a.numRows + b.numRows,
        columns: { n: [...a.columns.n, ...b.columns.n], word: [...a.columns.word, ...b.columns.word] }
      }))
      const asTable = yield* Numbers.write(Stream.make(whole))
      assert.deepStrictEqual(digests(chunked), digests(byRow))
      assert.deepStrictEqual(digests(asTable), digests(byRow))
    })
  )

  inMemory("appends by writing the new part alone", () =>
    Effect.gen(function* () {
      const store = yield* ArtifactStore
      const first = yield* Numbers.write(rows(0, 25))
      const put: Array<number> = []
      const counting = ArtifactStore.of({
        ...store,
        put: (chunks, address) =>
          Effect.tap(store.put(chunks, address), ({ size }) => Effect.sync(() => put.push(size))),
        get: () => Effect.die("an old part was read"),
        path: () => Effect.die("an old part was read")
      })
      const grown = yield* Effect.provideService(Numbers.append(first, rows(25, 30)), ArtifactStore, counting)
      assert.strictEqual(put.length, 1)
      assert.strictEqual(grown.numRows, 30)
      assert.deepStrictEqual(
        grown.parts.slice(0, 3).map(({ digest }) => digest),
        first.parts.map(({ digest }) => digest)
      )
      assert.deepStrictEqual(yield* numbersOf(grown, { n: { gte: 23 } }), [23, 24, 25, 26, 27, 28, 29])
    })
  )

  inMemory("has no parts without rows", () =>
    Effect.gen(function* () {
      const empty = yield* Numbers.write(Stream.empty)
      assert.deepStrictEqual([empty.numRows, empty.parts.length], [0, 0])
      assert.deepStrictEqual(yield* collect(empty.stream()), [])
      assert.strictEqual((yield* Numbers.append(empty, rows(0, 3))).numRows, 3)
    })
  )

  inMemory("does not read parts that can have no wanted row", () =>
    Effect.gen(function* () {
      const store = yield* ArtifactStore
      const dataset = yield* Numbers.write(rows(0, 100))
      let opened = 0
      const counting = ArtifactStore.of({
        ...store,
        path: (digest, extension) =>
          Effect.suspend(() => {
            opened++
            return store.path(digest, extension)
          })
      })
      const found = yield* Effect.provideService(
        numbersOf(dataset, { n: { gt: 41, lte: 44 } }),
        ArtifactStore,
        counting
      )
      assert.deepStrictEqual(found, [42, 43, 44])
      assert.strictEqual(opened, 1)
    })
  )

  inMemory("finds the rows that a filter of all rows finds", () => {
    const Mixed = Artifact.dataset(
      {
        i: Schema.NullOr(Schema.Int),
        x: Schema.Number,
        t: Schema.String,
        b: Schema.BigInt,
        d: Schema.Date,
        f: Artifact.column("float32"),
        ok: Schema.Boolean
      },
      { rowsPerPart: 7 }
    )
    type Mixed = Artifact.Row<(typeof Mixed)["fields"]>
    const row: fc.Arbitrary<Mixed> = fc.record({
      i: fc.option(fc.integer({ min: -3, max: 3 })),
      x: fc.constantFrom(-0, 0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, -2),
      t: fc.constantFrom("", "a", "b", "\u{1F600}", "\uFF5E", `${"long".repeat(40)}é`, "lon"),
      b: fc.constantFrom(-(2n ** 63n), 0n, 9007199254740993n, 2n ** 63n - 1n),
      d: fc.constantFrom(new Date(0), new Date(-1), new Date(1e12)),
      f: fc.constantFrom(0, -0, 0.5, Number.NaN),
      ok: fc.boolean()
    })
    const column = fc.constantFrom("i", "x", "t", "b", "d", "f", "ok")
    const operator = fc.constantFrom("eq", "ne", "gt", "gte", "lt", "lte")
    const points = (text: unknown) =>
      typeof text === "string" ? Buffer.from(text).toString("latin1") : (text as number)
    const same = (a: unknown, b: unknown) => (a instanceof Date && b instanceof Date ? +a === +b : a === b)
    const fits = (value: unknown, op: string, operand: unknown): boolean => {
      if (op === "eq") return same(value, operand)
      if (op === "ne") return !same(value, operand)
      if (value === null) return false
      const [a, b] = [points(value), points(operand)]
      return op === "gt" ? a > b : op === "gte" ? a >= b : op === "lt" ? a < b : a <= b
    }
    const property = fc.asyncProperty(
      fc.array(row, { maxLength: 30 }),
      fc.tuple(row, column, operator),
      (all, [one, name, op]) => {
        const operand = one[name as keyof Mixed]
        if (operand === null && op !== "eq" && op !== "ne") return Promise.resolve()
        return Effect.gen(function* () {
          const dataset = yield* Mixed.write(Stream.fromIterable(all))
          const tables = yield* Stream.runCollect(
            dataset.scan({ columns: ["b"], where: { [name]: { [op]: operand } } })
          )
          const expected = all.filter((each) => fits(each[name as keyof Mixed], op, operand)).map(({ b }) => b)
          assert.deepStrictEqual(
            tables.flatMap(({ columns }) => columns.b),
            expected
          )
        }).pipe(Effect.provide(Storage.layerMemory), Effect.runPromise)
      }
    )
    return Effect.promise(() => fc.assert(property, { numRuns: 60 }))
  })

  inMemory("says which row does not fit, counted over all parts", () =>
    Effect.gen(function* () {
      const bad = Stream.concat(rows(0, 13), Stream.make({ n: 1.5, word: "x" }))
      const error = yield* Effect.flip(Numbers.write(bad))
      assert.strictEqual(error.message, "The dataset can't be written: row 14 of column n: expected Int, got 1.5.")
      const short = yield* Effect.flip(Numbers.write(Stream.make({ numRows: 2, columns: { n: [1, 2], word: ["a"] } })))
      assert.strictEqual(short.message, "The dataset can't be written: column word: it has 1 values, and numRows is 2.")
    })
  )

  inMemory("refuses what it can't look for", () =>
    Effect.gen(function* () {
      const dataset = yield* Numbers.write(rows(0, 3))
      const why = (options: object) =>
        Effect.map(Effect.flip(Stream.runDrain(dataset.scan(options as never))), ({ message }) => message)
      assert.strictEqual(yield* why({ columns: ["m"] }), "The dataset has no column m; its columns are: n, word.")
      assert.strictEqual(
        yield* why({ where: { m: 1 } }),
        "A dataset can't be scanned: there is no column m; the columns are: n, word."
      )
      assert.strictEqual(
        yield* why({ where: { n: { above: 1 } } }),
        "A dataset can't be scanned: above is not a condition on column n; there are: eq, ne, in, gt, gte, lt, lte."
      )
    })
  )
})

const collectRows = Step.make("collect", {
  output: { data: Numbers },
  run: () => Effect.map(Numbers.write(rows(0, 30)), (data) => ({ data }))
})
const sum = Step.make("sum", {
  input: { part: Numbers.table },
  output: { total: Schema.Int },
  run: ({ part }) => Effect.succeed({ total: part.columns.n.reduce((a, b) => a + b, 0) })
})
const grow = Step.make("grow", {
  input: { data: Numbers, by: Schema.Int },
  output: { data: Numbers },
  run: ({ by, data }) => Effect.map(Numbers.append(data, rows(30, 30 + by)), (grown) => ({ data: grown }))
})
const total = Step.join(
  "total",
  { parts: Step.many(sum) },
  {
    output: { total: Schema.Int },
    run: ({ parts }) => Effect.succeed({ total: parts.reduce((all, { total }) => all + total, 0) })
  }
)
const GrowFlow = Flow.make("GrowFlow", {
  steps: [collectRows, sum, grow, total],
  run: Effect.fnUntraced(function* () {
    const grown = yield* grow({ ...(yield* collectRows({})), by: 5 })
    const { parts } = yield* grown.data
    const all = yield* total({ parts: Step.forEach(parts, (part) => sum({ part })) })
    return { data: grown.data, total: yield* all.total }
  })
})

const growOf = (run: string) =>
  Effect.flatMap(Run.tasks(run), (tasks) => {
    const task = tasks.find(({ step }) => step === "grow")
    return task === undefined ? Effect.die("no task of grow") : Effect.succeed(task)
  })

for (const { layer, name } of layers) {
  describe(`Dataset in a run: ${name}`, () => {
    const effect = <E>(title: string, body: () => Effect.Effect<void, E, RunStore | ArtifactStore>) =>
      it.effect(title, () => Effect.provide(Effect.suspend(body), layer))

    effect("spreads its parts over tasks, which come after the task that wrote it", () =>
      Effect.gen(function* () {
        const { id, output } = yield* Flow.run(GrowFlow, {})
        assert.strictEqual(output.total, (34 * 35) / 2)
        const tasks = yield* Run.tasks(id)
        const sums = tasks.filter(({ step }) => step === "sum")
        assert.strictEqual(sums.length, 4)
        const writer = yield* growOf(id)
        for (const { inputs, parents } of sums) {
          assert.deepStrictEqual(parents, [writer.id])
          assert.strictEqual(inputs[0]?.writer, `${id}/${writer.id}`)
        }
      })
    )

    effect("keeps the parts of a dataset as long as a run refers to it", () =>
      Effect.gen(function* () {
        const { id } = yield* Flow.run(GrowFlow, {})
        const artifacts = yield* ArtifactStore
        const writer = yield* growOf(id)
        const addresses = addressesOf(writer.outputs)
        assert.strictEqual(addresses.length, 5)
        const digests = addresses.map(({ digest }) => digest)
        const left = Effect.map(artifacts.touch(digests), ({ size }) => size)
        yield* TestClock.adjust("10 days")
        yield* Gc.collect()
        assert.strictEqual(yield* left, 5)
        assert.deepStrictEqual((yield* Verify.check()).faults, [])
        const uses = yield* Effect.flatMap(RunStore, (store) => store.uses(digests[1] ?? ""))
        assert.includeMembers(
          uses.map(({ task }) => task.split("/")[0]),
          ["collect", "grow", "sum"]
        )
        yield* Flow.run(GrowFlow, {})
        yield* Gc.collect({ keepRuns: 1 })
        yield* TestClock.adjust("10 days")
        yield* Gc.collect({ keepRuns: 1, grace: 0 })
        assert.strictEqual(yield* left, 5)
        yield* Gc.collect({ keepRuns: 0, keepTags: ["none"] })
        yield* TestClock.adjust("10 days")
        yield* Gc.collect({ grace: 0 })
        assert.strictEqual(yield* left, 0)
      })
    )

    effect("executes again the task whose dataset lost a part", () =>
      Effect.gen(function* () {
        const { id } = yield* Flow.run(GrowFlow, {})
        const artifacts = yield* ArtifactStore
        const writer = yield* growOf(id)
        const part = writer.outputs[0]?.parts?.at(-1)
        // As if the part's file were gone: the store says that it is not there.
        const lossy = ArtifactStore.of({
          ...artifacts,
          touch: (some) =>
            Effect.map(
              artifacts.touch(some),
              (found) => new Set([...found].filter((digest) => digest !== part?.digest))
            )
        })
        const again = yield* Effect.provideService(Flow.resume(GrowFlow, { origin: id }), ArtifactStore, lossy).pipe(
          Effect.flip
        )
        assert.include(again.message, "which is not in this run's store")
        const resumed = yield* Flow.resume(GrowFlow, { origin: id })
        const how = (yield* Run.tasks(resumed.id)).map((task) => task.how)
        assert.deepStrictEqual(new Set(how), new Set(["takenOver"]))
      })
    )
  })
}
