/**
 * Stops a run's body from outside, for one of several reasons: it was cancelled, another process has claimed the run, or
 * this process leaves its runs to others. The code that has the reason calls `by`, so no fiber waits for one.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/** Stops one effect, at most once. */
export class Stop<E> {
  #ending: Effect.Effect<never, E> | undefined
  #listener: ((ending: Effect.Effect<never, E>) => void) | undefined

  /** Ends the effect with this one; then its own fiber is interrupted. Only the first call counts. */
  by(ending: Effect.Effect<never, E>): void {
    if (this.#ending !== undefined) return
    this.#ending = ending
    this.#listener?.(ending)
  }

  /** Runs the effect until it ends or is stopped. */
  within<A, E2, R>(self: Effect.Effect<A, E2, R>): Effect.Effect<A, E | E2, R> {
    return Effect.contextWith((context) =>
      Effect.callback((resume) => {
        if (this.#ending !== undefined) return resume(this.#ending)
        const fiber = Effect.runForkWith(context)(self)
        const stop = (ending: Effect.Effect<never, E>) =>
          resume(Effect.flatMap(Effect.exit(ending), (exit) => Effect.andThen(Fiber.interrupt(fiber), exit)))
        fiber.addObserver(resume)
        // It may have been stopped while it began, by what it called.
        if (this.#ending === undefined) this.#listener = stop
        else stop(this.#ending)
        return Fiber.interrupt(fiber)
      })
    )
  }
}
