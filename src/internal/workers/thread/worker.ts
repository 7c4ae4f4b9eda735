/**
 * The program of a worker thread: it imports the flow's module, opens the store, and executes the requested attempts
 * one at a time. A flow's own layer is built once, before the first of its tasks, and released when the thread ends.
 */
import { workerData } from "node:worker_threads"
import * as NodeWorkerRunner from "@effect/platform-node/NodeWorkerRunner"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type { LogLevel } from "effect/LogLevel"
import * as References from "effect/References"
import * as WorkerRunner from "effect/workers/WorkerRunner"
import { ArtifactStore } from "../../../ArtifactStore.ts"
import { CurrentTask } from "../../../CurrentTask.ts"
import { ExecutorError, type Outcome, type TaskDescription } from "../../../Executor.ts"
import type { Any as AnyFlow } from "../../../Flow.ts"
import type { ErrorRecord } from "../../../RunRecord.ts"
import type { RunStore } from "../../../RunStore.ts"
import { defaultLimitBytes } from "../../artifact/valueCache.ts"
import type { Definition } from "../../run/definition.ts"
import * as LiveRuns from "../../run/liveRuns.ts"
import { lineText } from "../../run/logLine.ts"
import * as Printing from "../../run/printing.ts"
import * as Seeds from "../../run/seeds.ts"
import * as Services from "../../run/services.ts"
import { execute } from "../../run/taskBody.ts"
import type { TaskSink } from "../../run/taskSink.ts"
import * as CallerContext from "../callerContext.ts"
import * as FailureCodec from "../failureCodec.ts"
import * as FlowModule from "../flowModule.ts"
import * as Spans from "../spans.ts"
import {
  type Blob,
  type Flows,
  type FromThread,
  type Result,
  type ThreadData,
  type ToThread,
  toBlob
} from "./protocol.ts"
import * as ThreadStore from "./store.ts"

const data = workerData as ThreadData // passed by `thread.ts`

// Output while no task runs (by a module that is being imported) goes to stderr, because stdout is for results.
const writeToStderr = process.stderr.write.bind(process.stderr)
Printing.installExclusive((chunk) => writeToStderr(chunk))

/** CPU time of this thread, in milliseconds. */
const cpuNow = (): number => {
  const { system, user } = process.threadCpuUsage()
  return (system + user) / 1000
}

const program = Effect.gen(function* () {
  const scope = yield* Effect.scope
  const platform = yield* WorkerRunner.WorkerRunnerPlatform
  const runner = yield* platform.start<FromThread, ToThread>()
  const send = (message: FromThread) => runner.sendUnsafe(0, message)

  send({ _tag: "Started" })
  // Whatever ends the thread, its last lines and the reason are sent before.
  let isDying = false
  const dying = (error: ErrorRecord) => {
    if (isDying) return // an uncaught error leads to an exit
    isDying = true
    Printing.endAll()
    send({ _tag: "Dying", error })
  }
  process.on("uncaughtExceptionMonitor", (error, origin) => dying(LiveRuns.uncaught(error, origin).error))
  process.on("exit", (code) => {
    const where = Printing.label()
    if (where !== undefined) dying({ tag: "ProcessExit", message: `process.exit(${code}) was called in ${where}` })
  })
  const opened = Effect.all([
    FlowModule.load(data.module),
    Layer.buildWithScope(
      ThreadStore.open(data.store, { valueBytes: Math.min(data.valueBytes, defaultLimitBytes()) }),
      scope
    )
  ])
  const loaded = yield* Effect.exit(opened)
  if (loaded._tag === "Failure") {
    send({ _tag: "NotLoaded", failure: FailureCodec.encode(loaded.cause, undefined) })
    return yield* runner.run<void, never, never>(() => {})
  }
  const [flows, stores] = loaded.value
  const services = new Map<AnyFlow, Effect.Effect<Context.Context<unknown>, unknown>>()
  const servicesOf = (flow: AnyFlow, definition: Definition): Effect.Effect<Context.Context<unknown>, unknown> => {
    if (definition.layer === false) return Effect.succeed(none)
    const running = services.get(flow)
    if (running !== undefined) return running
    const layer = flow.layer as Layer.Layer<unknown> | undefined // its requirements are already provided
    const ofLayer = layer === undefined ? Effect.succeed(none) : Services.lazily(flow.flowName, layer, scope)
    services.set(flow, ofLayer)
    return ofLayer
  }

  const calls = new Map<number, (failure: FailureCodec.Failure | undefined) => void>()
  let lastCall = 0
  let current: { readonly id: number; readonly fiber: Fiber.Fiber<unknown, unknown> } | undefined

  /** Asks the driver for something, and waits until it is done. */
  const request = (task: TaskDescription, ask: (call: number) => void) =>
    Effect.flatMap(
      Effect.callback<FailureCodec.Failure | undefined>((resume) => {
        const call = ++lastCall
        calls.set(call, (failure) => resume(Effect.succeed(failure)))
        ask(call)
      }),
      (failure) => (failure === undefined ? Effect.void : FailureCodec.decode(failure, task, undefined))
    ) as Effect.Effect<void> // it fails with the errors of what was asked for

  const sinkOf = (id: number, task: TaskDescription): TaskSink => ({
    log: (line) => send({ _tag: "Log", id, line }),
    partial: (...partial) => send({ _tag: "Partial", id, partial }),
    metric: (point) => send({ _tag: "Metric", id, point }),
    card: (card) => send({ _tag: "Card", id, card }),
    checkpoint: (change) => {
      const { blob } = change
      // A message includes the whole buffer that bytes are a view of.
      const sent = blob === undefined ? change : { ...change, blob: toBlob(blob) }
      return request(task, (call) => send({ _tag: "Checkpoint", id, call, change: sent }))
    },
    tags: (change) => request(task, (call) => send({ _tag: "Tags", id, call, change }))
  })

  const attempt = ({ blobs, caller, id, level, span, task }: Extract<ToThread, { readonly _tag: "Execute" }>) => {
    const flow = flows.get(task.flow)
    const definition = flow?.definitions.get(task.step)
    const cpu = cpuNow()
    const sink = sinkOf(id, task)
    const spans = span === undefined ? undefined : Spans.below(span, (report) => send({ _tag: "Span", id, report }))
    const body =
      flow === undefined || definition === undefined || definition.version !== task.version
        ? Effect.fail(refuse(task, definition?.version))
        : Effect.flatMap(servicesOf(flow, definition), (context) => {
            if (task.timeoutMs !== undefined) send({ _tag: "BodyStarted", id })
            return Effect.provideContext(execute(definition, untimed(task), sink), context) as Effect.Effect<
              Outcome,
              unknown
            > // the flow carries the services of the body, or a missing one is reported
          })
    const surrounding = surround(withBlobs(stores, blobs), level, sink, caller)
    // What the flow's layer prints while it is built is the task's, as what it logs is. The body's own prints are taken there.
    const printing = new Printing.Printing(task, (stream, message) => {
      Effect.runForkWith(surrounding)(Effect.logWithLevel(stream === "stdout" ? "Info" : "Warn")(message))
    })
    const start = () => {
      const fiber = Effect.runForkWith(spans === undefined ? surrounding : spans.within(surrounding))(
        Seeds.within(task.seed)(body)
      )
      current = { id, fiber }
      fiber.addObserver(end)
    }
    const end = (exit: Exit.Exit<Outcome, unknown>) => {
      printing.end()
      current = undefined
      spans?.end()
      send({ _tag: "Done", id, result: resultOf(exit, definition?.error), cpu: cpuNow() - cpu })
    }
    Printing.during(printing, start)
  }

  yield* Effect.addFinalizer(() => (current === undefined ? Effect.void : Fiber.interrupt(current.fiber)))
  send({ _tag: "Loaded", flows: describe(flows) })
  yield* runner.run<void, never, never>((_, message) => {
    switch (message._tag) {
      case "Execute":
        return attempt(message)
      case "Interrupt":
        if (current?.id !== message.id) return
        send({ _tag: "Interrupting", id: message.id })
        current.fiber.interruptUnsafe()
        return
      case "Answer":
        calls.get(message.call)?.(message.failure)
        calls.delete(message.call)
    }
  })
})

/** The thread's owner enforces the timeout, because it can end a thread that computes without yielding. */
const untimed = ({ timeoutMs: _timeoutMs, ...task }: TaskDescription): TaskDescription => task

const none = Context.empty() as Context.Context<unknown>

/**
 * The context of an attempt's fiber: the stores, the caller's log level, and a logger that sends lines to the driver
 * instead of printing. The body has its own logger; this one receives log messages of the flow's layer while it is
 * built.
 */
const surround = <R>(
  stores: Context.Context<R>,
  level: LogLevel,
  sink: TaskSink,
  caller: CallerContext.CallerContext | undefined
) => {
  const logger = Logger.make<unknown, void>((options) => {
    const { date, fiber, logLevel } = options
    if (Context.getOption(fiber.context, CurrentTask)._tag === "Some") return
    sink.log({ at: date.getTime(), level: logLevel, message: lineText(options) })
  })
  return stores.pipe(
    Context.add(Logger.CurrentLoggers, new Set([logger])),
    Context.add(References.MinimumLogLevel, level),
    caller === undefined ? (context) => context : CallerContext.restore(caller)
  )
}

/** The stores, with the small inputs that were sent along. */
const withBlobs = (stores: Context.Context<ArtifactStore | RunStore>, blobs: ReadonlyArray<Blob>) => {
  if (blobs.length === 0) return stores
  const store = Context.get(stores, ArtifactStore)
  const bytesOf = new Map(blobs.map(({ bytes, digest }) => [digest, bytes]))
  return Context.add(stores, ArtifactStore, {
    ...store,
    get: (digest) => {
      const bytes = bytesOf.get(digest)
      return bytes === undefined ? store.get(digest) : Effect.sync(() => new Uint8Array(bytes))
    }
  })
}

const describe = (flows: ReadonlyMap<string, AnyFlow>): Flows =>
  Object.fromEntries(
    [...flows].map(([name, flow]) => [
      name,
      Object.fromEntries([...flow.definitions.values()].map((definition) => [definition.name, definition.version]))
    ])
  )

const refuse = (task: TaskDescription, version: string | undefined) =>
  version === undefined
    ? new ExecutorError({
        reason: "module",
        message: `The module ${FlowModule.show(data.module)} has no step "${task.step}" of flow "${task.flow}" for ${task.task} of run ${task.run}.`
      })
    : new ExecutorError({
        reason: "version",
        message: `Step "${task.step}" of flow "${task.flow}" has version "${task.version}" in the driver of the run, but version "${version}" in the worker's module ${FlowModule.show(data.module)}. Start the workers with the same code.`
      })

const resultOf = (exit: Exit.Exit<Outcome, unknown>, error: Parameters<typeof FailureCodec.encode>[1]): Result =>
  exit._tag === "Success"
    ? {
        _tag: "Success",
        outputs: exit.value.outputs,
        blobs: exit.value.blobs.map(toBlob)
      }
    : { _tag: "Failure", failure: FailureCodec.encode(exit.cause, error) }

Effect.runFork(Effect.scoped(program).pipe(Effect.provide(NodeWorkerRunner.layer), Effect.orDie)).addObserver(
  (exit) => {
    if (exit._tag === "Failure") console.error(exit.cause)
    process.exit(exit._tag === "Success" ? 0 : 1)
  }
)
