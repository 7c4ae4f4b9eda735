import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { allSync } from "../../../src/internal/schema/sync.ts"

describe("allSync", () => {
  it("is an exit if all effects are", () => {
    assert.deepStrictEqual(allSync([Exit.succeed(1), Exit.succeed(2)], 2), Exit.succeed([1, 2]))
  })

  it.effect("runs one effect after the other, or as many at once as it is told", () =>
    Effect.gen(function* () {
      const latch = yield* Deferred.make<void>()
      const waiting = Effect.as(Deferred.await(latch), "waited")
      const opening = Effect.as(Deferred.succeed(latch, undefined), "opened")
      assert.deepStrictEqual(yield* allSync([waiting, opening], 2), ["waited", "opened"])
      const order: Array<number> = []
      yield* allSync(
        [0, 1, 2].map((i) =>
          Effect.andThen(
            Effect.yieldNow,
            Effect.sync(() => order.push(i))
          )
        )
      )
      assert.deepStrictEqual(order, [0, 1, 2])
    })
  )

  it.effect("fails as the first of the list, though another one failed before and a third succeeded", () =>
    Effect.gen(function* () {
      const latch = yield* Deferred.make<void>()
      let hasEnded = false
      const slow = Effect.andThen(Deferred.await(latch), Effect.fail("slow"))
      const fast = Effect.andThen(Deferred.succeed(latch, undefined), Effect.fail("fast"))
      const last = Effect.sync(() => {
        hasEnded = true
      })
      assert.strictEqual(yield* Effect.flip(allSync<unknown, string>([slow, fast, last], 2)), "slow")
      assert.isTrue(hasEnded)
    })
  )
})
