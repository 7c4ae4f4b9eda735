/**
 * Hands tasks to a cluster's workers: the executor behind `Executor.layerCluster`, and that of a worker that goes on with a
 * run. Each attempt is a workflow execution; asking for it again, after a lost connection or from another process, gives
 * the one result.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import * as Effect from "effect/Effect"
import type { LogLevel } from "effect/LogLevel"
import { hasProperty } from "effect/Predicate"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"
import * as WorkflowEngine from "effect/workflow/WorkflowEngine"
import { ArtifactStore } from "../../../ArtifactStore.ts"
import { type Attempt, ExecutorError, type ExecutorService, type TaskDescription } from "../../../Executor.ts"
import { RunStore } from "../../../RunStore.ts"
import * as FromWorkers from "../fromWorkers.ts"
import type { Engine } from "./engine.ts"
import * as ClusterPlacement from "./placement.ts"
import { type Shared, showUrl } from "./settings.ts"
import type { Tail } from "./tail.ts"
import { attemptId, decodeAnswer, encodeAsked, RunWorkflow, TaskWorkflow } from "./workflows.ts"

/** A description with more inputs than this travels as an artifact: a message is no place for it. */
const manyInputs = 500

/** The worker stops an execution when it hears of it; the run waits at most this many milliseconds for the message to leave. */
const stopTimeoutMs = 5000

/** How long to ask again while the database does not answer. */
const patience = Schedule.max([Schedule.spaced("500 millis"), Schedule.recurs(240)])

/** The executor of a cluster. */
export const make = (options: {
  readonly settings: Shared
  readonly engine: Context.Context<Engine>
  readonly tail: Tail
  /** Whether this process leaves its runs to another: then their tasks go on without it. */
  readonly isLeaving: () => boolean
}): ExecutorService => {
  const { isLeaving, settings, tail } = options
  const engine = Context.get(options.engine, WorkflowEngine.WorkflowEngine)
  const placement = ClusterPlacement.make(options.engine)

  /** A database that is away for a moment is no reason for anything to fail. */
  const persistently = <A>(effect: Effect.Effect<A>): Effect.Effect<A, ExecutorError> =>
    Effect.sandbox(effect).pipe(
      Effect.retry({ while: isPersistence, schedule: patience }),
      Effect.catch((cause) =>
        isPersistence(cause)
          ? Effect.fail(
              new ExecutorError({
                reason: "unreachable",
                message: `The cluster's database ${showUrl(settings.url)} did not answer for two minutes. Resume the run when it does: what has finished is not executed again.`
              })
            )
          : Effect.failCause(cause)
      )
    )

  /** Another driver may have continued the run, and then waits for this execution: it is no longer ours to stop. */
  const stop = Effect.fnUntraced(function* (id: string, confirm: Effect.Effect<boolean>) {
    if (yield* confirm) yield* engine.interruptUnsafe(TaskWorkflow, id)
  })

  const send = Effect.fnUntraced(function* (id: string, { blobs, confirm, task }: Attempt, level: LogLevel) {
    const body = encodeAsked({ task: yield* pack(task), blobs, level })
    const answer = yield* persistently(engine.execute(TaskWorkflow, { executionId: id, payload: { id, body } })).pipe(
      Effect.onInterrupt(() =>
        isLeaving() ? Effect.void : Effect.ignoreCause(Effect.timeout(stop(id, confirm), stopTimeoutMs))
      )
    )
    return yield* decodeAnswer(answer)
  })

  return {
    name: "cluster",
    prepare: Effect.fnUntraced(function* () {
      const storage = Context.get(options.engine, RunnerStorage.RunnerStorage)
      const runners = yield* Effect.orElseSucceed(storage.getRunners, () => undefined)
      if (runners?.some(([, healthy]) => healthy) === false) {
        yield* Effect.logWarning(
          `No worker is there at ${showUrl(settings.url)}${settings.group === "work" ? "" : ` in group "${settings.group}"`}: tasks wait until one is started, with \`effect-flow worker --module FILE\`.`
        )
      }
    }),
    watch: ({ id }) =>
      Effect.asVoid(
        persistently(engine.execute(RunWorkflow, { executionId: id, payload: { run: id }, discard: true }))
      ),
    execute: Effect.fnUntraced(function* (attempt: Attempt) {
      if (attempt.definition.runsOn === "fiber") return yield* attempt.here
      const context = yield* Effect.context<never>()
      const print = FromWorkers.printer(context, attempt.task)
      const level = Context.get(context, References.MinimumLogLevel)
      const away = placement.withId(attemptId(attempt.task), attempt.askedBefore, (id) => send(id, attempt, level))
      const done = yield* away.pipe(
        tail.follow(attempt.task, yield* RunStore, (line) => {
          attempt.show(line)
          return print(line)
        })
      )
      // They are durable already; the run that is driven here hears of them, too.
      for (const change of done.tags) yield* attempt.sink.tags(change)
      return yield* FromWorkers.outcomeOf(attempt, done)
    })
  }
}

const isPersistence = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.some(
    (reason) =>
      Cause.isDieReason(reason) && hasProperty(reason.defect, "_tag") && reason.defect._tag === "PersistenceError"
  )

const pack = Effect.fnUntraced(function* (task: TaskDescription) {
  if (task.inputs.length <= manyInputs) return task
  const store = yield* ArtifactStore
  const { digest } = yield* store.put([new TextEncoder().encode(JSON.stringify(task))])
  return { digest }
})
