import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Artifact from "../../../src/Artifact.ts"

describe("a table that several tasks receive", () => {
  const table = Artifact.table({
    text: Schema.String,
    label: Schema.Literals([0, 1]),
    words: Schema.Array(Schema.Struct({ word: Schema.String })),
    weight: Schema.Number,
    day: Schema.Date,
    count: Artifact.column("int32")
  })
  const value = () => ({
    numRows: 1,
    columns: {
      text: ["good"],
      label: [1 as const],
      words: [[{ word: "good" }]],
      weight: [0.5],
      day: [new Date(0)],
      count: Int32Array.of(1)
    }
  })
  const received = () => {
    const shared = value()
    const receive = table.sharing?.()?.receive ?? ((table) => table)
    return [receive(shared).columns, receive(shared).columns] as const
  }

  it("has its lists in common, frozen at any depth", () => {
    const [one, other] = received()
    for (const name of ["text", "label", "words"] as const) {
      assert.strictEqual(one[name], other[name])
      assert.isFrozen(one[name])
    }
    for (const part of [one.words[0], one.words[0]?.[0]]) assert.isFrozen(part)
  })

  it("has columns of its own where they can't be frozen", () => {
    const [one, other] = received()
    for (const name of ["weight", "day", "count"] as const) {
      assert.notStrictEqual<unknown>(one[name], other[name])
      assert.deepStrictEqual<unknown>(one[name], value().columns[name])
    }
    assert.notStrictEqual(one.day[0], other.day[0])
  })
})
