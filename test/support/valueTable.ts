/**
 * Values that come back as they were, and values that are refused: one row for each way in which values have gone astray.
 * And a flow over all of them; a module of its own, so that worker threads make the same flow.
 */
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as Artifact from "../../src/Artifact.ts"
import type { ArtifactError } from "../../src/ArtifactStore.ts"
import * as Flow from "../../src/Flow.ts"
import * as Step from "../../src/Step.ts"
import { fingerprint } from "./fingerprint.ts"

const column = (schema: Schema.Codec<any, any>) => Artifact.table({ c: schema })
const columnOf = (...values: ReadonlyArray<unknown>) => ({ numRows: values.length, columns: { c: values } })

const through = <A, I>(from: Schema.Codec<I>, to: Schema.Codec<A>, decode: (i: I) => A, encode: (a: A) => I) =>
  from.pipe(
    Schema.decodeTo(to, { decode: SchemaGetter.transform(decode), encode: SchemaGetter.transform(encode) })
  ) as Schema.Codec<A, I>

export const dayMs = 86_400_000
const Trimmed = through(
  Schema.String,
  Schema.String,
  (text) => text.trim(),
  (text) => text
)
export const Day = through(
  Schema.Number,
  Schema.Date,
  (n) => new Date(n * dayMs),
  (at) => Math.floor(at.getTime() / dayMs)
)
const Path = through(
  Schema.String,
  Schema.URL,
  (path) => new URL(path, "http://a"),
  (url) => url.pathname
)
const A = Schema.Struct({ a: Schema.Number })
const AB = Schema.Struct({ a: Schema.Number, b: Schema.Number })
class Base extends Schema.Class<Base>("Base")({ a: Schema.Number }) {}
class Derived extends Base.extend<Derived>("Derived")({ b: Schema.Number }) {}
const derived = new Derived({ a: 1, b: 2 })

/** What a value is, its field, and the value. */
export const kept: ReadonlyArray<readonly [string, Artifact.Field, unknown]> = [
  ["options of options", Schema.Option(Schema.Option(Schema.Number)), Option.some(Option.none())],
  ["a result", Schema.Result(Schema.Number, Schema.Date), Result.fail(new Date(1))],
  ["a duration of nanoseconds", Schema.Duration, Duration.nanos(3n)],
  ["a chunk", Schema.Chunk(Schema.Date), Chunk.make(new Date(1))],
  ["a hash map with structs as keys", Schema.HashMap(A, Schema.Date), HashMap.make([{ a: 1 }, new Date(2)])],
  [
    "a map with equal structs as keys",
    Schema.ReadonlyMap(A, Schema.Number),
    new Map([
      [{ a: 1 }, 1],
      [{ a: 1 }, 2]
    ])
  ],
  ["a record with a key of the prototype", Schema.Record(Schema.String, A), JSON.parse('{"__proto__":{"a":1}}')],
  ["a record with keys of Object.prototype", Schema.Record(Schema.String, Schema.Int), { constructor: 1, toString: 2 }],
  ["a tuple without its optional element", Schema.Tuple([A, Schema.optionalKey(A)]), [{ a: 1 }]],
  ["a property that is undefined", Schema.Struct({ a: Schema.optional(Schema.Number) }), { a: undefined }],
  ["half a surrogate pair and a NUL", Schema.String, "a\ud800\0"],
  ["the last date there is", Schema.Date, new Date(8.64e15)],
  ["a symbol of the registry", Schema.Symbol, Symbol.for("x")],
  ["a class in a union", Schema.Union([Derived, Base]), derived],
  ["bytes of shared memory", Artifact.bytes(), new Uint8Array(new SharedArrayBuffer(2)).fill(7)],
  ["bytes of resizable memory", Artifact.bytes(), new Uint8Array(new ArrayBuffer(2, { maxByteLength: 9 })).fill(7)],
  ["a column of options", column(Schema.Option(Schema.Number)), columnOf(Option.none(), Option.some(-0))]
]

/** What a value is, its field, the value, and the place and the sentence of the refusal. */
export const refused: ReadonlyArray<readonly [string, Artifact.Field, unknown, string, RegExp]> = [
  [
    "some(null) under a schema that writes none as null",
    Schema.OptionFromNullOr(Schema.NullOr(Schema.Number)),
    Option.some(null),
    "",
    /some of null would come back as none/
  ],
  ["a day of a set", Schema.ReadonlySet(Day), new Set([new Date(5)]), "", /05Z would come back as .*00Z/],
  [
    "a text of a set of structs",
    Schema.ReadonlySet(Schema.Struct({ t: Trimmed })),
    new Set([{ t: "x " }]),
    "t",
    /"x "/
  ],
  ["a text of a chunk", Schema.Chunk(Trimmed), Chunk.make("a", "x "), "1", /"x " would come back as "x"/],
  ["a text of a hash set", Schema.HashSet(Trimmed), HashSet.make("x "), "", /"x " would come back as "x"/],
  ["a day of an option", Schema.Option(Day), Option.some(new Date(5)), "value", /would come back/],
  ["a day as a column", column(Schema.ReadonlySet(Day)), columnOf(new Set([new Date(5)])), "columns.c.0", /would come/],
  [
    "a URL without its query",
    Path,
    new URL("http://a/b?c"),
    "",
    /"http:\/\/a\/b\?c" would come back as "http:\/\/a\/b"/
  ],
  [
    "a key that a record of the union has",
    Schema.Union([A, Schema.Record(Schema.String, Schema.Int)]),
    { a: 1, z: 2 },
    "z",
    /lost/
  ],
  ["a key under Schema.Unknown", Schema.Union([Schema.Array(A), Schema.Unknown]), [{ a: 1, z: 2 }], "0.z", /lost/],
  ["a key of a suspended member", Schema.Union([A, Schema.suspend(() => AB)]), { a: 1, b: 2 }, "b", /lost/],
  ["a key of a set's struct", Schema.ReadonlySet(Schema.Union([A, AB])), new Set([{ a: 1, b: 2 }]), "b", /lost/],
  ["a class of a union", Schema.Union([A, Base]), new Base({ a: 1 }), "", /a Base would come back as an object/],
  ["a derived class of a union", Schema.Union([Base, Derived]), derived, "", /a Derived would come back as a Base/],
  ["a derived class", Base, derived, "", /a Derived would come back as a Base/],
  [
    "a map as a record",
    Schema.Record(Schema.String, Schema.Int),
    new Map([["a", 1]]),
    "",
    /a Map would come back as an/
  ],
  ["a date as a struct", Schema.Struct({}), new Date(0), "", /would come back as an object/],
  [
    "a getter that throws",
    Schema.Struct({ in: A }),
    {
      in: {
        get a() {
          throw new Error("no")
        }
      }
    },
    "in.a",
    /reading it threw Error: no/
  ],
  [
    "-0 among integers of a table",
    column(Schema.NullOr(Schema.Int)),
    columnOf(null, -0),
    "columns.c.1",
    /-0 would come back as 0/
  ],
  [
    "-0 as a literal of a table",
    column(Schema.Literals([0, 1])),
    columnOf(-0),
    "columns.c.0",
    /-0 would come back as 0/
  ],
  [
    "tensors that are null",
    Artifact.tensors(),
    { tensors: null, metadata: {} },
    "tensors",
    /expected \{ tensors, metadata \}/
  ]
]

const stepsOf = (field: Artifact.Field, value: unknown, i: string) => {
  const Value = field as Artifact.Artifact<unknown> // the field that goes with the value
  const give = Step.make(`give-${i}`, { output: { value: Value }, run: () => Effect.succeed({ value }) })
  const look = Step.make(`look-${i}`, {
    input: { value: Value },
    output: { seen: Schema.String },
    run: ({ value }) => Effect.sync(() => ({ seen: fingerprint(value) }))
  })
  return { give, look }
}

const keeping = kept.map(([, field, value], i) => stepsOf(field, value, `kept-${i}`))
const refusing = refused.map(([, field, value], i) => stepsOf(field, value, `refused-${i}`).give)

/** What tasks and the flow see of each value that is kept, and why the others are refused. */
export const ValueTable = Flow.make("ValueTable", {
  steps: [...keeping.flatMap(({ give, look }) => [give, look]), ...refusing],
  run: Effect.fnUntraced(function* () {
    const seen = yield* Effect.forEach(keeping, ({ give, look }) =>
      Effect.gen(function* () {
        const state = yield* give()
        return { byTask: yield* (yield* look(state)).seen, byFlow: fingerprint(yield* state.value) }
      })
    )
    const errors = yield* Effect.forEach(refusing, (give) => Effect.flip(give()))
    return { seen, messages: errors.map((error) => (error as ArtifactError).message) }
  }, Effect.orDie)
})
