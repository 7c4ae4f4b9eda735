/**
 * Runs a flow: the interpreter that executes. It opens the run's record, gives the flow's body `CurrentRun`, and closes
 * the record with how it ended: succeeded, failed or interrupted, whatever happens in between.
 */
import { hostname } from "node:os"
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import { ArtifactStore } from "../../ArtifactStore.ts"
import { CurrentRun, type Interpreter } from "../../CurrentRun.ts"
import { CurrentTask } from "../../CurrentTask.ts"
import { Executor, type ExecutorError } from "../../Executor.ts"
import { FlowError } from "../../FlowError.ts"
import { type RunEvent, RunObserver } from "../../RunObserver.ts"
import type { ErrorRecord, RunRecord } from "../../RunRecord.ts"
import { RunStore } from "../../RunStore.ts"
import * as Tags from "../../Tags.ts"
import * as Cache from "./cache.ts"
import { explainExit, runEffect } from "./callback.ts"
import * as Cancellation from "./cancellation.ts"
import type { FlowDefinition } from "./definition.ts"
import { fromCause, statusOf } from "./errorRecord.ts"
import * as FailedTask from "./failedTask.ts"
import { RunInterpreter } from "./interpreter.ts"
import * as Later from "./laterTags.ts"
import * as LiveRuns from "./liveRuns.ts"
import { lineText } from "./logLine.ts"
import * as Output from "./output.ts"
import { onOwnFiber } from "./ownFiber.ts"
import * as Parameters from "./parameters.ts"
import * as Printing from "./printing.ts"
import { Recorder } from "./recorder.ts"
import * as Replay from "./replay.ts"
import * as Origin from "./resume.ts"
import type { RunContext } from "./runContext.ts"
import * as RunId from "./runId.ts"
import * as RunScope from "./runScope.ts"
import * as Seeds from "./seeds.ts"
import * as Services from "./services.ts"
import { Stop } from "./stop.ts"
import { SystemTags } from "./systemTags.ts"
import * as TagChange from "./tagChange.ts"
import * as Takeover from "./takeover.ts"
import { unprinted } from "./taskBody.ts"
import * as Ticker from "./ticker.ts"
import * as Tracing from "./tracing.ts"

/** How a run is started. */
export interface Start {
  /** The id that its caller chose. */
  readonly id?: string | undefined
  /** Called when the run is recorded. */
  readonly onRecorded?: (run: RunRecord) => void
  readonly tags?: ReadonlyArray<string> | undefined
  /** The run whose finished tasks stand for this one's, and the step that is executed again all the same. */
  readonly origin?: { readonly run: RunRecord; readonly from: string | undefined } | undefined
  /** Whether the origin keeps its driver: it is alive, and goes on beside this run. */
  readonly leavesOrigin?: boolean
  /** The run that calls this one. */
  readonly parent?: string | undefined
  /** The run that it is: another process drove it, and is gone. */
  readonly begun?: RunRecord | undefined
}

/** Runs a flow on parameters that are decoded and complete. Fails with what its body fails with, besides the store's. */
export const runFlow = (flow: FlowDefinition, parameters: object, start: Start) =>
  Effect.flatMap(Tracing.isTraced, (traced) => {
    const run = runOnce(flow, parameters, start, traced)
    return traced ? Tracing.span(run, `run ${flow.flowName}`, { flow: flow.flowName }) : run
  })

const runOnce = Effect.fnUntraced(function* (flow: FlowDefinition, parameters: object, start: Start, traced: boolean) {
  const seeds = yield* Seeds.make
  const { decoded, encoded } = yield* Parameters.roundTrip(flow, parameters)
  const artifacts = yield* ArtifactStore
  const runs = yield* RunStore
  const outer = yield* Effect.serviceOption(CurrentTask)
  if (Option.isSome(outer)) return yield* Effect.die(nestedRun(flow, outer.value))
  const executor = yield* Executor
  const laterTags = Later.make(yield* Later.LaterTags, yield* RunObserver)
  const observe = guarded(laterTags.observe)
  yield* executor.prepare(flow)
  const origin = start.origin === undefined ? undefined : yield* Origin.load(runs, artifacts, start.origin.run)
  const begun = start.begun === undefined ? undefined : yield* Takeover.load(runs, artifacts, start.begun.id)
  const leaving = yield* Takeover.ShutdownSignal
  const clock = yield* Clock.Clock
  const now = clock.currentTimeMillisUnsafe()
  const {
    error: _error,
    finishedAt: _finishedAt,
    output: _output,
    ...before
  } = start.begun ?? ({} as Partial<RunRecord>)
  const ownId = start.begun === undefined ? RunId.make(now, yield* newestId(runs)) : start.begun.id
  let record: RunRecord = {
    id: start.id ?? ownId,
    ...(start.id === undefined ? undefined : { place: ownId }),
    flow: flow.flowName,
    parameters: encoded,
    startedAt: now,
    systemTags: yield* Effect.flatten(Effect.service(SystemTags)),
    tags: yield* Tags.change([], { add: start.tags ?? [] }),
    ...(start.origin === undefined ? undefined : { origin: start.origin.run.id }),
    ...(start.origin?.from === undefined ? undefined : { from: start.origin.from }),
    ...(start.parent === undefined ? undefined : { parent: start.parent }),
    ...before,
    status: "running",
    heartbeatAt: now,
    host: hostname(),
    pid: process.pid
  }
  let count = begun?.lastIndex ?? 0
  const otherCode = new Set<string>()
  const occurrences = new Map<string, number>()
  return yield* Effect.scopedWith((scope) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const driver = yield* runs.claim({
          run: record,
          ...(start.begun === undefined ? {} : { over: start.begun }),
          ...(start.origin === undefined || start.leavesOrigin === true
            ? {}
            : { origin: { run: start.origin.run.id, token: start.origin.run.driver ?? "" } })
        })
        record = { ...record, driver: driver.token }
        if (traced) yield* Effect.annotateCurrentSpan({ run: record.id })
        const stop = new Stop<ExecutorError>()
        const recorder = new Recorder(runs, driver, begun?.places, (lostTo) => stop.by(Effect.fail(lostTo)))
        const cancellation = yield* Cancellation.watch(runs, record.id, () => stop.by(Effect.interrupt))
        const changeTags: RunContext["changeTags"] = Effect.fnUntraced(function* (change) {
          record = {
            ...record,
            tags: yield* TagChange.write(runs, record.id, change, (changes) => recorder.write(changes))
          }
        })
        const services =
          flow.layer === undefined ? undefined : Services.lazily(flow.layer as Layer.Layer<unknown>, scope) // what it needs, the flow's provider gave it
        const runScope = new RunScope.RunScope()
        const run: RunContext = {
          id: record.id,
          flow,
          steps: flow.definitions,
          artifacts,
          runs,
          executor,
          recorder,
          seeds,
          traced,
          observe,
          nextIndex: () => ++count,
          nextOccurrence: (key) => {
            const occurrence = occurrences.get(key) ?? 0
            occurrences.set(key, occurrence + 1)
            return occurrence
          },
          begun,
          lost: (key) => origin?.lost(key),
          takeOver: (definition, key) =>
            definition.name === start.origin?.from ? undefined : origin?.takeOver(definition, key),
          continues: (definition, key, code) =>
            definition.name === start.origin?.from ? undefined : origin?.continues(definition, key, code),
          cached: Cache.make(runs, flow.flowName, record.id),
          isFirstWithOtherCode: (step) => !otherCode.has(step) && otherCode.add(step) !== undefined,
          executesAgain: (definition) => definition.name === start.origin?.from,
          tags: () => record.tags,
          changeTags,
          scope: runScope,
          withServices: (body) =>
            services === undefined
              ? (body as Effect.Effect<never>) // its services are the flow body's own
              : Effect.flatMap(services, (context) => Effect.provideContext(body, context))
        }
        start.onRecorded?.(record)
        observe({ _tag: "RunStarted", run: record })
        yield* Ticker.join(recorder, scope)
        const addSystemTags = (tags: RunRecord["systemTags"]) => {
          record = { ...record, systemTags: { ...record.systemTags, ...tags } }
          // The record has the first heartbeat, and a heartbeat never goes back.
          const beat = { _tag: "Heartbeat", run: record.id, at: clock.currentTimeMillisUnsafe() } as const
          return recorder.write([{ _tag: "Run", run: record }, beat])
        }
        yield* laterTags.begin(addSystemTags, scope)

        const removeLive = LiveRuns.add({
          id: record.id,
          flow: record.flow,
          endNow: ({ error, status }) => {
            const at = clock.currentTimeMillisUnsafe()
            recorder.endNow({ ...record, status, finishedAt: at, error }, error, at)
          }
        })

        // It keeps nothing of what stopping does to the body.
        const stayLonger = leaving?.listen(() => stop.by(Effect.andThen(recorder.leave, Effect.interrupt)))
        const endLife = () => {
          removeLive()
          cancellation.end()
          stayLonger?.()
        }

        const interpreter = new RunInterpreter(run, scope, origin, start.origin?.from, runFlow)
        const watch =
          start.parent === undefined && start.begun === undefined ? executor.watch?.(record, flow) : undefined
        const ended = yield* Effect.exit(
          restore(
            runBody(run, interpreter, decoded).pipe(
              watch === undefined ? identity : (self) => Effect.andThen(watch, self),
              (self) => stop.within(self)
            )
          )
        )
        // That another process has claimed the run comes before whatever that did to the body.
        const { lostTo } = recorder
        const yielded = lostTo === undefined ? ended : Exit.fail(lostTo)
        // What the body yielded is a user's value, too: a failure to encode it is the run's.
        const recorded = Exit.isSuccess(yielded) ? yield* Effect.exit(Output.encode(flow, yielded.value)) : yielded
        yield* laterTags.end
        const finishedAt = yield* Clock.currentTimeMillis
        record = Exit.isSuccess(recorded)
          ? {
              ...record,
              status: "succeeded",
              finishedAt,
              ...(recorded.value.data === undefined ? undefined : { output: recorded.value.data })
            }
          : { ...record, ...endingOf(recorded.cause, cancellation.error()), finishedAt }
        const left = begun?.unasked().map((task) => Replay.closed(task, finishedAt)) ?? []
        const changes = left.map((task) => ({ _tag: "Task", task, blobs: [], schemas: [] }) as const)
        const written = Effect.tapError(recorder.write([...changes, { _tag: "Run", run: record }]), ({ message }) =>
          Effect.logError(
            `The end of run ${record.id} could not be recorded, so the store still says that it is running. ${message} When the store is back, a worker of its cluster continues the run; without a cluster, resume it.`
          )
        )
        yield* Effect.ensuring(written, Effect.sync(endLife))
        observe({ _tag: "RunFinished", run: record })
        if (record.error !== undefined && start.parent !== undefined) {
          // The error arrives typed as it is; that it came from a run of its own is said in the caller's log.
          yield* Effect.logError(
            `Run ${record.id} of flow "${record.flow}", called from here, ${record.status === "interrupted" ? "was interrupted" : `failed: ${record.error.message}`}`
          )
        }
        return Exit.isSuccess(recorded)
          ? { id: record.id, output: recorded.value.value }
          : yield* Effect.failCause(FailedTask.ofRun(record.flow, record.id)(recorded.cause))
      })
    )
  )
})

/** A run inside a step would wait for places that its own task holds, and its tasks would not be the run's. */
const nestedRun = (flow: FlowDefinition, task: CurrentTask["Service"]) =>
  new FlowError({
    reason: "nested",
    message: `Flow "${flow.flowName}" was started inside step "${task.step}" (${task.task} of run ${task.run}), and a step can't run a flow. Call it from the body of flow "${task.flow}" with Flow.call, and give the step what it yields.`
  })
/** Runs the flow's body, on a fiber of its own, until all that it started has ended. */
const runBody = (run: RunContext, interpreter: Interpreter, parameters: object): Effect.Effect<unknown, unknown> => {
  const subject = `The body of flow "${run.flow.flowName}"`
  const line = (at: number, level: string, message: string) => {
    const line = { run: run.id, task: "", attempt: 1, at, level, message }
    run.recorder.log(line)
    run.observe({ _tag: "Logged", line })
  }
  const within = (context: Context.Context<unknown>) => {
    const now = () => Context.get(context as Context.Context<never>, Clock.Clock).currentTimeMillisUnsafe()
    const printing = new Printing.Printing({ run: run.id }, (stream, message) =>
      line(now(), stream === "stdout" ? "Info" : "Warn", message)
    )
    const body = runEffect(subject, () => run.flow.body(parameters as never)) // they are decoded and complete
    return onOwnFiber(body, surround(context, interpreter, line), {
      start: (start) => Printing.during(printing, start),
      close: () => {
        printing.end()
        return run.scope.end
      }
    }).pipe(
      Effect.flatMap((exit) => explainExit(subject, exit)),
      Effect.tap(() =>
        Effect.sync(() => {
          for (const { step, tasks } of run.scope.neverRun()) line(now(), "Warn", RunScope.neverRunMessage(step, tasks))
        })
      )
    )
  }
  return Effect.contextWith(within) as Effect.Effect<unknown, unknown> // the flow's types say what it needs
}

const endingOf = (
  cause: Cause.Cause<unknown>,
  cancelled: ErrorRecord | undefined
): Pick<RunRecord, "status" | "error"> => {
  const status = statusOf(cause)
  const interruption = status === "interrupted" ? (cancelled ?? LiveRuns.interruptionError()) : undefined
  return { status, error: interruption ?? fromCause(cause) }
}

/** An observer only watches: one that throws has no part in how a run ends. */
const guarded =
  (observe: (event: RunEvent) => void) =>
  (event: RunEvent): void => {
    try {
      Printing.outside(() => observe(event)) // what it prints is no line of a task
    } catch {}
  }

/** The newest run's id that was made by `RunId`, or none. (Ids that a user chose may sort anywhere.) */
const newestId = Effect.fnUntraced(function* (runs: RunStore["Service"]) {
  const [newest] = yield* runs.runs({ before: RunId.end, limit: 1 })
  return newest?.place ?? newest?.id
})

/** The body's context: `CurrentRun`, and a logger that keeps what the body itself logs. */
const surround = (
  context: Context.Context<unknown>,
  interpreter: Interpreter,
  line: (at: number, level: string, message: string) => void
): Context.Context<unknown> => {
  const logger = Logger.make<unknown, void>((options) => {
    const { date, fiber, logLevel } = options
    // A step's lines are its task's, kept by the logger that its body runs under.
    if (Context.getOption(fiber.context, CurrentTask)._tag === "Some") return
    line(date.getTime(), logLevel, lineText(options))
  })
  return context.pipe(
    Context.add(CurrentRun, interpreter),
    Context.add(Logger.CurrentLoggers, new Set([...unprinted(Context.get(context, Logger.CurrentLoggers)), logger]))
  )
}
