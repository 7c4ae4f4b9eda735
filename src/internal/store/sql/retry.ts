/**
 * Waiting for a database that another process has locked, or that is being restarted. The wait suspends the fiber, so
 * the rest of this process goes on. It takes real time, whatever clock a program runs on, because the other process
 * knows no other clock.
 *
 * Waiting is fair. A process that has waited long tries more often than one that has just come, and it leaves a sign (a
 * queue) by which a process that writes without pause learns that others wait, and steps aside for a moment after each
 * transaction.
 */
import * as Effect from "effect/Effect"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { absentLimitMs, awayLimitMs } from "./away.ts"

/** How long to wait for another process's lock. */
const lockWaitLimitMs = 60_000

/** The longest pause between two attempts to reach a database that is away. */
const longestAwayPauseMs = 500

/** The pause before the second attempt, and the longest one. */
const firstPauseMs = 1
const longestPauseMs = 20

/** From then on, a waiting process tries again at the shortest interval. */
const patientAfterMs = 500

export const sleep = (milliseconds: number): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const timer = setTimeout(() => resume(Effect.void), milliseconds)
    return Effect.sync(() => clearTimeout(timer))
  })

/** Whether another attempt may succeed because another transaction was in the way. */
const isContention = (error: SqlError): boolean =>
  ["LockTimeoutError", "DeadlockError", "SerializationError"].includes(error.reason._tag)

/** How to wait. */
export interface Waiting {
  /** Whether an error says that the database is away for a moment and will be back. */
  readonly isAway?: ((error: SqlError) => boolean) | undefined
  /** Whether nothing answers at all. Given at the start only, where a wrong address looks the same. */
  readonly isAbsent?: ((error: SqlError) => boolean) | undefined
  /** How long to wait for a lock. Default: a minute. */
  readonly limitMs?: number | undefined
  /** Tells the other processes that this one waits. Called before each pause. */
  readonly announce?: (() => void) | undefined
}

/**
 * Tries again, at uneven intervals, while another transaction is in the way or the database is away (see `away.ts`, which says
 * how long that is waited for).
 */
export const whileBusy = <A, E, R>(effect: Effect.Effect<A, E, R>, waiting: Waiting = {}): Effect.Effect<A, E, R> => {
  const { announce, isAbsent = () => false, isAway = () => false, limitMs = lockWaitLimitMs } = waiting
  const attempt = (pauseMs: number, startedAt: number): Effect.Effect<A, E, R> =>
    Effect.catch(effect, (error) => {
      if (!isSqlError(error)) return Effect.fail(error)
      const away = isAway(error)
      if (!away && !isContention(error)) return Effect.fail(error)
      const waitedMs = performance.now() - startedAt
      if (waitedMs > (isAbsent(error) ? absentLimitMs : away ? awayLimitMs : limitMs)) return Effect.fail(error)
      announce?.()
      const isPatient = waitedMs > patientAfterMs && !away
      const pause = (isPatient ? firstPauseMs : pauseMs) * (0.5 + Math.random())
      const longest = away ? longestAwayPauseMs : longestPauseMs
      return Effect.flatMap(sleep(pause), () => attempt(Math.min(pauseMs * 1.5, longest), startedAt))
    })
  return Effect.suspend(() => attempt(firstPauseMs, performance.now()))
}
