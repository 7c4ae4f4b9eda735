/**
 * What one task does to a value is seen by no other: one test for each way in which it once was. The same on fibers and
 * on threads, whose flow is in a module of its own.
 */

import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as Artifact from "../src/Artifact.ts"
import * as Executor from "../src/Executor.ts"
import * as Flow from "../src/Flow.ts"
import { FlowError } from "../src/FlowError.ts"
import * as Parquet from "../src/Parquet.ts"
import * as Run from "../src/Run.ts"
import * as Step from "../src/Step.ts"
import * as Storage from "../src/Storage.ts"
import { temporaryDirectory } from "./support/directory.ts"
import { fingerprint } from "./support/fingerprint.ts"
import { failing, Mutations, Odd } from "./support/mutations.ts"

const threads = Executor.layerThreads({ module: new URL("./support/mutations.ts", import.meta.url), size: 1 })

describe("a value that a body changes", () => {
  for (const [where, executor] of [
    ["fibers", Executor.layerFibers()],
    ["threads", threads]
  ] as const) {
    it.live(`is unchanged for every other task, on ${where}, and after a resume`, () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const on = <A, E>(effect: Effect.Effect<A, E, any>) =>
          effect.pipe(Effect.provide(executor), Effect.provide(Storage.layerLocal({ directory }))) as Effect.Effect<
            A,
            E
          >
        const seen = (run: { readonly output: { readonly [name: string]: unknown } }) => run.output
        const first = seen(yield* on(Flow.run(Mutations, {})))
        assert.deepStrictEqual(first, {
          bytes: "3,1,2",
          column: "3,1,2",
          dates: "0,1",
          tensor: "3,1,2",
          list: "changed",
          buffers: "1,2,3",
          module: "changed later"
        })
        const resumed = seen(yield* on(Flow.resume(Mutations, { from: "look" })))
        assert.deepStrictEqual(resumed, first)
      })
    )

    it.live(`of an error that JSON can't hold arrives typed, on ${where}`, () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const error = yield* Effect.flip(Flow.run(failing, {})).pipe(
          Effect.provide(executor),
          Effect.provide(Storage.layerLocal({ directory }))
        )
        assert.instanceOf(error, Odd)
        assert.strictEqual((error as Odd).value, 10n ** 20n)
        const run = yield* Run.get("latest").pipe(Effect.provide(Storage.layerLocal({ directory })))
        assert.strictEqual(run.status, "failed")
      })
    )
  }
})

const factor = (by: number) =>
  Schema.Number.pipe(
    Schema.decodeTo(Schema.Number, {
      decode: SchemaGetter.transform((n) => n * by),
      encode: SchemaGetter.transform((n) => n / by)
    })
  )

const failureOf = (schema: Artifact.StorableSchema, value: unknown) => {
  const give = Step.make("give", {
    output: { v: schema as Schema.Codec<unknown> },
    run: () => Effect.succeed({ v: value })
  })
  return Effect.flip(Flow.run(Flow.make("Give", { steps: [give], run: () => give() }), {})).pipe(
    Effect.provide(Storage.layerMemory)
  )
}

describe("a value", () => {
  it.effect("is read by the reader's own schema, though the writer's has the same description", () =>
    Effect.gen(function* () {
      const write = Step.make("write", { output: { x: factor(100) }, run: () => Effect.succeed({ x: 500 }) })
      const read = Step.make("read", { input: { x: factor(1) }, output: { x: Schema.Number }, run: Effect.succeed })
      const flow = Flow.make("Codecs", { steps: [write, read], run: () => Effect.flatMap(write(), read) })
      const { output } = yield* Flow.run(flow, {})
      assert.strictEqual(yield* output.x, 5)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.live("is what it was when the body returned it, though a fiber that outlives the body changes it at once", () =>
    Effect.gen(function* () {
      const later = SchemaGetter.transformEffect((text: string) => Effect.delay(Effect.succeed(text), 2))
      const Slow = Schema.String.pipe(Schema.decodeTo(Schema.String, { decode: later, encode: later }))
      const output = {
        bytes: Artifact.bytes(),
        table: Artifact.table({ c: Artifact.column("float64"), s: Schema.Array(Schema.String) }),
        tensors: Artifact.tensors(),
        slow: Schema.Array(Slow),
        own: Artifact.transform(Artifact.bytes(), {
          encode: (own: { readonly bytes: Uint8Array }) =>
            Effect.delay(
              Effect.sync(() => own.bytes),
              2
            ),
          decode: (bytes) => Effect.succeed({ bytes })
        })
      }
      const make = () => {
        const pool = new ArrayBuffer(1 << 20)
        const bytes = new Uint8Array(pool, 0, 1 << 19).fill(1)
        const c = new Float64Array(pool, 1 << 19, 2).fill(2)
        const w = { dtype: "F32" as const, shape: [2], data: new Float32Array(pool, 3 << 18, 2).fill(3) }
        return {
          bytes,
          table: { numRows: 2, columns: { c, s: [["a"], ["b"]] } },
          tensors: { tensors: { w }, metadata: { k: "v" } },
          slow: ["x"],
          own: { bytes: Uint8Array.of(4) }
        }
      }
      const give = Step.make("give", {
        output,
        run: () =>
          Effect.gen(function* () {
            const made = make()
            const spoil = Effect.sync(() => {
              new Uint8Array(made.bytes.buffer).fill(9)
              made.table.numRows = 1
              made.table.columns.s[0]?.push("z")
              made.tensors.tensors.w.shape[0] = 1
              made.tensors.metadata.k = "z"
              made.slow[0] = "z"
              made.own.bytes.fill(9)
            })
            yield* Effect.forkDetach(spoil)
            return made
          })
      })
      const flow = Flow.make("Spoiled", { steps: [give], run: () => give() })
      const { output: refs } = yield* Flow.run(flow, {})
      const expected = make()
      for (const name of Object.keys(output) as ReadonlyArray<keyof typeof output>) {
        assert.strictEqual(fingerprint(yield* refs[name]), fingerprint(expected[name]), name)
      }
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("lacks what its schema does not declare, in the run as after it", () =>
    Effect.gen(function* () {
      const row = { a: 1, secret: 2, [Symbol.for("s")]: 3 }
      const give = Step.make("give", {
        output: { x: Schema.Struct({ a: Schema.Int }) },
        run: () => Effect.succeed({ x: row })
      })
      const { output } = yield* Flow.run(Flow.make("Excess", { steps: [give], run: () => give() }), {})
      assert.deepStrictEqual(yield* output.x, { a: 1 })
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("has one key for equal maps and sets, whatever their order", () =>
    Effect.gen(function* () {
      let executed = 0
      const input = { m: Schema.ReadonlyMap(Schema.Number, Schema.ReadonlySet(Schema.String)) }
      const count = Step.make("count", {
        input,
        output: { keys: Schema.Array(Schema.Number) },
        cache: { version: "1" },
        run: ({ m }) => Effect.sync(() => ({ keys: ++executed > 0 ? [...m.keys()] : [] }))
      })
      const of = (m: ReadonlyMap<number, ReadonlySet<string>>) =>
        Flow.make("Maps", { steps: [count], run: () => count({ m }) })
      const a = new Set(["x", "y"])
      yield* Flow.run(
        of(
          new Map([
            [10, a],
            [9, new Set()]
          ])
        ),
        {}
      )
      const { output } = yield* Flow.run(
        of(
          new Map([
            [9, new Set()],
            [10, new Set(["y", "x"])]
          ])
        ),
        {}
      )
      assert.strictEqual(executed, 1)
      assert.deepStrictEqual(yield* output.keys, [9, 10])
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("may lack a map that its schema declares optional", () =>
    Effect.gen(function* () {
      const schema = Schema.Struct({
        b: Schema.Int,
        a: Schema.optionalKey(Schema.ReadonlyMap(Schema.String, Schema.Date))
      })
      const give = Step.make("give", { output: { v: schema }, run: () => Effect.succeed({ v: { b: 1 } }) })
      const { output } = yield* Flow.run(Flow.make("Optional", { steps: [give], run: () => give() }), {})
      assert.deepStrictEqual(yield* output.v, { b: 1 })
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("that would not come back is refused, with the place of it", () =>
    Effect.gen(function* () {
      const A = Schema.Struct({ a: Schema.Int })
      const AB = Schema.Struct({ a: Schema.Int, b: Schema.Int })
      const cyclic: { a: number; self?: unknown } = { a: 1 }
      cyclic.self = cyclic
      const Tree = Schema.Struct({ kids: Schema.Array(Schema.suspend((): Schema.Codec<any> => Tree)) })
      let deep: { kids: ReadonlyArray<unknown> } = { kids: [] }
      for (let i = 0; i < 3000; i++) deep = { kids: [deep] }
      const loop: { kids: Array<unknown> } = { kids: [] }
      loop.kids.push(loop)
      const throws = Schema.String.pipe(
        Schema.decodeTo(Schema.String, {
          decode: SchemaGetter.passthrough(),
          encode: SchemaGetter.transform((): string => {
            throw new TypeError("boom")
          })
        })
      )
      class Point extends Schema.Class<Point>("Point")({ a: Schema.Int }) {}
      const refused: ReadonlyArray<readonly [Artifact.StorableSchema, unknown, RegExp]> = [
        [Schema.Union([Point, AB]), { a: 1, b: 2 }, /an object would come back as a Point/],
        [Schema.NumberFromString, -0, /-0 would come back as 0/],
        [Schema.Unknown, { a: { b: [1, 2, new Date(0)] } }, /at a\.b\.2: expected JSON, got a Date/],
        [Schema.Unknown, { o: Option.none() }, /at o: expected JSON, got an Option/],
        [Schema.Unknown, { m: new Map() }, /at m: expected JSON, got a Map/],
        [Schema.Unknown, { n: [Number.NaN] }, /at n\.0: expected JSON, got NaN/],
        [Schema.Unknown, cyclic, /at self: expected JSON, got a value that contains itself/],
        [Schema.Array(Schema.Union([A, AB])), [{ a: 1 }, { a: 1, b: 2 }], /at 1\.b: .*it would be lost/],
        [Schema.Union([Schema.Number, Schema.String]), "NaN", /"NaN" would come back as NaN/],
        [Schema.Array(Schema.NullOr(Schema.Undefined)), [null, undefined], /at [01]: .*would come back as/],
        [Tree, deep, /nested too deeply: 1,000 levels can be stored/],
        [Tree, loop, /at kids\.0: it contains itself/],
        [throws, "x", /its codec threw TypeError: boom/]
      ]
      for (const [schema, value, message] of refused) {
        const error = yield* failureOf(schema, value)
        assert.strictEqual(error._tag, "ArtifactError")
        assert.match(error.message, message)
      }
    })
  )

  it.effect("of many levels is stored", () =>
    Effect.gen(function* () {
      let deep: { kids: ReadonlyArray<unknown> } = { kids: [] }
      for (let i = 0; i < 450; i++) deep = { kids: [deep] }
      const give = Step.make("give", { output: { v: Schema.Unknown }, run: () => Effect.succeed({ v: deep }) })
      const { output } = yield* Flow.run(Flow.make("Deep", { steps: [give], run: () => give() }), {})
      assert.deepStrictEqual(yield* output.v, deep)
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})

describe("a user's codec that is no codec", () => {
  const given = Effect.succeed(new Uint8Array(1))
  for (const [what, half, message] of [
    ["rejects", () => Promise.reject(new Error("x")), /of Artifact\.transform must return an Effect, .* a Promise/],
    ["yields nothing to run", () => undefined, /of Artifact\.transform must return an Effect, .* undefined/],
    ["fails with what is no error", () => Effect.fail(5n), /its codec threw 5n/],
    ["fails with nothing", () => Effect.fail(undefined), /its codec threw undefined/]
  ] as const) {
    it.effect(`fails its task or its reader: ${what}`, () =>
      Effect.gen(function* () {
        const untyped = half as never as () => Effect.Effect<Uint8Array>
        const encoding = Artifact.transform(Artifact.bytes(), { encode: untyped, decode: Effect.succeed })
        const decoding = Artifact.transform(Artifact.bytes(), { encode: () => given, decode: untyped })
        const write = Step.make("write", {
          output: { v: encoding },
          run: () => Effect.succeed({ v: new Uint8Array(1) })
        })
        const read = Step.make("read", {
          output: { v: decoding },
          run: () => Effect.succeed({ v: undefined as never })
        })
        const flow = Flow.make("Codecs", {
          steps: [write, read],
          run: () =>
            Effect.gen(function* () {
              const refused = yield* Effect.flip(write())
              const { v } = yield* read()
              return [refused.message, (yield* Effect.flip(v)).message]
            })
        })
        const { output } = yield* Flow.run(flow, {})
        for (const text of output) assert.match(text, message)
      }).pipe(Effect.provide(Storage.layerMemory))
    )
  }
})

describe("a schema that loses values in general", () => {
  class Opaque {}
  const lossy: ReadonlyArray<readonly [string, Artifact.Field, string]> = [
    ["Schema.Any", Schema.Struct({ a: Schema.Array(Schema.Any) }), '"x.a.[]" is Schema.Any'],
    ["a class without a codec", Schema.Option(Schema.instanceOf(Opaque)), '"x" is of a class without a codec'],
    ["a column of Schema.Any", Artifact.table({ c: Schema.Any }), '"x.columns.c" is Schema.Any'],
    ["a symbol key", Schema.Struct({ [Symbol.for("s")]: Schema.Int }), "is a symbol key"],
    ["what is no schema", String as never, '"x" is declared with a value that is not a schema'],
    ["nothing", undefined as never, '"x" is declared with a value that is not a schema']
  ]
  for (const [what, field, message] of lossy) {
    it(`is refused when the step is made: ${what}`, () => {
      try {
        Step.make("s", { output: { x: field }, run: () => Effect.die("not run") })
        assert.fail("it was accepted")
      } catch (error) {
        assert.instanceOf(error, FlowError)
        assert.strictEqual(error.reason, "schema")
        assert.include(error.message, 'The output of step "s" can\'t be stored')
        assert.include(error.message, message)
      }
    })
  }
})

describe("a name that could not be read back", () => {
  const noColumn = "no column can have this name"
  for (const name of ["__proto__", "\ud800"]) {
    it.effect(`is refused for a column: ${JSON.stringify(name)}`, () =>
      Effect.gen(function* () {
        const columns = Object.fromEntries([[name, ["x"]]])
        const table = Artifact.table(Object.fromEntries([[name, Schema.String]]))
        const give = Step.make("give", {
          output: { v: table },
          run: () => Effect.succeed({ v: { numRows: 1, columns } })
        })
        const run = Flow.run(Flow.make("Give", { steps: [give], run: () => give() }), {})
        assert.include((yield* Effect.flip(run)).message, noColumn)
      }).pipe(Effect.provide(Storage.layerMemory))
    )
  }

  it.effect("is kept as JSON in a column of structs", () =>
    Effect.gen(function* () {
      const rows = Artifact.table({ c: Schema.Struct({ "\ud800": Schema.Int }) })
      const value = { numRows: 1, columns: { c: [{ "\ud800": 1 }] } }
      const give = Step.make("give", { output: { v: rows }, run: () => Effect.succeed({ v: value }) })
      const { output } = yield* Flow.run(Flow.make("Give", { steps: [give], run: () => give() }), {})
      assert.deepStrictEqual((yield* output.v).columns.c, value.columns.c)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it("is refused for a field of a step", () => {
    const fields = Object.fromEntries([["__proto__", Schema.Int]])
    assert.throws(
      () => Step.make("s", { input: fields, run: () => Effect.void as never }),
      /keeps this name for itself/
    )
  })
})

it.live("what is no file is refused before anything waits for it", () =>
  Effect.gen(function* () {
    const pipe = join(yield* temporaryDirectory, "pipe")
    execFileSync("mkfifo", [pipe])
    for (const [path, kind] of [
      [pipe, "a pipe"],
      ["/dev/zero", "a device"]
    ] as const) {
      const put = Step.make("put", { output: { file: Artifact.file() }, run: () => Effect.succeed({ file: path }) })
      const run = Flow.run(Flow.make("Put", { steps: [put], run: () => put() }), {})
      const error = yield* Effect.flip(Effect.provide(run, Storage.layerMemory))
      assert.include(error.message, `${path} can't be stored: it is ${kind}, not a file`)
      const reading = yield* Effect.flip(Parquet.read(path, Artifact.table({ a: Schema.Int })))
      assert.include(reading.message, `it is ${kind}, not a file`)
    }
  })
)

it.live("a file of a store in memory is whole for all that read it at once", () =>
  Effect.gen(function* () {
    const source = join(yield* temporaryDirectory, "big.bin")
    writeFileSync(source, Buffer.alloc(8 << 20, 7))
    const put = Step.make("put", { output: { file: Artifact.file() }, run: () => Effect.succeed({ file: source }) })
    const read = Step.make("read", {
      input: { file: Artifact.file(), i: Schema.Int },
      output: { size: Schema.Int },
      run: ({ file }) =>
        Effect.map(
          Effect.promise(() => readFile(file)),
          ({ length }) => ({ size: length })
        )
    })
    const flow = Flow.make("Files", {
      steps: [put, read],
      run: () =>
        Effect.flatMap(put(), ({ file }) =>
          Effect.flatMap(
            Step.forEach([0, 1, 2, 3, 4, 5], (i) => read({ file, i })),
            (states) => Effect.forEach(states, ({ size }) => size)
          )
        )
    })
    const { output } = yield* Flow.run(flow, {}).pipe(Effect.provide(Storage.layerMemory))
    assert.deepStrictEqual([...new Set(output)], [8 << 20])
  })
)
