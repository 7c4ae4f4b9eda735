/**
 * The shutdown of a worker, which takes a limited time: its running tasks may finish, and what has not finished by then is
 * cut off and begins again on another worker.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { ExecutorError } from "../../../Executor.ts"
import type * as ThreadPool from "../thread/pool.ts"

/** The state of a worker's shutdown. */
export interface Drain {
  /** It is stopping, and finishes its running tasks. */
  isDraining: boolean
  isClosed: boolean
  /** The number of tasks that were cut off. */
  cut: number
  load: ThreadPool.Pool["load"]
}

/** The rest of a shutdown (handing on shards, closing connections) may take this long after the tasks. */
const closeLimitMs = 3000

/**
 * Runs a worker in a scope of its own and limits the duration of its shutdown: tasks that have not ended by then are
 * cut off with a message, and the exit code is not 0.
 */
export const within = <E, R>(
  drainMs: number,
  run: (drain: Drain) => Effect.Effect<void, E, R>
): Effect.Effect<void, E, Exclude<R, Scope.Scope>> => {
  const drain: Drain = { isDraining: false, isClosed: false, cut: 0, load: () => ({ busy: 0, queued: 0 }) }
  return Effect.acquireUseRelease(
    Scope.make(),
    (scope) =>
      Scope.provide(
        Effect.suspend(() => run(drain)),
        scope
      ),
    Effect.fnUntraced(function* (scope, exit) {
      drain.isDraining = true
      const { busy, queued } = drain.load()
      if (busy + queued > 0) {
        yield* Effect.logInfo(
          `Draining: ${busy} running ${busy === 1 ? "task" : "tasks"} may take ${drainMs / 1000} s to finish, ${queued} waiting ${queued === 1 ? "one goes" : "ones go"} to other workers.`
        )
      }
      const closing = yield* Effect.forkDetach(Scope.close(scope, exit))
      // On a fiber of its own: this one has been interrupted.
      const closesWithin = (limitMs: number) =>
        Effect.raceFirst(Effect.as(Fiber.await(closing), true), Effect.as(Effect.sleep(limitMs), false)).pipe(
          Effect.interruptible,
          Effect.forkDetach,
          Effect.flatMap(Fiber.join)
        )
      const isClosed = (yield* closesWithin(drainMs)) || (yield* closesWithin(closeLimitMs))
      drain.isClosed = true
      const cut = Math.max(drain.cut, isClosed ? 0 : drain.load().busy)
      if (isClosed && cut === 0) return
      const tasks =
        cut === 0
          ? "No task was running."
          : cut === 1
            ? "1 running task was cut off, and begins again on another worker."
            : `${cut} running tasks were cut off, and begin again on other workers.`
      const message = `The worker did not come to its end within its drain of ${drainMs / 1000} s. ${tasks} EFFECT_FLOW_DRAIN sets how long it waits.`
      // Logged here: of a program that was interrupted, a runtime reports no error. The error is for its exit code.
      yield* Effect.logError(message)
      return yield* Effect.die(new ExecutorError({ reason: "settings", message }))
    })
  ) as Effect.Effect<void, E, Exclude<R, Scope.Scope>> // the scope is provided
}
