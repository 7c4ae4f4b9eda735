/**
 * Controls one worker thread: starts it with a module and a store, runs one attempt at a time, and detects when it has
 * died. Interrupting an attempt asks the thread to stop it. A body that never yields does not hear that, so then the thread
 * is terminated; one that hears it has time to clean up.
 */
import { Worker as NodeThread, type WorkerOptions } from "node:worker_threads"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { LogLevel } from "effect/LogLevel"
import * as Scope from "effect/Scope"
import * as Platform from "effect/workers/Worker"
import { type Attempt, ExecutorError, type TaskDescription, type TaskTimeout, WorkerDied } from "../../../Executor.ts"
import type { ErrorRecord } from "../../../RunRecord.ts"
import { messageOf } from "../../cause.ts"
import { withCauses } from "../../run/errorRecord.ts"
import * as Printing from "../../run/printing.ts"
import { timeoutOf } from "../../run/taskBody.ts"
import type { TaskSink } from "../../run/taskSink.ts"
import type { CallerContext } from "../callerContext.ts"
import * as FailureCodec from "../failureCodec.ts"
import * as FlowModule from "../flowModule.ts"
import type * as Spans from "../spans.ts"
import * as Program from "./program.ts"
import { type Flows, type FromThread, type Result, type ThreadData, type ToThread, toBlob } from "./protocol.ts"

/** A body that was interrupted and has not heard of it after this time computes without yielding. */
const graceMs = 250

/** The time that a body has to clean up once it was interrupted. */
const cleanUpMs = 10_000

/** Of so many attempts that are over, what fibers of theirs still say is heard. */
const heardAfterwards = 16

/** An attempt for a thread. */
export interface Work {
  readonly task: TaskDescription
  /** Small inputs that may not be in the store yet. */
  readonly blobs: Attempt["blobs"]
  /** Log messages below this level are dropped. */
  readonly level: LogLevel
  /** The parts of the caller's context that the body sees. */
  readonly caller?: CallerContext | undefined
  /** Takes the body's spans, where the attempt is one. */
  readonly spans?: Spans.Replay | undefined
  readonly sink: TaskSink
  /** Called when a thread takes it, with the thread's name. */
  readonly begin: (worker: string) => void
  /** Called with each line, after the sink. */
  readonly print: (line: Parameters<TaskSink["log"]>[0]) => Effect.Effect<void>
}

/** The result of an attempt. */
export interface Done {
  readonly result: Result
  readonly cpu: number
  readonly worker: string
}

/** A thread that has loaded its module. */
export interface Thread {
  readonly name: string
  readonly flows: Flows
  readonly isAlive: () => boolean
  readonly execute: (work: Work) => Effect.Effect<Done, WorkerDied | TaskTimeout>
  /** Ends the thread after its current attempt. */
  readonly close: Effect.Effect<void>
}

/** How threads are started. */
export interface Options extends Omit<ThreadData, "name"> {
  readonly heapMegabytes: number | undefined
}

/** The current attempt of a thread. */
interface Running extends Pick<Work, "sink" | "print" | "spans"> {
  readonly id: number
  readonly started: Deferred.Deferred<void>
  readonly interrupting: Deferred.Deferred<void>
  /** Keeps the begin of a line, in case the thread ends before the line does. */
  readonly printing: Printing.Printing
  readonly done: Deferred.Deferred<Extract<FromThread, { readonly _tag: "Done" }>, Died>
}

class Died {
  readonly why: string
  readonly causes: ErrorRecord["causes"]
  constructor(why: string, causes: ErrorRecord["causes"]) {
    this.why = why
    this.causes = causes
  }
}

/** Hands on what a body says. */
const hear = ({ print, sink }: Pick<Work, "sink" | "print">, message: FromThread): Effect.Effect<void> => {
  if (message._tag === "Metric") sink.metric(message.point)
  if (message._tag === "Card") sink.card(message.card)
  if (message._tag !== "Log") return Effect.void
  sink.log(message.line)
  return print(message.line)
}

/** Starts a thread, and waits until it has loaded the module. Fails if loading fails. */
export const start = Effect.fnUntraced(function* (name: string, options: Options) {
  const platform = yield* Platform.WorkerPlatform
  const scope = yield* Scope.make()
  const { heapMegabytes, ...rest } = options
  const data: ThreadData = { ...rest, name }
  const settings: WorkerOptions = {
    name,
    workerData: data,
    ...Program.flags(process.execArgv),
    ...(heapMegabytes === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: heapMegabytes } })
  }
  const program = yield* Program.locate
  let raw: NodeThread | undefined
  let why = "it exited"
  let dying: ErrorRecord | undefined
  let hasStarted = false
  const spawn = (): Pick<NodeThread, "postMessage" | "terminate" | "on"> => {
    let thread: NodeThread
    try {
      thread = new NodeThread(program, settings)
    } catch (error) {
      why = Program.whyNot(error)
      throw error
    }
    raw = thread
    raw.on("error", (error) => {
      if (dying === undefined) why = messageOf(error)
    })
    raw.on("exit", (code) => {
      if (why === "it exited") why = `it exited with code ${code}`
    })
    return {
      postMessage: thread.postMessage.bind(thread),
      terminate: thread.terminate.bind(thread),
      // An error is reported before the last messages of the thread, its exit after them.
      on: (event, listener) => (event === "error" ? thread : thread.on(event, listener))
    }
  }
  const worker = yield* Effect.provideService(platform.spawn<FromThread, ToThread>(0), Platform.Spawner, spawn)
  const loaded = yield* Deferred.make<Flows, unknown>()
  let running: Running | undefined
  /** Who hears what the thread says while no attempt is running. */
  let latest: Pick<Work, "sink" | "print"> | undefined
  /** Who hears what fibers say that attempts left running, by the attempts' ids. */
  const over = new Map<number, Pick<Work, "sink" | "print">>()
  let alive = true

  const onDying = Effect.fnUntraced(function* (error: ErrorRecord) {
    dying = error
    why = error.message.charAt(0).toLowerCase() + error.message.slice(1)
    if (running !== undefined || latest === undefined) return
    const message = `Code that a step left running ended the worker "${name}": ${why}`
    const line = { at: yield* Clock.currentTimeMillis, level: "Error", message }
    latest.sink.log(line)
    yield* latest.print(line)
  })

  type Request = Extract<FromThread, { readonly _tag: "Tags" | "Checkpoint" }>
  const answer = Effect.fnUntraced(function* ({ sink }: Running, message: Request) {
    const exit = yield* Effect.exit<void, unknown, never>(
      message._tag === "Tags" ? sink.tags(message.change) : sink.checkpoint(message.change)
    )
    const failure = Exit.isSuccess(exit) ? undefined : FailureCodec.encode(exit.cause, undefined)
    yield* worker.send({ _tag: "Answer", call: message.call, failure })
  })
  const receive = (message: FromThread | undefined): Effect.Effect<void, unknown> => {
    if (message === undefined) return Effect.void // a message of Node's own: `node --watch` has threads send some
    if (message._tag === "Started") {
      hasStarted = true
      return Effect.void
    }
    if (message._tag === "Loaded") return Effect.asVoid(Deferred.succeed(loaded, message.flows))
    if (message._tag === "NotLoaded") {
      const failure = FailureCodec.decode(message.failure, { run: "", step: "", task: "" }, undefined)
      return Effect.asVoid(Deferred.completeWith(loaded, failure))
    }
    if (message._tag === "Dying") return onDying(message.error)
    // A fiber that a body left running may still say something; it can change no tags and no checkpoint any more.
    if (running?.id !== message.id) {
      if ("call" in message) {
        const failure = FailureCodec.encode(Cause.die(isOver), undefined)
        return worker.send({ _tag: "Answer", call: message.call, failure })
      }
      const left = over.get(message.id)
      return left === undefined ? Effect.void : hear(left, message)
    }
    switch (message._tag) {
      case "BodyStarted":
        return Effect.asVoid(Deferred.succeed(running.started, undefined))
      case "Interrupting":
        return Effect.asVoid(Deferred.succeed(running.interrupting, undefined))
      case "Log":
      case "Metric":
      case "Card":
        return hear(running, message)
      case "Partial":
        return Effect.sync(() => running?.printing.tellPartial(...message.partial))
      case "Span":
        return Effect.sync(() => running?.spans?.receive(message.report))
      case "Checkpoint":
      case "Tags":
        return answer(running, message)
      case "Done":
        return Effect.asVoid(Deferred.succeed(running.done, message))
    }
  }
  yield* worker.run(receive).pipe(
    Effect.onExit(() =>
      Effect.suspend(() => {
        alive = false
        const died = new Died(why, dying?.causes)
        const task = running?.done
        return Effect.andThen(
          Deferred.fail(loaded, hasStarted ? notLoaded(options.module, why) : Program.notStarted(why)),
          task === undefined ? Effect.void : Deferred.fail(task, died)
        )
      })
    ),
    Effect.ignoreCause,
    Effect.forkIn(scope)
  )
  const terminate = Effect.andThen(
    Effect.promise(async () => void (await raw?.terminate())),
    Scope.close(scope, Exit.void)
  )

  let lastId = 0
  const clock = yield* Clock.Clock
  const execute = Effect.fnUntraced(function* ({ blobs, caller, level, print, sink, spans, task }: Work) {
    const id = ++lastId
    const done = yield* Deferred.make<Extract<FromThread, { readonly _tag: "Done" }>, Died>()
    const started = yield* Deferred.make<void>()
    const interrupting = yield* Deferred.make<void>()
    const printing = new Printing.Printing(task, (stream, message) => {
      const line = { at: clock.currentTimeMillisUnsafe(), level: stream === "stdout" ? "Info" : "Warn", message }
      sink.log(line)
      Effect.runFork(print(line))
    })
    running = { id, sink, print, spans, started, interrupting, printing, done }
    latest = { sink, print }
    const { timeoutMs } = task
    const ended: Effect.Effect<Extract<FromThread, { readonly _tag: "Done" }>, Died | TaskTimeout> = timeoutMs ===
    undefined
      ? Deferred.await(done)
      : Effect.raceFirst(
          Deferred.await(done),
          Deferred.await(started).pipe(
            Effect.andThen(Effect.sleep(timeoutMs)),
            Effect.andThen(Effect.suspend(() => Effect.fail(timeoutOf(task, timeoutMs, timeoutMs))))
          )
        )
    return yield* Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const span = spans?.attempt
        yield* Effect.orDie(worker.send({ _tag: "Execute", id, task, blobs: blobs.map(toBlob), level, caller, span }))
        const exit = yield* Effect.exit(restore(ended))
        const failure = Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isFailReason)?.error : undefined
        if (Exit.isFailure(exit) && !(failure instanceof Died)) {
          if (alive) yield* Effect.ignore(worker.send({ _tag: "Interrupt", id }))
          const isOver = Effect.exit(Deferred.await(done))
          const hears = yield* within(graceMs, Effect.raceFirst(isOver, Deferred.await(interrupting)))
          if (!hears || !(yield* within(cleanUpMs, isOver))) {
            alive = false
            yield* terminate
          }
        }
        running = undefined
        over.set(id, { sink, print }).delete(id - heardAfterwards)
        printing.end()
        if (spans !== undefined) spans.close(yield* Clock.currentTimeNanos)
        if (Exit.isSuccess(exit)) return { result: exit.value.result, cpu: exit.value.cpu, worker: name } satisfies Done
        if (!(failure instanceof Died)) {
          return yield* Effect.failCause(exit.cause as Cause.Cause<TaskTimeout>) // a failure of the attempt, not of the thread
        }
        const died = new WorkerDied({
          run: task.run,
          task: task.task,
          worker: name,
          message: `The worker "${name}" died at ${task.task} of run ${task.run} (attempt ${task.attempt}): ${failure.why}.`
        })
        withCauses(died, failure.causes)
        return yield* died
      })
    )
  })

  return yield* Deferred.await(loaded).pipe(
    Effect.map(
      (flows): Thread => ({
        name,
        flows,
        isAlive: () => alive,
        execute,
        close: Effect.suspend(() => (alive ? Scope.close(scope, Exit.void) : terminate))
      })
    ),
    Effect.onError(() => terminate)
  )
})

/** Reported to code that kept the `CurrentTask` of an attempt beyond its end. */
const isOver = new ExecutorError({
  reason: "interrupted",
  message:
    "Tags or a checkpoint were changed by the CurrentTask of a task that is over. Yield CurrentTask where it is used, and keep it in no service or fiber that outlives the task."
})

const notLoaded = (module: string, why: string): ExecutorError =>
  new ExecutorError({
    reason: "module",
    message: `The module ${FlowModule.show(module)} can't be imported by a worker: ${why}.`
  })

/** Waits in real time, because a test's clock must not delay the detection of a dead thread. */
const within = (milliseconds: number, isOver: Effect.Effect<unknown>): Effect.Effect<boolean> =>
  Effect.raceFirst(
    Effect.as(isOver, true),
    Effect.callback<boolean>((resume) => {
      const timer = setTimeout(() => resume(Effect.succeed(false)), milliseconds)
      return Effect.sync(() => clearTimeout(timer))
    })
  )
