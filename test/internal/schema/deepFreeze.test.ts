import { assert, describe, it } from "@effect/vitest"
import { deepFreeze } from "../../../src/internal/schema/deepFreeze.ts"

describe("deepFreeze", () => {
  it("freezes lists and plain objects at any depth, and returns the value", () => {
    const value = { a: [{ b: 1 }], c: Object.assign(Object.create(null), { d: {} }) }
    assert.strictEqual(deepFreeze(value), value)
    for (const part of [value, value.a, value.a[0], value.c, value.c.d]) assert.isTrue(Object.isFrozen(part))
  })

  it("leaves typed arrays, dates, maps and instances as they are", () => {
    class Own {
      n = 1
    }
    const value = { bytes: new Uint8Array(2), date: new Date(0), map: new Map(), own: new Own() }
    deepFreeze(value)
    for (const part of [value.bytes, value.date, value.map, value.own]) assert.isFalse(Object.isFrozen(part))
  })

  it("ends where a value contains itself", () => {
    const value: { self?: object } = {}
    value.self = value
    assert.isTrue(Object.isFrozen(deepFreeze(value)))
  })
})
