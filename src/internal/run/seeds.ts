/**
 * Random numbers that are the same in every run with the same seed, wherever steps run. A generator can't be sent to
 * another thread, and concurrent tasks that share one get unpredictable numbers. So under `Random.withSeed`, each
 * attempt has its own generator. Its seed is derived from one number drawn from the caller's generator, the task's key,
 * its occurrence and the attempt. Other implementations of `Random`, for example a test's, are left unchanged.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

/** The seeds of a run's attempts. */
export interface Seeds {
  /** An attempt's seed. `undefined` if the caller's `Random` has no seed. */
  readonly seedOf: (
    context: Context.Context<never>,
    attempt: { readonly key: string; readonly occurrence: number; readonly attempt: number }
  ) => string | undefined
}

type Generator = Context.Service.Shape<typeof Random.Random>

/** The code of every generator that `Random.withSeed` makes. One is made, which takes 100 µs, to read it. */
let seededCode: string | undefined

/** The seeds of a run. It draws one number where the run has a seed. */
export const make: Effect.Effect<Seeds> = Effect.gen(function* () {
  // Such a generator can only be recognized by its code.
  seededCode ??= codeOf(yield* Random.withSeed(Effect.service(Random.Random), 0))
  const code = seededCode
  let drawn: WeakMap<Generator, number> | undefined
  const draw = (context: Context.Context<never>): number | undefined => {
    const generator = Context.getOrUndefined(context, Random.Random)
    if (generator === undefined) return undefined
    const seed = drawn?.get(generator)
    if (seed !== undefined) return seed
    if (codeOf(generator) !== code) return undefined
    const number = generator.nextIntUnsafe()
    drawn ??= new WeakMap()
    drawn.set(generator, number)
    return number
  }
  draw(yield* Effect.context<never>()) // before any task does, in whatever order they come
  return {
    seedOf: (context, { attempt, key, occurrence }) => {
      const number = draw(context)
      return number === undefined ? undefined : `${number}/${key}/${occurrence}/${attempt}`
    }
  }
})

const codeOf = ({ nextDoubleUnsafe, nextIntUnsafe }: Generator): string => `${nextIntUnsafe}\n${nextDoubleUnsafe}`

/** Gives an attempt its generator. */
export const within =
  (seed: string | undefined) =>
  <A, E, R>(attempt: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    seed === undefined ? attempt : Random.withSeed(attempt, seed)
