/**
 * Executors that fail on purpose, for `effect-flow/testing`. Each wraps the executor in use, so that failing tasks and
 * dying processes can be tested on fibers, threads and a cluster alike.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Executor, type TaskDescription } from "../../Executor.ts"
import type { RunRecord } from "../../RunRecord.ts"
import { RunStore } from "../../RunStore.ts"

/** Selects tasks by their number in the run, by step ("train"), by id ("train/3"), or by a predicate. */
export type Which = number | string | ((task: TaskDescription) => boolean)

const matches = (which: Which, task: TaskDescription): boolean =>
  typeof which === "function"
    ? which(task)
    : typeof which === "number"
      ? task.task.endsWith(`/${which}`)
      : task.task === which || task.step === which

/**
 * Makes tasks fail before their step's body starts.
 *
 * @param which The tasks: 3 (the third of the run), "train" (every task of that step), "train/3", or a predicate.
 * @param failure How they fail: `Effect.fail(new TrainingDiverged({ epoch: 1 }))`,
 *   `Effect.die(new Error("out of memory"))`, `Effect.interrupt` (as Ctrl-C would).
 * @param options.attempts The number of attempts of each task that fail, to test that a retry helps. Default: all.
 *
 * @example
 * ```ts
 * const exit = yield* Flow.run(BranchNLPFlow, {}).pipe(
 *   Effect.provide(layerFailing("train", Effect.fail(new TrainingDiverged({ epoch: 1 })))),
 *   Effect.exit
 * )
 * const resumed = yield* Flow.resume(BranchNLPFlow) // executes train again, and what follows
 * ```
 */
export const layerFailing = (
  which: Which,
  failure: Effect.Effect<never, unknown>,
  options: { readonly attempts?: number } = {}
): Layer.Layer<never> =>
  Layer.effect(
    Executor,
    Effect.map(Effect.service(Executor), (executor) => ({
      ...executor,
      execute: (attempt) =>
        matches(which, attempt.task) && attempt.task.attempt <= (options.attempts ?? Number.POSITIVE_INFINITY)
          ? failure
          : executor.execute(attempt)
    }))
  )

/** A pid that no process has: the largest 32-bit integer, far beyond what systems assign. */
const absentPid = 2 ** 31 - 1

/**
 * Kills a run after a number of its tasks have finished, as `kill -9` would: later changes do not reach the run store,
 * the run stays recorded as running, and every running task is interrupted.
 *
 * @param after The number of tasks that finish first. With 0 the run dies when its first task starts.
 *
 * @example
 * ```ts
 * const killed = yield* Effect.exit(Flow.run(BranchNLPFlow, {}).pipe(Effect.provide(layerKilling(2))))
 * const resumed = yield* Flow.resume(BranchNLPFlow) // takes the two tasks over
 * ```
 */
export const layerKilling = (after: number): Layer.Layer<RunStore, never, RunStore> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const store = yield* RunStore
      const executor = yield* Executor
      const death = yield* Deferred.make<never>()
      const running = new Map<string, RunRecord>()
      let finished = 0
      let dead = false
      const dieIfDue = Effect.suspend(() => {
        if (dead || finished < after) return Effect.void
        dead = true
        // Readers detect a crash by a pid that no longer exists, but this process lives on.
        const orphaned = [...running.values()].map((run) => ({ _tag: "Run" as const, run: { ...run, pid: absentPid } }))
        return Effect.andThen(store.write(orphaned), Effect.asVoid(Deferred.interrupt(death)))
      })
      return Context.make(RunStore, {
        ...store,
        claim: (claim) =>
          Effect.suspend(() => {
            if (!dead) running.set(claim.run.id, claim.run)
            return store.claim(claim)
          }),
        write: (changes, driver) =>
          Effect.suspend(() => {
            if (dead) return Effect.void
            for (const change of changes) {
              if (change._tag !== "Run") continue
              if (change.run.status === "running") running.set(change.run.id, change.run)
              else running.delete(change.run.id)
            }
            const ended = changes.filter((change) => change._tag === "Task" && change.task.status !== "running").length
            if (ended === 0) return store.write(changes, driver)
            return Effect.andThen(
              store.write(changes, driver),
              Effect.suspend(() => {
                finished += ended
                return dieIfDue
              })
            )
          })
      }).pipe(
        Context.add(Executor, {
          ...executor,
          execute: (attempt) =>
            Effect.andThen(dieIfDue, Effect.raceFirst(Deferred.await(death), executor.execute(attempt)))
        })
      )
    })
  )
