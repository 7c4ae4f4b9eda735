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
 * @param start Starts the fiber by calling the function that it is given, in an async context of its own if need be.
 */
export const onOwnFiber = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  start: (run: () => void) => void
): Effect.Effect<Exit.Exit<A, E>, never, R> =>
  Effect.contextWith((context: Context.Context<R>) =>
    Effect.callback<Exit.Exit<A, E>>((resume) => {
      let fiber: Fiber.Fiber<A, E> | undefined
      start(() => {
        fiber = Effect.runForkWith(context)(self)
        fiber.addObserver((exit) => resume(Effect.succeed(exit)))
      })
      return fiber === undefined ? undefined : Fiber.interrupt(fiber)
    })
  )
