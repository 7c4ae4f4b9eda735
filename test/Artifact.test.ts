import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import * as Artifact from "../src/Artifact.ts"
import { anyCharacter } from "./support/anyCharacter.ts"
import { decode, encode, roundTrip } from "./support/codec.ts"

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe("Artifact.json", () => {
  it.effect("has one text for equal values, whatever the order of their keys", () =>
    Effect.gen(function* () {
      const artifact = Artifact.json(Schema.Struct({ b: Schema.Int, a: Schema.Array(Schema.String) }))
      const one = yield* encode(artifact, { b: 1, a: ["x"] })
      const other = yield* encode(artifact, { a: ["x"], b: 1 })
      assert.strictEqual(textOf(one), '{"a":["x"],"b":1}')
      assert.deepStrictEqual(one, other)
    })
  )

  it.effect("stores what JSON has no form for by the schema: dates, bigints, bytes, options, infinities", () =>
    Effect.gen(function* () {
      const artifact = Artifact.json(
        Schema.Struct({
          date: Schema.Date,
          bigint: Schema.BigInt,
          bytes: Schema.Uint8Array,
          option: Schema.Option(Schema.Int),
          numbers: Schema.Array(Schema.Number),
          missing: Schema.UndefinedOr(Schema.String)
        })
      )
      const value = {
        date: new Date(0),
        bigint: 2n ** 70n,
        bytes: Uint8Array.of(1, 2),
        option: Option.some(3),
        numbers: [Number.NaN, Number.POSITIVE_INFINITY, 1.5],
        missing: undefined
      }
      assert.deepStrictEqual(yield* roundTrip(artifact, value), value)
    })
  )

  it.effect("stores instances of a class and reads them as instances", () =>
    Effect.gen(function* () {
      class Point extends Schema.Class<Point>("Point")({ x: Schema.Number }) {
        get double() {
          return this.x * 2
        }
      }
      const artifact = Artifact.json(Point)
      const point = yield* roundTrip(artifact, new Point({ x: 4 }))
      assert.strictEqual(point.double, 8)
    })
  )

  it.effect("returns what it was given, for any JSON value", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.jsonValue({ stringUnit: anyCharacter, maxDepth: 6 }), (value) =>
          Effect.runPromise(
            Effect.gen(function* () {
              const artifact = Artifact.json(Schema.Json)
              const plain = structuredClone(value) as Schema.Json
              assert.deepStrictEqual(JSON.parse(textOf(yield* encode(artifact, plain))), plain)
              assert.deepStrictEqual(yield* roundTrip(artifact, plain), plain)
            })
          )
        )
      )
    )
  )

  it.effect("freezes what it decodes, all the way down, and nothing that it encodes", () =>
    Effect.gen(function* () {
      const artifact = Artifact.json(Schema.Struct({ list: Schema.Array(Schema.Struct({ n: Schema.Int })) }))
      const value = { list: [{ n: 1 }] }
      const back = yield* roundTrip(artifact, value)
      for (const frozen of [back, back.list, back.list[0]]) assert.isTrue(Object.isFrozen(frozen))
      for (const own of [value, value.list, value.list[0]]) assert.isFalse(Object.isFrozen(own))
    })
  )

  it.effect("does not freeze a value that it rejects", () =>
    Effect.gen(function* () {
      const value = { n: 1.5 }
      yield* Effect.flip(encode(Artifact.json(Schema.Struct({ n: Schema.Int })), value))
      assert.isFalse(Object.isFrozen(value))
    })
  )

  it.effect("says in a sentence, with a path, what breaks the schema", () =>
    Effect.gen(function* () {
      const artifact = Artifact.json(
        Schema.Struct({
          scores: Schema.Array(Schema.Int),
          name: Schema.String.check(Schema.isMinLength(2)),
          kind: Schema.Literals(["a", "b"])
        })
      )
      const sound = { scores: [1], name: "ab", kind: "a" as const }
      const broken: ReadonlyArray<readonly [object, string, ReadonlyArray<PropertyKey>]> = [
        [{ ...sound, scores: [1, 2, 1.5] }, "expected an integer, got 1.5", ["scores", 2]],
        [{ ...sound, scores: ["1"] }, 'expected number, got "1"', ["scores", 0]],
        [{ ...sound, name: "a" }, 'expected a value with a length of at least 2, got "a"', ["name"]],
        [{ ...sound, kind: "c" }, 'expected "a" | "b", got "c"', ["kind"]],
        [{ scores: [], name: "ab" }, "it is missing", ["kind"]],
        [[1, 2, 3], "expected object, got an array of 3", []]
      ]
      for (const [value, message, path] of broken) {
        const error = yield* Effect.flip(encode(artifact, value as typeof sound))
        assert.strictEqual(error._tag, "CodecError")
        assert.strictEqual(error.message, message)
        assert.deepStrictEqual(error.path, path)
      }
    })
  )

  it.effect("rejects stored bytes that are no UTF-8, no JSON, or another schema's", () =>
    Effect.gen(function* () {
      const artifact = Artifact.json(Schema.Struct({ n: Schema.Int }))
      const notText = yield* Effect.flip(decode(artifact, Uint8Array.of(0xff, 0xfe)))
      assert.strictEqual(notText.message, "the stored bytes are not valid UTF-8")
      const notJson = yield* Effect.flip(decode(artifact, new TextEncoder().encode('{"n":')))
      assert.match(notJson.message, /^the stored bytes are not valid JSON: /)
      const other = yield* Effect.flip(decode(artifact, new TextEncoder().encode('{"n":"x"}')))
      assert.strictEqual(other.message, 'expected number, got "x"')
      assert.deepStrictEqual(other.path, ["n"])
    })
  )

  it.effect("refuses a schema that takes anything", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(encode(Artifact.json(Schema.Struct({ a: Schema.Any })), { a: 1 }))
      assert.deepStrictEqual(error.path, ["a"])
      assert.match(error.message, /^it is Schema.Any, which accepts values that can.t be stored/)
    })
  )

  it("is one artifact for one schema", () => {
    const schema = Schema.Struct({ n: Schema.Int })
    assert.strictEqual(Artifact.json(schema), Artifact.json(schema))
  })

  it.effect("of a list knows the artifact of its elements", () =>
    Effect.gen(function* () {
      const list = Artifact.json(Schema.Array(Schema.Struct({ at: Schema.Date })))
      const item = list.item?.() as Artifact.Artifact<{ readonly at: Date }>
      assert.strictEqual(textOf(yield* encode(item, { at: new Date(0) })), '{"at":"1970-01-01T00:00:00.000Z"}')
      assert.isUndefined(Artifact.json(Schema.Struct({})).item)
      assert.isUndefined(Artifact.json(Schema.Tuple([Schema.Int, Schema.Int])).item)
    })
  )
})

describe("Artifact.bytes and Artifact.text", () => {
  it.effect("keep bytes as they are, without a copy", () =>
    Effect.gen(function* () {
      const value = Uint8Array.of(1, 2, 3)
      const encoded = yield* Artifact.bytes("image/png").encode(value)
      assert.strictEqual((encoded as ReadonlyArray<Uint8Array>)[0], value)
      assert.strictEqual(yield* decode(Artifact.bytes(), value), value)
    })
  )

  it.effect("keep any text, a byte order mark included", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.string({ unit: anyCharacter }), async (value) => {
          const text = value.toWellFormed()
          assert.strictEqual(await Effect.runPromise(roundTrip(Artifact.text("text/markdown"), text)), text)
        }),
        { examples: [["\uFEFFa"]] }
      )
    )
  )

  it.effect("reject what is no bytes, no text, or half a character", () =>
    Effect.gen(function* () {
      const noBytes = yield* Effect.flip(encode(Artifact.bytes(), "x" as unknown as Uint8Array))
      assert.strictEqual(noBytes.message, 'expected bytes (a Uint8Array), got "x"')
      const noText = yield* Effect.flip(encode(Artifact.text(), 3 as unknown as string))
      assert.strictEqual(noText.message, "expected a string, got 3")
      const half = yield* Effect.flip(encode(Artifact.text(), "a\uD800"))
      assert.strictEqual(half.message, "the text has half a surrogate pair, which UTF-8 can't hold")
    })
  )
})

describe("Artifact.file", () => {
  it.effect("is given as a path and read as the path of a file in the store", () =>
    Effect.gen(function* () {
      const artifact = Artifact.file("text/csv")
      assert.deepStrictEqual(yield* artifact.encode("data/a.csv"), { path: "data/a.csv" })
      const path = yield* artifact.decode({ bytes: Effect.die("not read"), path: Effect.succeed("/store/blob") })
      assert.strictEqual(path, "/store/blob")
      const error = yield* Effect.flip(artifact.encode(1 as unknown as string))
      assert.strictEqual(error.message, "expected the path of a file, got 1")
    })
  )
})

describe("Artifact.transform", () => {
  it.effect("stores a value as another artifact's", () =>
    Effect.gen(function* () {
      const artifact = Artifact.transform(Artifact.json(Schema.Array(Schema.Int)), {
        encode: (value: Set<number>) => Effect.succeed([...value].sort()),
        decode: (value) => Effect.succeed(new Set(value))
      })
      assert.strictEqual(textOf(yield* encode(artifact, new Set([2, 1]))), "[1,2]")
      assert.deepStrictEqual(yield* roundTrip(artifact, new Set([2, 1])), new Set([1, 2]))
      assert.strictEqual(artifact.description().digest, Artifact.json(Schema.Array(Schema.Int)).description().digest)
    })
  )
})

describe("descriptions", () => {
  it("have one digest for one schema, and another for any other", () => {
    const of = (artifact: Artifact.Any) => artifact.description().digest
    const schemas = [
      Artifact.json(Schema.Int),
      Artifact.json(Schema.Number),
      Artifact.json(Schema.Array(Schema.Int)),
      Artifact.table({ n: Schema.Int }),
      Artifact.table({ n: Artifact.column("float32") }),
      Artifact.table({ n: Artifact.column("float64") }),
      Artifact.tensors(),
      Artifact.tensors({ n: { dtype: "F32" } }),
      Artifact.bytes(),
      Artifact.text(),
      Artifact.file()
    ]
    assert.strictEqual(new Set(schemas.map(of)).size, schemas.length)
    assert.strictEqual(
      of(Artifact.json(Schema.Struct({ n: Schema.Int }))),
      of(Artifact.json(Schema.Struct({ n: Schema.Int })))
    )
  })

  it("tell a transformed value from its stored form", () => {
    const dates = Artifact.json(Schema.DateFromString).description()
    const texts = Artifact.json(Schema.String).description()
    assert.notStrictEqual(dates.digest, texts.digest)
  })

  it("cope with declarations and checks of a program's own", () => {
    class Opaque {}
    const own = Schema.Struct({
      declared: Schema.instanceOf(Opaque),
      checked: Schema.String.check(Schema.makeFilter((text) => text.length > 2))
    })
    assert.include(Artifact.json(own).description().text, "effect-flow/custom")
    assert.isString(Artifact.json(Schema.UniqueSymbol(Symbol("local"))).description().digest)
  })
})
