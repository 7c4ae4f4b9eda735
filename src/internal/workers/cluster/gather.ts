/**
 * Group commit for single statements: calls made in the same turn of the event loop, or while enough statements are under
 * way, share the next one. So a lone call is sent at once, and a busy process, or one far from its database, sends few
 * statements. There is no timer: nothing waits longer than the statement before it.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

interface Call<A, B, E> {
  readonly input: A
  readonly done: Deferred.Deferred<B, E>
}

/** The number of statements of one kind under way at once. A second one halves the wait behind a slow one. */
const mostUnderWay = 2

/** The number of calls that share a statement at most. */
const mostCalls = 256

/**
 * Makes a function of one input from one of many.
 *
 * @param send Answers the inputs, in their order. It runs in the context in which `make` was called, not in the caller's:
 *   a call inside a transaction must not be gathered. If it fails for several inputs, it is tried with each of them alone.
 */
export const make = Effect.fnUntraced(function* <A, B, E>(
  send: (inputs: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, E>
) {
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  let waiting: Array<Call<A, B, E>> = []
  let underWay = 0
  let isScheduled = false

  const settle = (calls: ReadonlyArray<Call<A, B, E>>): Effect.Effect<void> =>
    Effect.flatMap(Effect.exit(send(calls.map(({ input }) => input))), (exit) => {
      if (Exit.isFailure(exit) && calls.length > 1) {
        return Effect.forEach(calls, (call) => settle([call]), { discard: true })
      }
      for (const [index, { done }] of calls.entries()) {
        Deferred.doneUnsafe(
          done,
          Exit.map(exit, (answers) => answers[index] as B) // one for each input
        )
      }
      return Effect.void
    })

  const next: Effect.Effect<void> = Effect.suspend(() => {
    isScheduled = false
    if (waiting.length === 0 || underWay === mostUnderWay) return Effect.void
    const calls = waiting.slice(0, mostCalls)
    waiting = waiting.slice(mostCalls)
    underWay++
    if (waiting.length > 0) schedule()
    return Effect.ensuring(
      settle(calls),
      Effect.sync(() => {
        underWay--
        schedule()
      })
    )
  })
  const schedule = () => {
    if (isScheduled || waiting.length === 0 || underWay === mostUnderWay) return
    isScheduled = true
    fork(Effect.andThen(Effect.yieldNow, next))
  }

  return (input: A): Effect.Effect<B, E> =>
    Effect.suspend(() => {
      const done = Deferred.makeUnsafe<B, E>()
      waiting.push({ input, done })
      schedule()
      return Deferred.await(done)
    })
})
