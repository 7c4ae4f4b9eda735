/**
 * Combinators for effects that have usually ended when they are combined. Most schemas encode at once, and most values are
 * small or at hand: then no effect has to be run for them, and no other fiber can come in between.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** `Effect.flatMap`, at once if the effect has succeeded already. */
export const flatMapSync = <A, E, B, E2>(
  self: Effect.Effect<A, E>,
  f: (value: A) => Effect.Effect<B, E2>
): Effect.Effect<B, E | E2> => {
  if (!Exit.isExit(self)) return Effect.flatMap(self, f)
  const exit = self as Exit.Exit<A, E> // an effect that is an exit has the effect's types
  return Exit.isSuccess(exit) ? f(exit.value) : Exit.failCause(exit.cause)
}

/** `Effect.map`, at once if the effect has succeeded already. */
export const mapSync = <A, E, B>(self: Effect.Effect<A, E>, f: (value: A) => B): Effect.Effect<B, E> =>
  flatMapSync(self, (value) => Exit.succeed(f(value)))

/**
 * `Effect.all`, at once if all have succeeded already. Where several of them run at the same time, all come to an end, and
 * the first of the list that has failed is the one to fail with.
 */
export const allSync = <A, E>(
  effects: ReadonlyArray<Effect.Effect<A, E>>,
  concurrency = 1
): Effect.Effect<ReadonlyArray<A>, E> => {
  const values: Array<A> = []
  for (const effect of effects) {
    if (!Exit.isExit(effect) || !Exit.isSuccess(effect)) {
      return concurrency === 1
        ? Effect.all(effects)
        : Effect.flatMap(Effect.forEach(effects, Effect.exit, { concurrency }), (exits) => Effect.all(exits))
    }
    values.push(effect.value as A) // an effect that is an exit has the effect's types
  }
  return Exit.succeed(values)
}
