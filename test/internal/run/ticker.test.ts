/** What wakes recorders, and what stops a run's body. */
import { AsyncLocalStorage } from "node:async_hooks"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { stoppable } from "../../../src/internal/run/ownFiber.ts"
import { Stop } from "../../../src/internal/run/stop.ts"
import * as Ticker from "../../../src/internal/run/ticker.ts"

describe("a ticker", () => {
  it.effect("asks each member at every tick, but not while it is at work, and none that has left", () =>
    Effect.gen(function* () {
      const asked = { quick: 0, slow: 0 }
      const finish = yield* Deferred.make<void>()
      const scopes = { quick: yield* Scope.make(), slow: yield* Scope.make() }
      const asking = (name: keyof typeof asked, work: Effect.Effect<void>): Ticker.Ticking => ({
        tick: () => {
          asked[name]++
          return work
        }
      })
      const quick = asking("quick", Effect.void)
      const slow = asking("slow", Deferred.await(finish))
      yield* Ticker.join(quick, scopes.quick)
      yield* Ticker.join(slow, scopes.slow)
      yield* TestClock.adjust(Ticker.intervalMs * 3)
      assert.deepStrictEqual(asked, { quick: 3, slow: 1 })
      yield* Deferred.succeed(finish, undefined)
      yield* Scope.close(scopes.quick, Exit.void)
      yield* TestClock.adjust(Ticker.intervalMs * 2)
      assert.deepStrictEqual(asked, { quick: 3, slow: 3 })
      yield* Scope.close(scopes.slow, Exit.void)
      yield* TestClock.adjust(Ticker.intervalMs * 2)
      assert.deepStrictEqual(asked, { quick: 3, slow: 3 })
    })
  )

  it.effect("does what a member has to do in the member's async context", () =>
    Effect.gen(function* () {
      const request = new AsyncLocalStorage<string>()
      const seen: Array<string | undefined> = []
      const noting = { tick: () => Effect.sync(() => void seen.push(request.getStore())) }
      const scope = yield* Scope.make()
      const context = yield* Effect.context<never>()
      for (const name of ["first", "second"])
        request.run(name, () => Effect.runForkWith(context)(Ticker.join(noting, scope)))
      yield* TestClock.adjust(Ticker.intervalMs)
      assert.deepStrictEqual(seen, ["first", "second"])
      yield* Scope.close(scope, Exit.void)
    })
  )

  it.effect("interrupts what a member does when it leaves", () =>
    Effect.gen(function* () {
      const interrupted = yield* Deferred.make<void>()
      const scope = yield* Scope.make()
      const work = Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined))
      yield* Ticker.join({ tick: () => work }, scope)
      yield* TestClock.adjust(Ticker.intervalMs)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(yield* Deferred.isDone(interrupted))
    })
  )
})

describe("a stop", () => {
  it.effect("ends an effect with its own ending, after which the effect is interrupted", () =>
    Effect.gen(function* () {
      const steps: Array<string> = []
      const note = (step: string) => Effect.sync(() => void steps.push(step))
      const stop = new Stop<string>()
      const fiber = yield* Effect.forkChild(
        stoppable(
          Effect.onInterrupt(Effect.never, () => note("interrupted")),
          stop
        ),
        {
          startImmediately: true
        }
      )
      stop.by(Effect.andThen(note("ending"), Effect.fail("stopped")))
      stop.by(Effect.fail("stopped again"))
      assert.deepStrictEqual(yield* Fiber.await(fiber), Exit.fail("stopped"))
      assert.deepStrictEqual(steps, ["ending", "interrupted"])
    })
  )

  it.effect("counts while the effect begins, and before it", () =>
    Effect.gen(function* () {
      const early = new Stop<string>()
      early.by(Effect.fail("early"))
      assert.strictEqual(yield* Effect.flip(stoppable(Effect.die("it began"), early)), "early")
      const own = new Stop<string>()
      const byItself = Effect.andThen(
        Effect.sync(() => own.by(Effect.fail("by itself"))),
        Effect.never
      )
      assert.strictEqual(yield* Effect.flip(stoppable(byItself, own)), "by itself")
    })
  )

  it.effect("leaves alone an effect that has ended", () =>
    Effect.gen(function* () {
      const stop = new Stop<string>()
      assert.strictEqual(yield* stoppable(Effect.succeed(1), stop), 1)
      stop.by(Effect.fail("late"))
    })
  )
})
