/**
 * Waiting for a database that another process has locked, or that is being restarted. The waits are fibers', so that nothing of this process stands
 * still meanwhile, and of real time, whatever clock a program runs on: the other process has no other.
 */
import * as Effect from "effect/Effect"
import { isSqlError, type SqlError } from "effect/sql/SqlError"

/** How long to keep trying, in milliseconds. */
const patience = 60_000

const shortest = 1
const longest = 50

const sleep = (milliseconds: number): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const timer = setTimeout(() => resume(Effect.void), milliseconds)
    return Effect.sync(() => clearTimeout(timer))
  })

/** Whether the same again may succeed, because what was in the way was another's transaction. */
const isContention = (error: SqlError): boolean =>
  ["LockTimeoutError", "DeadlockError", "SerializationError"].includes(error.reason._tag)

/**
 * Tries again as long as another transaction is in the way, at growing and uneven intervals.
 *
 * @param isAway Whether an error says that the database is away for a moment and will be back.
 */
export const whileBusy = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  isAway: (error: SqlError) => boolean = () => false
): Effect.Effect<A, E, R> => {
  const attempt = (wait: number, waited: number): Effect.Effect<A, E, R> =>
    Effect.catch(effect, (error) => {
      if (waited > patience || !isSqlError(error) || !(isContention(error) || isAway(error))) return Effect.fail(error)
      const pause = wait * (0.5 + Math.random())
      return Effect.flatMap(sleep(pause), () => attempt(Math.min(wait * 1.5, longest), waited + pause))
    })
  return attempt(shortest, 0)
}
