import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Artifact from "../../../src/Artifact.ts"
import * as Description from "../../../src/internal/schema/description.ts"

const difference = (stored: Artifact.Any, reading: Artifact.Any) =>
  Description.difference(stored.description().text, reading.description().text)

describe("Description.typeText", () => {
  it("says what a schema is in a few words", () => {
    class Point extends Schema.Class<Point>("Point")({ x: Schema.Number }) {}
    interface Tree {
      readonly children: ReadonlyArray<Tree>
    }
    const Tree: Schema.Codec<Tree> = Schema.Struct({ children: Schema.Array(Schema.suspend(() => Tree)) })
    const texts: ReadonlyArray<readonly [Schema.Top, string]> = [
      [Schema.Int, "Int"],
      [Schema.Finite, "Number (a finite number)"],
      [Schema.NullOr(Schema.String), "String | Null"],
      [Schema.Literals([0, 1]), "0 | 1"],
      [Schema.Literals(["a", "b"]), '"a" | "b"'],
      [
        Schema.Struct({ a: Schema.Int, b: Schema.optionalKey(Schema.Array(Schema.Date)) }),
        "{ a: Int, b?: Array<Date> }"
      ],
      [Schema.Record(Schema.String, Schema.BigInt), "{ [String]: BigInt }"],
      [Schema.Tuple([Schema.Int, Schema.String]), "[Int, String]"],
      [Schema.Option(Schema.Int), "Option<Int>"],
      [Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1 })), "Int (a value between 0 and 1)"],
      [Point, "Point"],
      [Schema.Struct({}), "{}"]
    ]
    for (const [schema, text] of texts) assert.strictEqual(Description.typeText(schema), text)
    assert.isAtMost(
      Description.typeText(Schema.Literals(Array.from({ length: 50 }, (_, i) => `name ${i}`))).length,
      100
    )
    assert.isString(Description.typeText(Tree))
  })
})

describe("Description.difference", () => {
  it("names the field and both sides", () => {
    const stored = Artifact.json(Schema.Struct({ labels: Schema.Int, old: Schema.String }))
    const reading = Artifact.json(Schema.Struct({ labels: Schema.String, new: Schema.String }))
    assert.strictEqual(
      difference(stored, reading),
      "field labels: stored as Int, read as String; field old: only in the stored schema; field new: only in the schema that reads it"
    )
  })

  it("goes into lists and nested structs", () => {
    const of = (inner: Schema.Codec<any, any>) =>
      Artifact.json(Schema.Struct({ rows: Schema.Array(Schema.Struct({ x: inner })) }))
    assert.strictEqual(difference(of(Schema.Int), of(Schema.Boolean)), "field rows[].x: stored as Int, read as Boolean")
  })

  it("tells optional from required, and a check from none", () => {
    const stored = Artifact.json(Schema.Struct({ a: Schema.Int, b: Schema.Int }))
    const reading = Artifact.json(
      Schema.Struct({
        a: Schema.optionalKey(Schema.Int),
        b: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1 }))
      })
    )
    assert.strictEqual(
      difference(stored, reading),
      "field a: stored as required, read as optional; field b: stored as Int, read as Int (a value between 0 and 1)"
    )
  })

  it("compares what is not a struct as a whole", () => {
    assert.strictEqual(
      difference(Artifact.json(Schema.Int), Artifact.json(Schema.String)),
      "stored as Int, read as String"
    )
  })

  it("compares the types of values that are stored alike", () => {
    const upper = Schema.String.pipe(
      Schema.decodeTo(Schema.Literals(["A"]), { decode: { run: () => 0 } as never, encode: { run: () => 0 } as never })
    )
    assert.strictEqual(difference(Artifact.json(Schema.String), Artifact.json(upper)), 'stored as String, read as "A"')
  })

  it("compares tables by column and tensors by name", () => {
    assert.strictEqual(
      difference(
        Artifact.table({ labels: Schema.Int, data: Artifact.column("float32") }),
        Artifact.table({ labels: Schema.String, data: Schema.Number, more: Schema.Int })
      ),
      "column labels: stored as Int, read as String; column data: stored as float32, read as Number; column more: only in the schema that reads it"
    )
    assert.strictEqual(
      difference(
        Artifact.tensors({ w: { dtype: "F32" } }),
        Artifact.tensors({ w: { dtype: "F64", shape: [null, 2] } })
      ),
      "tensor w: stored as F32, read as F64 [any, 2]"
    )
  })

  it("tells formats and media types apart", () => {
    assert.strictEqual(difference(Artifact.json(Schema.Int), Artifact.bytes()), "format: stored as json, read as bytes")
    assert.strictEqual(
      difference(Artifact.text(), Artifact.text("text/csv")),
      "media type: stored as text/plain, read as text/csv"
    )
  })

  it("reports schemas that differ only in annotations", () => {
    const plain = Artifact.json(Schema.Struct({ n: Schema.Int }))
    const annotated = Artifact.json(Schema.Struct({ n: Schema.Int.annotate({ description: "how many" }) }))
    assert.strictEqual(difference(plain, annotated), "the schemas differ only in how they are described")
  })

  it("terminates for a recursive schema", () => {
    interface Tree {
      readonly children: ReadonlyArray<Tree>
    }
    const tree = (label: Schema.Codec<any, any>) => {
      const Node: Schema.Codec<Tree> = Schema.Struct({
        children: Schema.Array(Schema.suspend(() => Node)),
        label
      }) as unknown as Schema.Codec<Tree>
      return Artifact.json(Node)
    }
    assert.include(difference(tree(Schema.Int), tree(Schema.String)), "stored as Int, read as String")
  })

  it("tells of the first few of many", () => {
    const of = (field: Schema.Codec<any, any>) =>
      Artifact.json(Schema.Struct(Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`f${i}`, field]))))
    assert.match(difference(of(Schema.Int), of(Schema.String)), /; and 5 more$/)
  })
})
