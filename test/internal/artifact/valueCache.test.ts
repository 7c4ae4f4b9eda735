/** What is kept of decoded values: what was used last, within a bound. */
import { assert, describe, it } from "@effect/vitest"
import * as ValueCache from "../../../src/internal/artifact/valueCache.ts"

const overhead = 256

describe("a value cache", () => {
  it("gives what was set, as the same object", () => {
    const cache = ValueCache.make(10_000)
    const value = { x: 1 }
    cache.set("a", value, 10)
    assert.strictEqual(cache.get("a")?.value, value)
    assert.isUndefined(cache.get("b"))
    cache.set("undefined", undefined, 1)
    assert.deepStrictEqual(cache.get("undefined")?.value, undefined)
    assert.isDefined(cache.get("undefined"))
  })
  it("lets go of what was used longest ago", () => {
    const cache = ValueCache.make(4 * (1000 + overhead))
    for (const key of ["a", "b", "c"]) cache.set(key, key, 1000)
    cache.get("a")
    cache.set("d", "d", 1000)
    cache.set("e", "e", 1000)
    assert.isUndefined(cache.get("b"))
    for (const key of ["a", "c", "d", "e"]) assert.strictEqual(cache.get(key)?.value, key)
  })
  it("counts entries too, so that a million tiny values are bounded", () => {
    const cache = ValueCache.make(100 * overhead)
    for (let i = 0; i < 1000; i++) cache.set(`${i}`, i, 0)
    const kept = Array.from({ length: 1000 }, (_, i) => cache.get(`${i}`)).filter((entry) => entry !== undefined)
    assert.lengthOf(kept, 100)
    assert.isDefined(cache.get("999"))
  })
  it("keeps what a plain list of uses would", () => {
    const limit = 50
    const cache = ValueCache.make(limit * overhead)
    let uses: Array<string> = []
    for (let i = 0; i < 5000; i++) {
      const key = `${(i * i * 7 + (i >> 3)) % 173}`
      // Up to half of the bound the order of use is not looked after.
      if (i % 3 === 0 && uses.length * 2 > limit) {
        assert.strictEqual(cache.get(key) !== undefined, uses.includes(key))
        if (!uses.includes(key)) continue
      } else cache.set(key, key, 0)
      uses = [...uses.filter((one) => one !== key), key].slice(-limit)
    }
    for (let i = 0; i < 173; i++) assert.strictEqual(cache.get(`${i}`) !== undefined, uses.includes(`${i}`))
  })
  it("does not keep what is larger than its bound, nor an older value in its place", () => {
    const cache = ValueCache.make(1000)
    cache.set("a", "small", 10)
    cache.set("a", "large", 2000)
    assert.isUndefined(cache.get("a"))
    cache.set("b", "b", 700)
    assert.isDefined(cache.get("b"))
  })
})
