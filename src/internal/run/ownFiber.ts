/**
 * Runs an effect on a fiber of its own. An attempt is such a fiber, and so is the body of a flow: fibers that are forked
 * inside end with it, an interruption that comes from inside stops nothing outside, and code that breaks Effect's run loop
 * (with something that is not an Effect) ends this fiber alone.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { Stop } from "./stop.ts"

/** Hooks around such a fiber. */
export interface Around<E = never> {
  /** What ends the fiber from outside. Its ending then takes the place of the fiber's exit. */
  readonly stop?: Stop<E>
  /** Starts the fiber by calling its argument, if necessary in an async context of its own. */
  readonly start?: (run: () => void) => void
  /** Finalizes after the fiber has ended. */
  readonly close?: () => Effect.Effect<void> | undefined
}

/**
 * Yields the effect's exit once the fibers that it forked have ended, too. Interrupting it interrupts the fiber and
 * waits for its end.
 *
 * @param context The fiber's initial context.
 */
export const onOwnFiber = <A, E, R, E2 = never>(
  self: Effect.Effect<A, E, R>,
  context: Context.Context<R>,
  around: Around<E2> = {}
): Effect.Effect<Exit.Exit<A, E | E2>> =>
  Effect.callback<Exit.Exit<A, E | E2>>((resume) => {
    const { stop } = around
    if (stop?.ending !== undefined) return resume(Effect.exit(stop.ending))
    let fiber: Fiber.Fiber<A, E> | undefined
    if (around.start === undefined) fiber = begin(self, context, around, resume)
    else
      around.start(() => {
        fiber = begin(self, context, around, resume)
      })
    if (fiber === undefined) return undefined
    const ended = interruptAndClose(fiber, around)
    stop?.listen((ending) => resume(Effect.flatMap(Effect.exit(ending), (exit) => Effect.as(ended, exit))))
    return ended
  })

/** Runs an effect until it ends or is stopped. */
export const stoppable = <A, E, R, E2>(self: Effect.Effect<A, E, R>, stop: Stop<E2>): Effect.Effect<A, E | E2, R> =>
  Effect.contextWith((context: Context.Context<R>) => Effect.flatten(onOwnFiber(self, context, { stop })))

const begin = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  context: Context.Context<R>,
  around: Pick<Around, "close">,
  resume: (ended: Effect.Effect<Exit.Exit<A, E>>) => void
): Fiber.Fiber<A, E> => {
  const fiber = Effect.runForkWith(context)(self)
  fiber.addObserver((exit) => {
    const closing = around.close?.()
    resume(closing === undefined ? Effect.succeed(exit) : Effect.as(closing, exit))
  })
  return fiber
}

/** The observer that would have closed it is no longer awaited. */
const interruptAndClose = (fiber: Fiber.Fiber<unknown, unknown>, around: Pick<Around, "close">): Effect.Effect<void> =>
  Effect.andThen(
    Fiber.interrupt(fiber),
    Effect.suspend(() => around.close?.() ?? Effect.void)
  )
