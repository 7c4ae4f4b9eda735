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
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import { ArtifactStore } from "../../ArtifactStore.ts"
import { CurrentRun, type Interpreter } from "../../CurrentRun.ts"
import { CurrentTask } from "../../CurrentTask.ts"
import { Executor, type ExecutorError } from "../../Executor.ts"
import { type RunEvent, RunObserver } from "../../RunObserver.ts"
import type { ErrorRecord, RunRecord } from "../../RunRecord.ts"
import { RunStore } from "../../RunStore.ts"
import * as Tags from "../../Tags.ts"
import { endMs } from "../monotonic.ts"
import { explainExit, runEffect } from "./callback.ts"
import * as Cancellation from "./cancellation.ts"
import type { FlowDefinition } from "./definition.ts"
import { fromCause, statusOf } from "./errorRecord.ts"
import * as FailedTask from "./failedTask.ts"
import { RunInterpreter } from "./interpreter.ts"
import * as Later from "./laterTags.ts"
import * as LiveRuns from "./liveRuns.ts"
import { lineText } from "./logLine.ts"
import { nestedFlow } from "./nested.ts"
import * as Output from "./output.ts"
import { onOwnFiber, stoppable } from "./ownFiber.ts"
import * as Parameters from "./parameters.ts"
import * as Printing from "./printing.ts"
import { Recorder } from "./recorder.ts"
import * as Replay from "./replay.ts"
import * as Origin from "./resume.ts"
import { RunContext } from "./runContext.ts"
import * as RunId from "./runId.ts"
import * as RunScope from "./runScope.ts"
import * as Seeds from "./seeds.ts"
import * as Services from "./services.ts"
import { Stop } from "./stop.ts"
import { SystemTags } from "./systemTags.ts"
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
    const run = Effect.flatten(prepare(flow, parameters, start, traced))
    return traced ? Tracing.span(run, `run ${flow.flowName}`, { flow: flow.flowName }) : run
  })

/** Yields the effect that runs it, so that nothing of the preparation is kept as long as the run lasts. */
const prepare = Effect.fnUntraced(function* (flow: FlowDefinition, parameters: object, start: Start, traced: boolean) {
  const seeds = yield* Seeds.make
  const { decoded, encoded } = yield* Parameters.roundTrip(flow, parameters)
  const artifacts = yield* ArtifactStore
  const runs = yield* RunStore
  const outer = yield* Effect.serviceOption(CurrentTask)
  if (Option.isSome(outer)) return yield* Effect.die(nestedFlow(flow, outer.value))
  const executor = yield* Executor
  const laterTags = Later.make(yield* Later.LaterTags, yield* RunObserver)
  const observe = guarded(laterTags.observe)
  yield* executor.prepare(flow)
  const origin = start.origin === undefined ? undefined : yield* Origin.load(runs, artifacts, start.origin.run)
  const begun = start.begun === undefined ? undefined : yield* Takeover.load(runs, artifacts, start.begun.id)
  const leaving = yield* Takeover.ShutdownSignal
  const clock = yield* Clock.Clock
  const now = clock.currentTimeMillisUnsafe()
  const beganNanos = clock.monotonicTimeNanosUnsafe()
  const {
    error: _error,
    finishedAt: _finishedAt,
    output: _output,
    ...before
  } = start.begun ?? ({} as Partial<RunRecord>)
  const ownId = start.begun === undefined ? RunId.make(now, yield* newestId(runs)) : start.begun.id
  const record: RunRecord = {
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
  return Effect.scopedWith((scope) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const driver = yield* runs.claim({
          run: record,
          ...(start.begun === undefined ? {} : { over: start.begun }),
          ...(start.origin === undefined || start.leavesOrigin === true
            ? {}
            : { origin: { run: start.origin.run.id, token: start.origin.run.driver ?? "" } })
        })
        if (traced) yield* Effect.annotateCurrentSpan({ run: record.id })
        const stop = new Stop<ExecutorError>()
        const recorder = new Recorder(runs, driver, begun?.places, (lostTo) => stop.by(Effect.fail(lostTo)))
        const cancellation = yield* Cancellation.watch(runs, record.id, () => stop.by(Effect.interrupt))
        const run = new RunContext(
          { ...record, driver: driver.token },
          {
            flow,
            artifacts,
            runs,
            executor,
            recorder,
            seeds,
            traced,
            observe,
            begun,
            origin,
            from: start.origin?.from,
            services:
              flow.layer === undefined
                ? undefined
                : Services.lazily(flow.flowName, flow.layer as Layer.Layer<unknown>, scope) // what it needs, the flow's provider gave it
          }
        )
        start.onRecorded?.(run.record)
        observe({ _tag: "RunStarted", run: run.record })
        yield* Ticker.join(recorder, scope)
        const addSystemTags = (tags: RunRecord["systemTags"]) => {
          run.record = { ...run.record, systemTags: { ...run.record.systemTags, ...tags } }
          // The record has the first heartbeat, and a heartbeat never goes back.
          const beat = { _tag: "Heartbeat", run: run.id, at: clock.currentTimeMillisUnsafe() } as const
          return recorder.write([{ _tag: "Run", run: run.record }, beat])
        }
        yield* laterTags.begin(addSystemTags, scope)

        const removeLive = LiveRuns.add({
          id: record.id,
          flow: record.flow,
          endNow: ({ error, status }) => {
            const at = endMs(clock, record.startedAt, beganNanos)
            recorder.endNow({ ...run.record, status, finishedAt: at, error }, error, at)
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
          start.parent === undefined && start.begun === undefined ? executor.watch?.(run.record, flow) : undefined
        const ended = yield* Effect.exit(
          restore(
            watch === undefined
              ? runBody(run, interpreter, decoded, stop)
              : Effect.andThen(stoppable(watch, stop), runBody(run, interpreter, decoded, stop))
          )
        )
        // That another process has claimed the run comes before whatever that did to the body.
        const { lostTo } = recorder
        const yielded = lostTo === undefined ? ended : Exit.fail(lostTo)
        // What the body yielded is a user's value, too: a failure to encode it is the run's.
        const recorded = Exit.isSuccess(yielded) ? yield* Effect.exit(Output.encode(flow, yielded.value)) : yielded
        yield* laterTags.end
        const finishedAt = endMs(clock, record.startedAt, beganNanos)
        const last: RunRecord = Exit.isSuccess(recorded)
          ? {
              ...run.record,
              status: "succeeded",
              finishedAt,
              ...(recorded.value.data === undefined ? undefined : { output: recorded.value.data })
            }
          : { ...run.record, ...endingOf(recorded.cause, cancellation.error()), finishedAt }
        run.record = last
        const left = begun?.unasked().map((task) => Replay.closed(task, finishedAt)) ?? []
        const changes = left.map((task) => ({ _tag: "Task", task, blobs: [], schemas: [] }) as const)
        const written = Effect.tapError(recorder.write([...changes, { _tag: "Run", run: last }]), ({ message }) =>
          Effect.logError(
            `The end of run ${record.id} could not be recorded, so the store still says that it is running. ${message} When the store is back, a worker of its cluster continues the run; without a cluster, resume it.`
          )
        )
        yield* Effect.ensuring(written, Effect.sync(endLife))
        observe({ _tag: "RunFinished", run: last })
        if (last.error !== undefined && start.parent !== undefined) {
          // The error arrives typed as it is; that it came from a run of its own is said in the caller's log.
          yield* Effect.logError(
            `Run ${last.id} of flow "${last.flow}", called from here, ${last.status === "interrupted" ? "was interrupted" : `failed: ${last.error.message}`}`
          )
        }
        return Exit.isSuccess(recorded)
          ? { id: record.id, output: recorded.value.value }
          : yield* Effect.failCause(FailedTask.ofRun(record.flow, record.id)(recorded.cause))
      })
    )
  )
})

/** Runs the flow's body, on a fiber of its own, until all that it started has ended. */
const runBody = (
  run: RunContext,
  interpreter: Interpreter,
  parameters: object,
  stop: Stop<ExecutorError>
): Effect.Effect<unknown, unknown> => {
  const subject = `The body of flow "${run.flow.flowName}"`
  const line = (at: number, level: string, message: string) => {
    const line = { run: run.id, task: "", attempt: 1, at, level, message }
    run.recorder.log(line)
    run.observe({ _tag: "Logged", line })
  }
  const within = (context: Context.Context<unknown>) => {
    const { currentTimeMillisUnsafe } = Context.get(context as Context.Context<never>, Clock.Clock)
    /** Keeps a line with the run, and shows it through the loggers that the run was started under. */
    const say = (level: "Info" | "Warn", message: string) => {
      line(currentTimeMillisUnsafe(), level, message)
      Effect.runForkWith(shownContext(context, interpreter))(Effect.logWithLevel(level)(message))
    }
    const printing = new Printing.Printing({ run: run.id }, (stream, message) =>
      say(stream === "stdout" ? "Info" : "Warn", message)
    )
    const body = runEffect(subject, () => run.flow.body(parameters as never)) // they are decoded and complete
    return onOwnFiber(Effect.scoped(body), surround(context, interpreter, line), {
      stop,
      start: (start) => Printing.during(printing, start),
      close: () => {
        printing.end()
        return run.scope.end
      }
    }).pipe(
      Effect.flatMap((exit) => explainExit(subject, exit)),
      Effect.tap(() =>
        Effect.sync(() => {
          for (const { step, tasks } of run.scope.neverRun()) say("Warn", RunScope.neverRunMessage(step, tasks))
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
const guarded = (observe: (event: RunEvent) => void): ((event: RunEvent) => void) =>
  observe === noObserver
    ? observe // outside of a body is an async context to make
    : (event) => {
        try {
          Printing.outside(() => observe(event)) // what it prints is no line of a task
        } catch {}
      }

const noObserver = Context.get(Context.empty() as Context.Context<never>, RunObserver) // a reference has a default

/** The newest run's id that was made by `RunId`, or none. (Ids that a user chose may sort anywhere.) */
const newestId = Effect.fnUntraced(function* (runs: RunStore["Service"]) {
  const [newest] = yield* runs.runs({ before: RunId.end, limit: 1 })
  return newest?.place ?? newest?.id
})

/** The context in which lines that the body printed are shown. They are stored already, so no logger's output is captured. */
const shownContext = (context: Context.Context<unknown>, interpreter: Interpreter): Context.Context<never> =>
  context.pipe(
    Context.add(CurrentRun, interpreter),
    Context.add(Logger.CurrentLoggers, new Set(unprinted(Context.get(context, Logger.CurrentLoggers))))
  ) as Context.Context<never> // the loggers need nothing

/** The body's context: `CurrentRun`, and a logger that keeps what the body itself logs. */
const surround = (
  context: Context.Context<unknown>,
  interpreter: Interpreter,
  line: (at: number, level: string, message: string) => void
): Context.Context<unknown> => {
  const logger = Logger.make<unknown, void>((options) => {
    const { date, fiber, logLevel } = options
    // A step's lines are its task's, and those of a flow that the body calls are that run's: their own loggers keep them.
    if (Context.getOption(fiber.context, CurrentTask)._tag === "Some") return
    if ((Context.getOrUndefined(fiber.context, CurrentRun) ?? interpreter) !== interpreter) return
    line(date.getTime(), logLevel, lineText(options))
  })
  return context.pipe(
    Context.add(CurrentRun, interpreter),
    Context.add(Logger.CurrentLoggers, new Set([...unprinted(Context.get(context, Logger.CurrentLoggers)), logger]))
  )
}
