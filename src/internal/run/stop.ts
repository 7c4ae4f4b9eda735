/**
 * Stops a run's body from outside, for one of several reasons: it was cancelled, another process has claimed the run, or
 * this process leaves its runs to others. The code that has the reason calls `by`, so no fiber waits for one.
 */
import type * as Effect from "effect/Effect"

/** Stops one fiber, at most once (`ownFiber.ts`). */
export class Stop<E> {
  #ending: Effect.Effect<never, E> | undefined
  #listener: ((ending: Effect.Effect<never, E>) => void) | undefined

  /** How the fiber is to end, if it is to. */
  get ending(): Effect.Effect<never, E> | undefined {
    return this.#ending
  }

  /** Runs this effect, interrupts the fiber, and has the effect's exit in place of the fiber's. Only the first call counts. */
  by(ending: Effect.Effect<never, E>): void {
    if (this.#ending !== undefined) return
    this.#ending = ending
    this.#listener?.(ending)
  }

  /** Calls the listener with the ending: at once, if the fiber was stopped while it began, by what it called. */
  listen(listener: (ending: Effect.Effect<never, E>) => void): void {
    if (this.#ending === undefined) this.#listener = listener
    else listener(this.#ending)
  }
}
