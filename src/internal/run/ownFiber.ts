/**
 * Runs an effect on a fiber of its own. An attempt is such a fiber, and so is the body of a flow: fibers that are forked
 * inside end with it, an interruption that comes from inside stops nothing outside, and code that breaks Effect's run loop
 * (with something that is not an Effect) ends this fiber alone.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"

/**
 * Yields how the effect ended, once the fibers that it forked have ended too. Interrupting it interrupts the fiber and
 * waits for its end.
 *
 * @param context What the fiber starts with.
 * @param options.start Starts the fiber by calling the function that it is given, in an async context of its own if need be.
 * @param options.close What is left to do when the fiber has ended, however it did.
 */
export const onOwnFiber = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  context: Context.Context<R>,
  options: {
    readonly start?: (run: () => void) => void
    readonly close?: () => Effect.Effect<void> | undefined
  } = {}
): Effect.Effect<Exit.Exit<A, E>> =>
  Effect.callback<Exit.Exit<A, E>>((resume) => {
    let fiber: Fiber.Fiber<A, E> | undefined
    const run = () => {
      fiber = Effect.runForkWith(context)(self)
      fiber.addObserver((exit) => {
        const closing = options.close?.()
        resume(closing === undefined ? Effect.succeed(exit) : Effect.as(closing, exit))
      })
    }
    if (options.start === undefined) run()
    else options.start(run)
    return fiber === undefined ? undefined : interruptAndClose(fiber, options.close)
  })

/** The observer that would have closed it is not waited for any more. */
const interruptAndClose = (
  fiber: Fiber.Fiber<unknown, unknown>,
  close: (() => Effect.Effect<void> | undefined) | undefined
): Effect.Effect<void> =>
  Effect.andThen(
    Fiber.interrupt(fiber),
    Effect.suspend(() => close?.() ?? Effect.void)
  )
