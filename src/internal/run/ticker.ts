/**
 * Wakes what has something to do from time to time: the recorders of runs. One fiber serves all that live by the same
 * clock, so that a thousand runs in a process cost one timer, and without any there is none.
 */
import { AsyncLocalStorage, AsyncResource } from "node:async_hooks"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"

/** How often, in milliseconds. */
export const intervalMs = 50

/** A time by both clocks, in milliseconds: the monotonic one stands still while a laptop sleeps, the other can be set. */
export interface Now {
  readonly monotonic: number
  readonly wall: number
}

/** The time by a clock. */
export const nowOf = (clock: Clock.Clock): Now => ({
  monotonic: Number(clock.monotonicTimeNanosUnsafe()) / 1e6,
  wall: clock.currentTimeMillisUnsafe()
})

/** What is woken. */
export interface Ticking {
  /** What is to be done now, if anything. It is not asked again before that has ended. */
  readonly tick: (now: Now) => Effect.Effect<void> | undefined
}

/** Calls a function in the async context of this module: the timer must not keep that of the run that came first. */
const outside = AsyncLocalStorage.snapshot()

class Member {
  readonly #ticking: Ticking
  readonly #context: Context.Context<never>
  /** The async context of the run: a tracer may look for its request there. A snapshot of it as a function is 20 times as large. */
  readonly #asyncContext = new AsyncResource("effect-flow/Run", { requireManualDestroy: true })
  #working: Fiber.Fiber<void> | undefined

  constructor(ticking: Ticking, context: Context.Context<never>) {
    this.#ticking = ticking
    this.#context = context
  }

  wake(now: Now): void {
    if (this.#working !== undefined) return
    const work = this.#ticking.tick(now)
    if (work === undefined) return
    const fiber = this.#asyncContext.runInAsyncScope(() => Effect.runForkWith(this.#context)(work))
    if (fiber.pollUnsafe() !== undefined) return
    this.#working = fiber
    fiber.addObserver(() => {
      this.#working = undefined
    })
  }

  get end(): Effect.Effect<void> {
    return Effect.suspend(() => (this.#working === undefined ? Effect.void : Fiber.interrupt(this.#working)))
  }
}

/** All that live by one clock. */
class Ticker {
  readonly #clock: Clock.Clock
  readonly #members = new Set<Member>()
  #fiber: Fiber.Fiber<void> | undefined

  constructor(clock: Clock.Clock) {
    this.#clock = clock
  }

  get #ticks(): Effect.Effect<never> {
    const wake = Effect.sync(() => {
      const now = nowOf(this.#clock)
      for (const member of this.#members) member.wake(now)
    })
    return Effect.forever(Effect.andThen(Effect.sleep(intervalMs), wake))
  }

  add(member: Member): void {
    this.#members.add(member)
    this.#fiber ??= outside(() => Effect.runFork(Effect.provideService(this.#ticks, Clock.Clock, this.#clock)))
  }

  remove(member: Member): void {
    this.#members.delete(member)
    if (this.#members.size > 0) return
    this.#fiber?.interruptUnsafe() // its timer would keep the process
    this.#fiber = undefined
  }
}

const tickers = new WeakMap<Clock.Clock, Ticker>()

/** Wakes something until the scope closes. What it is doing then is interrupted. */
export const join = (ticking: Ticking, scope: Scope.Scope): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    const context = fiber.context as Context.Context<never>
    const clock = fiber.getRef(Clock.Clock)
    const ticker = tickers.get(clock) ?? new Ticker(clock)
    tickers.set(clock, ticker)
    const member = new Member(ticking, context)
    ticker.add(member)
    return Scope.addFinalizer(
      scope,
      Effect.suspend(() => {
        ticker.remove(member)
        return member.end
      })
    )
  })
