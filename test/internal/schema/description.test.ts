import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Artifact from "../../../src/Artifact.ts"
import * as Description from "../../../src/internal/schema/description.ts"

const difference = (there: Artifact.Any, here: Artifact.Any) =>
  Description.difference(there.description().text, here.description().text)

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
    const there = Artifact.json(Schema.Struct({ labels: Schema.Int, old: Schema.String }))
    const here = Artifact.json(Schema.Struct({ labels: Schema.String, new: Schema.String }))
    assert.strictEqual(
      difference(there, here),
      "field labels: Int there, String here; field old: only there; field new: only here"
    )
  })

  it("goes into lists and nested structs", () => {
    const of = (inner: Schema.Codec<any, any>) =>
      Artifact.json(Schema.Struct({ rows: Schema.Array(Schema.Struct({ x: inner })) }))
    assert.strictEqual(difference(of(Schema.Int), of(Schema.Boolean)), "field rows[].x: Int there, Boolean here")
  })

  it("tells optional from required, and a check from none", () => {
    const there = Artifact.json(Schema.Struct({ a: Schema.Int, b: Schema.Int }))
    const here = Artifact.json(
      Schema.Struct({
        a: Schema.optionalKey(Schema.Int),
        b: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1 }))
      })
    )
    assert.strictEqual(
      difference(there, here),
      "field a: required there, optional here; field b: Int there, Int (a value between 0 and 1) here"
    )
  })

  it("compares what is not a struct as a whole", () => {
    assert.strictEqual(difference(Artifact.json(Schema.Int), Artifact.json(Schema.String)), "Int there, String here")
  })

  it("looks at the values where they are stored alike", () => {
    const upper = Schema.String.pipe(
      Schema.decodeTo(Schema.Literals(["A"]), { decode: { run: () => 0 } as never, encode: { run: () => 0 } as never })
    )
    assert.strictEqual(difference(Artifact.json(Schema.String), Artifact.json(upper)), 'String there, "A" here')
  })

  it("compares tables by column and tensors by name", () => {
    assert.strictEqual(
      difference(
        Artifact.table({ labels: Schema.Int, data: Artifact.column("float32") }),
        Artifact.table({ labels: Schema.String, data: Schema.Number, more: Schema.Int })
      ),
      "column labels: Int there, String here; column data: float32 there, Number here; column more: only here"
    )
    assert.strictEqual(
      difference(
        Artifact.tensors({ w: { dtype: "F32" } }),
        Artifact.tensors({ w: { dtype: "F64", shape: [null, 2] } })
      ),
      "tensor w: F32 there, F64 [any, 2] here"
    )
  })

  it("tells formats and media types apart", () => {
    assert.strictEqual(difference(Artifact.json(Schema.Int), Artifact.bytes()), "format: json there, bytes here")
    assert.strictEqual(
      difference(Artifact.text(), Artifact.text("text/csv")),
      "media type: text/plain there, text/csv here"
    )
  })

  it("says so where only the annotations differ", () => {
    const plain = Artifact.json(Schema.Struct({ n: Schema.Int }))
    const annotated = Artifact.json(Schema.Struct({ n: Schema.Int.annotate({ description: "how many" }) }))
    assert.strictEqual(difference(plain, annotated), "the schemas differ only in how they are described")
  })

  it("ends where a schema contains itself", () => {
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
    assert.include(difference(tree(Schema.Int), tree(Schema.String)), "Int there, String here")
  })

  it("tells of the first few of many", () => {
    const of = (field: Schema.Codec<any, any>) =>
      Artifact.json(Schema.Struct(Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`f${i}`, field]))))
    assert.match(difference(of(Schema.Int), of(Schema.String)), /; and 5 more$/)
  })
})
