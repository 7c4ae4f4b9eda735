/**
 * Log lines of a worker whose database is away for a moment. Effect's cluster logs the whole cause of each failed query,
 * with stacks: hundreds of lines for a restart of the database. Here such an error is one line, and the same line is not
 * repeated for a while.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { hasProperty } from "effect/Predicate"
import * as Away from "../../store/sql/away.ts"
import { errorsOf, innermostMessage } from "./connection.ts"

/** The same line is logged again only after this many milliseconds. */
const repeatAfterMs = 10_000

/** What Effect's cluster fails with while a worker or the database can't be reached. */
const transientTags: ReadonlySet<unknown> = new Set([
  "PersistenceError",
  "RunnerUnavailable",
  "RunnerNotRegistered",
  "EntityNotAssignedToRunner",
  "SqlError",
  "TimeoutError"
])

const isTransient = (error: unknown): boolean =>
  (hasProperty(error, "_tag") && transientTags.has(error._tag)) || Away.sqlErrorIn(error) !== undefined

/** The errors in a cause if all of them pass. */
const transientIn = (cause: Cause.Cause<unknown>): ReadonlyArray<unknown> => {
  const errors = errorsOf(cause)
  return errors.every(isTransient) ? errors : []
}

const isCause = (part: unknown): part is Cause.Cause<unknown> => Cause.isCause(part)

/** Runs a program whose loggers write transient errors on one line. */
export const quietly = <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.service(Logger.CurrentLoggers), (loggers) => {
    const loggedAt = new Map<string, number>()
    const quiet = Logger.make<unknown, void>((options) => {
      const parts = Array.isArray(options.message) ? options.message : [options.message]
      const causes = [options.cause, ...parts.filter(isCause)]
      const errors = causes.flatMap(transientIn)
      if (errors.length === 0) {
        for (const logger of loggers) logger.log(options)
        return
      }
      const reason = errors.map(innermostMessage).find((text) => text !== "")
      const said = parts.filter((part) => !isCause(part))
      const line = reason === undefined ? said : [...said, reason.split("\n")[0]]
      const key = line.join(" ")
      const now = options.date.getTime()
      if (now - (loggedAt.get(key) ?? Number.NEGATIVE_INFINITY) < repeatAfterMs) return
      loggedAt.set(key, now)
      for (const logger of loggers) logger.log({ ...options, message: [line.join(": ")], cause: Cause.empty })
    })
    return Effect.provideService(program, Logger.CurrentLoggers, new Set([quiet]))
  })
