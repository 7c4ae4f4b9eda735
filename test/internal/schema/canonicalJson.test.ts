import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as CanonicalJson from "../../../src/internal/schema/canonicalJson.ts"

/** What RFC 8785 says, written down as plainly as can be. */
const oracle = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(oracle).join(",")}]`
  if (typeof value === "object" && value !== null) {
    const pairs = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${pairs.map(([key, item]) => `${JSON.stringify(key)}:${oracle(item)}`).join(",")}}`
  }
  return Object.is(value, -0) ? "-0" : JSON.stringify(value) // the one difference
}

/** The same value with the keys of every object in another order. */
const shuffled = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shuffled)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, shuffled(item)])
  )
}

describe("CanonicalJson", () => {
  it("sorts keys by code unit at every depth", () => {
    assert.strictEqual(CanonicalJson.stringify({ b: [{ d: 1, c: 2 }], a: null }), '{"a":null,"b":[{"c":2,"d":1}]}')
    assert.strictEqual(
      CanonicalJson.stringify({ "\u20ac": 1, "\r": 2, "1": 3, "\ud83d\ude00": 4 }),
      '{"\\r":2,"1":3,"€":1,"😀":4}'
    )
  })

  it("sorts keys that the language would put first, as texts", () => {
    assert.strictEqual(
      CanonicalJson.stringify({ b: 1, "9": 2, "10": 3, a: { "2": 1, "11": 2 } }),
      '{"10":3,"9":2,"a":{"11":2,"2":1},"b":1}'
    )
  })

  it("leaves out what is undefined, and has null for it in a list", () => {
    assert.strictEqual(CanonicalJson.stringify({ b: undefined, a: 1 }), '{"a":1}')
    assert.strictEqual(CanonicalJson.stringify({ z: 1, b: undefined, a: 1 }), '{"a":1,"z":1}')
    assert.strictEqual(CanonicalJson.stringify([undefined]), "[null]")
    assert.strictEqual(CanonicalJson.stringify(undefined), "null")
  })

  it("does not ask instances how they want to be written", () => {
    assert.strictEqual(
      CanonicalJson.stringify({ toJSON: "a key like any other", a: 1 }),
      '{"a":1,"toJSON":"a key like any other"}'
    )
  })

  it("keeps a key that names the prototype", () => {
    assert.strictEqual(
      CanonicalJson.stringify(JSON.parse('{"b":1,"__proto__":{"x":1}}')),
      '{"__proto__":{"x":1},"b":1}'
    )
  })

  it("does not change the value", () => {
    const value = { b: [{ d: 1, c: 2 }], a: 1 }
    CanonicalJson.stringify(value)
    assert.strictEqual(JSON.stringify(value), '{"b":[{"d":1,"c":2}],"a":1}')
  })

  it("is what RFC 8785 says, in any order of keys", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = CanonicalJson.stringify(value)
        assert.strictEqual(text, oracle(value))
        assert.strictEqual(CanonicalJson.stringify(shuffled(value)), text)
      })
    )
  })
})
