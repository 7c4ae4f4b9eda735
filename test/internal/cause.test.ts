import { assert, describe, it } from "@effect/vitest"
import { messageOf } from "../../src/internal/cause.ts"

describe("the message of what was thrown", () => {
  const unreadable = Object.defineProperty({}, "message", {
    get: () => {
      throw new Error("no")
    }
  })
  const cases: ReadonlyArray<readonly [unknown, string]> = [
    [new Error("it broke"), "it broke"],
    [{ reason: "missing", message: "it is gone" }, "it is gone"],
    [{ message: 3, toString: () => "three" }, "three"],
    [{ reason: "missing" }, "an object without a message"],
    ["text", "text"],
    [undefined, "undefined"],
    [null, "null"],
    [Symbol("s"), "Symbol(s)"],
    [Object.create(null), "a value that can't be shown as text"],
    [unreadable, "a value that can't be shown as text"]
  ]
  for (const [cause, message] of cases) {
    it(`is "${message}"`, () => {
      assert.strictEqual(messageOf(cause), message)
    })
  }
})
