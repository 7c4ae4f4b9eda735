/** Asynchronous work on files as effects that can be interrupted. */
import * as Effect from "effect/Effect"

/**
 * Asynchronous work as an effect. The work checks its signal between parts; interrupting it waits until it has cleaned
 * up.
 */
export const attempt = <A, E>(
  run: (signal: AbortSignal) => Promise<A>,
  error: (cause: unknown) => E
): Effect.Effect<A, E> =>
  Effect.callback((resume) => {
    const controller = new AbortController()
    const running = run(controller.signal).then(
      (value) => resume(Effect.succeed(value)),
      (cause) => resume(Effect.fail(error(cause)))
    )
    return Effect.promise(() => {
      controller.abort()
      return running
    })
  })
