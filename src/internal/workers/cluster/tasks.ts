/**
 * Executes attempts on a worker. Each runs on a thread, so that the worker itself stays responsive to the cluster. The
 * worker writes logs, metrics and tags to the run store, and returns the result to the run's driver. A worker that is
 * stopping, or has lost a task to another worker, hands over tasks that it has not started.
 */
import { hostname } from "node:os"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Sharding from "effect/cluster/Sharding"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { LogLevel } from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Workflow from "effect/workflow/Workflow"
import * as WorkflowEngine from "effect/workflow/WorkflowEngine"
import { ArtifactStore } from "../../../ArtifactStore.ts"
import type { TaskDescription } from "../../../Executor.ts"
import { RunStore } from "../../../RunStore.ts"
import type { Recorder } from "../../run/recorder.ts"
import * as TagChange from "../../run/tagChange.ts"
import type { TaskSink } from "../../run/taskSink.ts"
import * as Ticker from "../../run/ticker.ts"
import * as FailureCodec from "../failureCodec.ts"
import * as Spans from "../spans.ts"
import type * as ThreadPool from "../thread/pool.ts"
import type { Result } from "../thread/protocol.ts"
import * as Identity from "./identity.ts"
import * as Ownership from "./ownership.ts"
import * as Registry from "./registry.ts"
import type { Settings } from "./settings.ts"
import { ShardLocks } from "./shardLocks.ts"
import {
  type AttemptRequest,
  decodeRequest,
  encodeAnswer,
  interruptSignal,
  type Refused,
  TaskWorkflow
} from "./workflows.ts"

/** Serves attempts. `onCutOff` is called for each that is interrupted. */
export const layer = (
  {
    flows,
    pool,
    recorder,
    settings,
    storage
  }: {
    readonly settings: Settings
    /** The storage that this worker sees. */
    readonly storage: Identity.Identity
    readonly flows: Registry.Flows
    readonly pool: ThreadPool.Pool
    readonly recorder: Recorder
  },
  onCutOff: () => void
) => {
  const interrupted = new Set<string>()
  return TaskWorkflow.toLayer(
    Effect.fnUntraced(function* ({ body }, executionId) {
      if (interrupted.has(executionId)) yield* stopIfAsked(interrupted, executionId)
      const told: Told = { lines: 0, tags: [] }
      const spans: Array<Spans.SpanReport> = []
      const sharding = yield* Sharding.Sharding
      const locks = yield* ShardLocks
      const address = `${settings.host}:${settings.port}`
      const asked = yield* Effect.exit(decodeRequest(body))
      if (Exit.isFailure(asked)) {
        const message = String(Cause.squash(asked.cause))
        return encodeAnswer({ _tag: "Refused", worker: address, error: { reason: "version", message } })
      }
      const { blobs, caller, level, span, storage: needed, task: packed } = asked.value
      // The driver may have been here first, and a description that is an artifact may not be found in other blobs.
      const different = Identity.difference(storage, needed)
      if (different !== undefined) {
        const message = Identity.differenceText(address, different)
        return encodeAnswer({ _tag: "Refused", worker: address, error: { reason: "settings", message } })
      }
      const unpacked = yield* Effect.exit(unpack(packed))
      const because = Exit.isSuccess(unpacked) ? Registry.unable(flows, unpacked.value) : undefined
      if (because !== undefined && Exit.isSuccess(unpacked)) {
        return encodeAnswer({
          _tag: "Refused",
          worker: address,
          error: refusal(unpacked.value, because, flows, address)
        })
      }
      const clock = yield* Clock.Clock
      let beganAt: number | undefined
      const attempt = Effect.gen(function* () {
        const task = yield* unpacked
        const sink = yield* makeSink(recorder, task, told)
        return yield* pool.executeUnless(
          {
            task,
            blobs,
            level: level as LogLevel, // a level of the driver's
            caller,
            sink,
            begin: () => {
              beganAt = clock.currentTimeMillisUnsafe()
            },
            print: () => Effect.void,
            spans: span === undefined ? undefined : Spans.kept(span, spans)
          },
          Ownership.lost(sharding, executionId),
          Ownership.isCertain(sharding, locks, executionId)
        )
      })
      const done = yield* Effect.scopedWith((scope) => Effect.andThen(Ticker.join(recorder, scope), attempt)).pipe(
        Effect.catchCause((cause) =>
          Effect.succeed({ result: failed(FailureCodec.encode(cause, undefined)), cpu: 0, worker: undefined })
        ),
        Effect.onInterrupt(() =>
          Effect.suspend(() => {
            interrupted.add(executionId)
            onCutOff()
            return Effect.forkDetach(Effect.ignore(recorder.write([])))
          })
        )
      )
      if (done === undefined) return yield* Ownership.abandon
      // Its lines are stored before its result is returned.
      yield* Effect.ignore(recorder.write([]))
      return encodeAnswer({
        _tag: "Done",
        ...done,
        worker: nameOf(settings, done.worker),
        ...(beganAt === undefined ? undefined : { beganAt }),
        ...told,
        ...(spans.length === 0 ? undefined : { spans: Spans.toText(spans) })
      })
    })
  )
}

/** Why this worker hands a task back. */
const refusal = (
  task: TaskDescription,
  because: NonNullable<ReturnType<typeof Registry.unable>>,
  flows: Registry.Flows,
  address: string
): Refused["error"] =>
  because === "flow" || because === "step"
    ? {
        reason: "module",
        message: `The module of worker ${address} has no step "${task.step}" of flow "${task.flow}" for ${task.task} of run ${task.run}.`
      }
    : {
        reason: "version",
        message: `Step "${task.step}" of flow "${task.flow}" has version "${task.version}" in the driver of the run, but ${because === "code" ? "different code under that version" : `version "${flows[task.flow]?.[task.step]?.version}"`} on worker ${address}. Start the workers with the same code.`
      }

interface Told {
  lines: number
  checkpoints?: boolean
  readonly tags: Array<Parameters<TaskSink["tags"]>[0]>
}

const nameOf = ({ host, port }: Settings, thread: string | undefined): string =>
  [`${host === "localhost" ? hostname() : host}:${port}`, ...(thread === undefined ? [] : [thread])].join("/")

const failed = (failure: FailureCodec.Failure): Result => ({ _tag: "Failure", failure })

const unpack = Effect.fnUntraced(function* (packed: AttemptRequest["task"]) {
  if (!("digest" in packed)) return packed
  const store = yield* ArtifactStore
  return JSON.parse(new TextDecoder().decode(yield* store.get(packed.digest))) as TaskDescription // its driver put it
})

const makeSink = Effect.fnUntraced(function* (recorder: Recorder, task: TaskDescription, told: Told) {
  const runs = yield* RunStore
  const of = { run: task.run, task: task.task, attempt: task.attempt }
  return {
    log: (line) => {
      told.lines++
      recorder.log({ ...line, ...of })
    },
    metric: (point) => recorder.metric({ ...point, run: task.run, task: task.task }),
    card: ({ bytes, ...card }) => recorder.card({ ...card, ...of }, bytes),
    checkpoint: (change) => {
      told.checkpoints = true
      return recorder.write([change])
    },
    tags: Effect.fnUntraced(function* (change) {
      yield* TagChange.write(runs, task.run, change, (changes) => recorder.write(changes))
      told.tags.push(change)
    })
  } satisfies TaskSink
})

/**
 * An execution that was interrupted here starts again: because the run was interrupted, and then this is where it ends, or
 * because this worker lost it for a while.
 */
const stopIfAsked = Effect.fnUntraced(function* (interrupted: Set<string>, executionId: string) {
  interrupted.delete(executionId)
  const engine = yield* WorkflowEngine.WorkflowEngine
  const instance = yield* WorkflowEngine.WorkflowInstance
  if (Option.isSome(yield* engine.deferredResult(interruptSignal))) yield* Workflow.suspend(instance)
})
