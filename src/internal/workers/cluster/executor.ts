/**
 * Hands tasks to a cluster's workers: the executor of `Executor.layerCluster`, and of a worker that continues a run.
 * Each attempt is a workflow execution. Requesting it again, after a lost connection or from another process, yields
 * the same result.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import * as Effect from "effect/Effect"
import { hasProperty } from "effect/Predicate"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"
import * as WorkflowEngine from "effect/workflow/WorkflowEngine"
import { ArtifactStore } from "../../../ArtifactStore.ts"
import { type Attempt, ExecutorError, type ExecutorService, type TaskDescription } from "../../../Executor.ts"
import { RunStore } from "../../../RunStore.ts"
import { monotonicMs } from "../../monotonic.ts"
import type { Definition } from "../../run/definition.ts"
import * as Away from "../../store/sql/away.ts"
import * as CallerContext from "../callerContext.ts"
import * as FromWorkers from "../fromWorkers.ts"
import * as Spans from "../spans.ts"
import { comparableCode } from "./comparableCode.ts"
import type { Engine } from "./engine.ts"
import * as Identity from "./identity.ts"
import type { Placement, Unplaced } from "./placement.ts"
import * as Registry from "./registry.ts"
import { type Shared, showUrl } from "./settings.ts"
import type { Tail } from "./tail.ts"
import {
  type AttemptRequest,
  attemptId,
  decodeAnswer,
  encodeRequest,
  type Refused,
  RunWorkflow,
  TaskWorkflow
} from "./workflows.ts"

const none: ReadonlySet<string> = new Set()

/** The interval at which a task that no worker can execute looks for one again. */
const placePauseMs = 500

/** A description with more inputs than this is sent as an artifact, because it is too large for a message. */
const manyInputs = 500

/** The worker stops an execution when it hears of it; the run waits at most this many milliseconds for the message to leave. */
const stopTimeoutMs = 5000

/** How long to retry while the database does not respond. */
const patience = Schedule.max([Schedule.spaced("500 millis"), Schedule.recurs(240)])

/** The executor of a cluster. */
export const make = (options: {
  readonly settings: Shared
  /** The storage that this process sees. */
  readonly storage: Identity.Identity
  readonly engine: Context.Context<Engine>
  readonly placement: Placement
  readonly tail: Tail
  /** Whether this process hands its runs over to another one. Their tasks then continue. */
  readonly isLeaving: () => boolean
}): ExecutorService => {
  const { isLeaving, settings, storage, tail } = options
  const engine = Context.get(options.engine, WorkflowEngine.WorkflowEngine)
  const { placement } = options

  /** A temporarily unavailable database must not fail anything. */
  const persistently = <A>(effect: Effect.Effect<A>): Effect.Effect<A, ExecutorError> =>
    Effect.sandbox(effect).pipe(
      Effect.retry({ while: (cause) => isPersistence(cause) || isAbandoned(cause), schedule: patience }),
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

  /** The source that a worker's step must have, unless any will do. */
  const codeOf = (definition: Definition) => (settings.allowOtherCode ? undefined : comparableCode(definition))

  /** Another driver may have continued the run and wait for this execution, so it must not be stopped. */
  const stop = Effect.fnUntraced(function* (id: string, confirm: Effect.Effect<boolean>) {
    if (yield* confirm) yield* engine.interruptUnsafe(TaskWorkflow, id)
  })

  const send = Effect.fnUntraced(function* (id: string, { blobs, confirm, definition, task }: Attempt, given: Given) {
    const { code: _, ...described } = task
    const code = codeOf(definition)
    const body = encodeRequest({
      task: yield* pack(code === undefined ? described : { ...described, code }),
      blobs,
      storage,
      ...given
    })
    const answer = yield* persistently(engine.execute(TaskWorkflow, { executionId: id, payload: { id, body } })).pipe(
      Effect.onInterrupt(() =>
        isLeaving() ? Effect.void : Effect.ignoreCause(Effect.timeout(stop(id, confirm), stopTimeoutMs))
      )
    )
    return yield* decodeAnswer(answer)
  })

  /** Sends an attempt to one worker after the other until one doesn't hand it back. A refusal is no attempt. */
  const sendToAble = Effect.fnUntraced(function* (attempt: Attempt, given: Given) {
    const { flow, step, version } = attempt.task
    const code = codeOf(attempt.definition)
    const name = attemptId(attempt.task)
    const needs = { flow, step, version, storage, ...(code === undefined ? {} : { code }) }
    const refused = new Set<string>()
    const refusedBy = new Set<string>()
    if (attempt.askedBefore) {
      for (const id of yield* persistently(placement.asked(name))) {
        const answer = yield* send(id, attempt, given)
        if (answer._tag === "Done") return answer
        refused.add(id)
      }
    }
    let refusal: Refused["error"] | undefined
    let unableSince: number | undefined
    while (true) {
      const placed = yield* placement.choose({ name, needs, refused, refusedBy })
      if (typeof placed === "string") {
        const answer = yield* placement.counting(placed)(send(placed, attempt, given))
        if (answer._tag === "Done") return answer
        refused.add(placed)
        refusedBy.add(answer.worker)
        refusal = answer.error
        continue
      }
      const now = yield* monotonicMs
      if (placed._tag === "NoWorkers") unableSince = undefined
      else {
        unableSince ??= now
        const error = refusal ?? explain(attempt.task, placed)
        if (now - unableSince >= settings.waitForWorker) return yield* new ExecutorError(error)
        yield* warnOnce(
          `${flow}/${step}/${version}`,
          `${error.message} ${attempt.task.task} waits for a worker that can execute it.`
        )
      }
      yield* Effect.sleep(placePauseMs)
    }
  })

  const warned = new Set<string>()
  const warnOnce = (key: string, message: string) =>
    Effect.suspend(() => {
      if (warned.has(key)) return Effect.void
      warned.add(key)
      return Effect.logWarning(message)
    })

  const collectCaller = CallerContext.collectAloud()
  return {
    name: "cluster",
    prepare: Effect.fnUntraced(function* () {
      const storage = Context.get(options.engine, RunnerStorage.RunnerStorage)
      const runners = yield* Effect.orElseSucceed(storage.getRunners, () => undefined)
      if (runners?.some(([, healthy]) => healthy) === false) {
        yield* Effect.logWarning(
          `There is no worker in group "${settings.group}" at ${showUrl(settings.url)}: tasks wait until one is started, with \`effect-flow worker --module FILE --group ${settings.group}\`.`
        )
      }
    }),
    watch: Effect.fnUntraced(function* ({ flow, id }, described) {
      const steps = Registry.stepVersions(described)
      const placed = yield* placement.choose({
        name: id,
        needs: { flow, steps, storage },
        refused: none,
        refusedBy: none
      })
      const executionId = typeof placed === "string" ? placed : `${id}.0`
      yield* persistently(
        engine.execute(RunWorkflow, { executionId, payload: { run: id, steps, storage }, discard: true })
      )
    }),
    execute: Effect.fnUntraced(function* (attempt: Attempt) {
      if (attempt.definition.runsOn === "fiber") return yield* attempt.here
      const context = yield* Effect.context<never>()
      const print = FromWorkers.printer(context, attempt.task)
      const spans = Spans.replay(context)
      const given: Given = {
        level: Context.get(context, References.MinimumLogLevel),
        caller: yield* collectCaller(context),
        ...(spans === undefined ? undefined : { span: spans.attempt })
      }
      const done = yield* sendToAble(attempt, given).pipe(
        tail.follow(attempt.task, yield* RunStore, (line) => {
          attempt.show(line)
          return print(line)
        })
      )
      if (spans !== undefined && done.spans !== undefined) {
        for (const report of Spans.fromText(done.spans)) spans.receive(report)
        spans.close(yield* Clock.currentTimeNanos)
      }
      if (done.beganAt !== undefined) attempt.begin(done.beganAt)
      // They are already durable, but the driver of the run has to know them, too.
      for (const change of done.tags) yield* attempt.sink.tags(change)
      const outcome = yield* FromWorkers.outcomeOf(attempt, done)
      return done.checkpoints === true ? { ...outcome, checkpoints: true } : outcome
    })
  }
}

/** The parts of the caller's context for an attempt. */
type Given = Pick<AttemptRequest, "level" | "caller" | "span">

/** Explains why no worker can execute a task, using the closest match. */
const explain = (
  task: TaskDescription,
  { workers }: Extract<Unplaced, { readonly _tag: "Unable" }>
): ConstructorParameters<typeof ExecutorError>[0] => {
  const closest = (["blobs", "store", "code", "version", "step", "flow"] as const)
    .map((because) => workers.find((worker) => worker.because === because))
    .find((worker) => worker !== undefined)
  const where = closest === undefined ? "" : ` on worker ${closest.worker.address}`
  switch (closest?.because) {
    case "blobs":
    case "store":
      return { reason: "settings", message: Identity.differenceText(closest.worker.address, closest.because) }
    case "code":
      return {
        reason: "version",
        message: `Step "${task.step}" of flow "${task.flow}" has different code${where} than in the driver of the run, under the same version "${task.version}". Start workers with the same code, give the step another version, or allow it with EFFECT_FLOW_ALLOW_OTHER_CODE=true.`
      }
    case "version":
      return {
        reason: "version",
        message: `Step "${task.step}" of flow "${task.flow}" has version "${task.version}" in the driver of the run, but version "${closest.worker.flows[task.flow]?.[task.step]?.version}"${where}. Start workers with the same code.`
      }
    case "step":
      return {
        reason: "module",
        message: `The module of worker ${closest.worker.address} has no step "${task.step}" of flow "${task.flow}", and no other worker has it. Start workers with the same code.`
      }
    case "flow":
      return {
        reason: "module",
        message: `The module of worker ${closest.worker.address} has no step "${task.step}" of flow "${task.flow}", because it exports no flow of that name, and no other worker has it. Start a worker with the module that exports the flow.`
      }
    default:
      return {
        reason: "unreachable",
        message: `${task.task} can't be executed yet, because no worker has taken its share of the work.`
      }
  }
}

/** Whether the cluster's database is temporarily unavailable. */
const isPersistence = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.some((reason) => {
    if (!Cause.isDieReason(reason)) return false
    const sql = Away.sqlErrorIn(reason.defect)
    if (sql !== undefined) return Away.isAway(sql)
    return hasProperty(reason.defect, "_tag") && reason.defect._tag === "PersistenceError"
  })

/**
 * Whether a worker of this process gave an execution up, because it lost its share for a while: another one will execute it.
 * If this fiber itself was interrupted, nothing is tried again.
 */
const isAbandoned = (cause: Cause.Cause<unknown>): boolean => Cause.hasInterruptsOnly(cause)

const pack = Effect.fnUntraced(function* (task: TaskDescription) {
  if (task.inputs.length <= manyInputs) return task
  const store = yield* ArtifactStore
  const { digest } = yield* store.put([new TextEncoder().encode(JSON.stringify(task))])
  return { digest }
})
