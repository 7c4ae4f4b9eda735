/**
 * Executes one attempt of a task: decodes inputs, runs the step's body with `CurrentTask`, encodes outputs. Fibers,
 * worker threads and cluster workers all use this module, so a body behaves the same everywhere.
 */
import { inspect } from "node:util"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as References from "effect/References"
import { ArtifactError, ArtifactStore } from "../../ArtifactStore.ts"
import { CurrentRun } from "../../CurrentRun.ts"
import { CurrentTask } from "../../CurrentTask.ts"
import { ExecutorError, type Outcome, type TaskDescription, TaskTimeout } from "../../Executor.ts"
import type { RefRecord } from "../../RunRecord.ts"
import { RunStore } from "../../RunStore.ts"
import { descriptionsOf } from "../artifact/artifact.ts"
import { capture, fromMemory, read, writeCaptured } from "../artifact/values.ts"
import { allSync, mapSync } from "../schema/sync.ts"
import { checkedEffect, explainExit } from "./callback.ts"
import type { Definition, Slot } from "./definition.ts"
import { lineText } from "./logLine.ts"
import { NestedInterpreter } from "./nested.ts"
import { type Around, onOwnFiber } from "./ownFiber.ts"
import * as Printing from "./printing.ts"
import { TaskHandle } from "./taskHandle.ts"
import type { TaskSink } from "./taskSink.ts"

/**
 * Executes the attempt on a fiber of its own, with the services of the calling fiber.
 *
 * Fails with `TaskTimeout` when the attempt takes longer than `task.timeoutMs`, and with `ExecutorError` when it was
 * interrupted from inside: that stops this attempt, not the run.
 */
export const execute = (
  definition: Definition,
  task: TaskDescription,
  sink: TaskSink
): Effect.Effect<Outcome, unknown, ArtifactStore> =>
  Effect.contextWith((context: Context.Context<ArtifactStore>) => {
    const store = Context.get(context, ArtifactStore)
    const runs = Context.getOrUndefined(context, RunStore)
    const handle = new TaskHandle(task, sink, { artifacts: store, runs })
    const subject = `The body of step "${definition.name}"`
    const work = Effect.flatMap(decode(definition, task, store), (values) =>
      Effect.flatMap(
        // Decoded by the definition's own slots.
        checkedEffect(subject, definition.run(...(values as unknown as ReadonlyArray<never>))),
        (yielded) => encode(definition, task, store, yielded)
      )
    ) as Effect.Effect<Outcome, unknown, ArtifactStore | CurrentTask> // what else the body needs, the caller provides
    // What the body acquires is released when its outputs are stored: a file in a directory that it made, for one.
    const attempt = onOwnFiber(
      Effect.scoped(work),
      surround(context, handle),
      new Surroundings(printingOf(context, handle), handle)
    )
    return Effect.flatMap(
      task.timeoutMs === undefined ? attempt : timed(attempt, task, task.timeoutMs),
      (exit): Effect.Effect<Outcome, unknown> =>
        Exit.isSuccess(exit)
          ? exit
          : Cause.hasInterruptsOnly(exit.cause)
            ? Effect.fail(interruptedInside(task))
            : explainExit(subject, exit)
    )
  })

/** What stands around the fiber of an attempt: its prints are the task's, and what it used is closed when it has ended. */
class Surroundings implements Around {
  readonly #printing: Printing.Printing
  readonly #handle: TaskHandle

  constructor(printing: Printing.Printing, handle: TaskHandle) {
    this.#printing = printing
    this.#handle = handle
  }

  start(run: () => void): void {
    Printing.during(this.#printing, run)
  }

  /** A file that the body left in its scratch directory is stored before that is removed. */
  close(): Effect.Effect<void> | undefined {
    this.#printing.end()
    return this.#handle.close()
  }
}

const interruptedInside = (task: TaskDescription) =>
  new ExecutorError({
    reason: "interrupted",
    message: `${task.task} of run ${task.run} was interrupted from inside: the body of step "${task.step}" interrupted itself, or joined a fiber that had been interrupted. Await such a fiber with Fiber.await, which does not interrupt.`
  })

/** Limits the duration of an attempt. */
const timed = (
  attempt: Effect.Effect<Exit.Exit<Outcome, unknown>>,
  task: TaskDescription,
  limitMs: number
): Effect.Effect<Exit.Exit<Outcome, unknown>, TaskTimeout> =>
  Effect.clockWith((clock) => {
    const startedAt = clock.monotonicTimeNanosUnsafe()
    const elapsedMs = () => Number((clock.monotonicTimeNanosUnsafe() - startedAt) / 1_000_000n)
    const timeout = Effect.suspend(() => Effect.fail(timeoutOf(task, limitMs, elapsedMs())))
    return Effect.flatMap(Effect.raceFirst(attempt, Effect.andThen(Effect.sleep(limitMs), timeout)), (exit) =>
      // A body that never yielded prevented the timer from firing.
      Exit.isSuccess(exit) && elapsedMs() > limitMs ? timeout : Effect.succeed(exit)
    )
  })

/** A timer that fires this late was blocked by a body that computes without yielding. */
const blockedMs = 50

/** The failure of an attempt that took too long. */
export const timeoutOf = (task: TaskDescription, limitMs: number, elapsedMs: number): TaskTimeout =>
  new TaskTimeout({
    run: task.run,
    task: task.task,
    milliseconds: limitMs,
    message:
      `${task.task} of run ${task.run} took longer than its step's timeout of ${limitMs} ms (attempt ${task.attempt}).` +
      (elapsedMs - limitMs < blockedMs
        ? ""
        : ` It returned after ${elapsedMs} ms, because code that computes without yielding can't be interrupted on a fiber. Run the step on a thread (Executor.layerThreads, or --executor threads), where it is stopped in time.`)
  })

/** Keeps what a body prints with its task, and shows it through the loggers that the flow runs under. */
const printingOf = (context: Context.Context<ArtifactStore>, handle: TaskHandle): Printing.Printing => {
  const take: Printing.TakeLine = (stream, message) => {
    const level = stream === "stdout" ? "Info" : "Warn"
    handle.sink.log({ at: Context.get(context, Clock.Clock).currentTimeMillisUnsafe(), level, message })
    const shown = annotated(Context.add(context, CurrentTask, handle), handle)
    Effect.runForkWith(shown)(Effect.logWithLevel(level)(message))
  }
  return new Printing.Printing(handle, take, handle.sink.partial)
}

/** Stores a body's log lines with its task. One logger serves all tasks: it gets the task from the fiber. */
const logger = Logger.make<unknown, void>((options) => {
  const { date, fiber, logLevel } = options
  const current = Context.getOption(fiber.context, CurrentTask)
  if (Option.isSome(current) && current.value instanceof TaskHandle) {
    current.value.sink.log({ at: date.getTime(), level: logLevel, message: lineText(options) })
  }
})

type Loggers = ReadonlySet<Logger.Logger<unknown, unknown>>

const extended = new WeakMap<Loggers, Loggers>()

/** Loggers, and the one above. Made once for all tasks below the same loggers. */
const withLogger = (loggers: Loggers): Loggers => {
  if (loggers.has(logger)) return loggers
  const remembered = extended.get(loggers)
  if (remembered !== undefined) return remembered
  const withLogger = new Set([...unprinted(loggers), logger])
  extended.set(loggers, withLogger)
  return withLogger
}

const withoutPrinting = new WeakMap<Loggers, ReadonlyArray<Logger.Logger<unknown, unknown>>>()

/** Loggers whose own output is not captured, because the logged line is already stored. Made once for the same loggers. */
export const unprinted = (loggers: Loggers): ReadonlyArray<Logger.Logger<unknown, unknown>> => {
  const remembered = withoutPrinting.get(loggers)
  if (remembered !== undefined) return remembered
  const made = [...loggers].map((logger) =>
    logger === Logger.tracerLogger ? logger : Logger.make((options) => Printing.outside(() => logger.log(options)))
  )
  withoutPrinting.set(loggers, made)
  return made
}

const annotated = <R>(context: Context.Context<R>, { run, task }: TaskHandle): Context.Context<R> =>
  Context.add(context, References.CurrentLogAnnotations, {
    ...Context.get(context, References.CurrentLogAnnotations),
    run,
    task
  }) as Context.Context<R> // a reference has a default

/** The body's context: the existing context, the current task, no run to make tasks of, and a logger that stores its lines. */
const surround = (context: Context.Context<ArtifactStore>, handle: TaskHandle) =>
  annotated(Context.add(context, CurrentTask, handle), handle).pipe(
    Context.add(CurrentRun, new NestedInterpreter(handle)),
    Context.add(Logger.CurrentLoggers, withLogger(Context.get(context, Logger.CurrentLoggers)))
  )

// --- inputs --------------------------------------------------------------------------------------------------------

const decode = (definition: Definition, task: TaskDescription, store: ArtifactStore["Service"]) =>
  definition.branches === undefined
    ? mapSync(decodeSlots(definition.input, task.inputs, "", store), (input) => [input])
    : decodeStates(definition, task, store)

/** At once where all values are in memory. */
const decodeSlots = (
  slots: ReadonlyArray<Slot>,
  records: ReadonlyArray<RefRecord>,
  prefix: string,
  store: ArtifactStore["Service"]
): Effect.Effect<Record<string, unknown>, ArtifactError> => {
  const found = slots.map((slot): Effect.Effect<unknown, ArtifactError> => {
    const name = prefix + slot.name
    const record = records.find((record) => record.name === name)
    if (record === undefined) return Exit.die(new Error(`A task was described without its input "${name}".`))
    const cached = fromMemory(store, slot.artifact, record)
    return cached === undefined ? read(store, slot.artifact, record) : Exit.succeed(cached.value)
  })
  return mapSync(allSync(found), (found) => {
    const values: Record<string, unknown> = {}
    for (let index = 0; index < slots.length; index++) values[(slots[index] as Slot).name] = found[index] // within bounds
    return values
  })
}

/** The slots of a branch's state: its outputs, and the inputs that they do not shadow. */
export const stateSlots = (definition: Definition): ReadonlyArray<Slot> => [
  ...definition.input.filter((slot) => !definition.output.some((output) => output.name === slot.name)),
  ...definition.output
]

const decodeStates = Effect.fnUntraced(function* (
  definition: Definition,
  task: TaskDescription,
  store: ArtifactStore["Service"]
) {
  const groups = new Map<string, Array<RefRecord>>() // by "branch." or "branch.3.": grouped once, because a join may have 100,000 states
  const own: Array<RefRecord> = []
  for (const record of task.inputs) {
    const prefix = record.name.slice(0, record.name.lastIndexOf(".") + 1)
    if (prefix === "") own.push(record)
    else {
      const group = groups.get(prefix)
      if (group === undefined) groups.set(prefix, [record])
      else group.push(record)
    }
  }
  const states: Record<string, unknown> = {}
  for (const [name, branch] of Object.entries(definition.branches ?? {})) {
    const slots = stateSlots(branch.definition)
    const state = (prefix: string) => decodeSlots(slots, groups.get(prefix) ?? [], prefix, store)
    states[name] = branch.many
      ? yield* Effect.forEach(Array.from({ length: task.counts[name] ?? 0 }), (_, index) => state(`${name}.${index}.`))
      : yield* state(`${name}.`)
  }
  return [states, yield* decodeSlots(definition.input, own, "", store)]
})

// --- outputs -------------------------------------------------------------------------------------------------------

/** While one is compressed in other threads and written, the next is encoded. */
const outputsAtOnce = 2

interface Given {
  readonly slot: Slot
  readonly label: string
  readonly captured: ReturnType<typeof capture>
}

const encode = (
  definition: Definition,
  task: TaskDescription,
  store: ArtifactStore["Service"],
  yielded: unknown
): Effect.Effect<Outcome, ArtifactError> => {
  const given: Array<Given> = []
  for (const slot of definition.output) {
    const label = `${task.task}/${slot.name}`
    if (typeof yielded !== "object" || yielded === null || !(slot.name in yielded)) {
      return Exit.fail(
        new ArtifactError({
          reason: "invalid",
          artifact: label,
          message: `Step "${task.step}" declares the output "${slot.name}", but its body (${task.task} of run ${task.run}) yielded ${
            typeof yielded === "object" && yielded !== null
              ? `only ${Object.keys(yielded).join(", ") || "an empty object"}`
              : inspect(yielded)
          }.`
        })
      )
    }
    const value = (yielded as Record<string, unknown>)[slot.name] // the key exists
    given.push({ slot, label, captured: capture(slot.artifact, value) })
  }
  // All outputs are captured before the first is stored, because other code may change them in the meantime.
  const writer = `${task.run}/${task.task}`
  const written = given.map(({ captured, label, slot }) =>
    writeCaptured(store, slot.artifact, captured, slot.name, label, writer)
  )
  return mapSync(allSync(written, outputsAtOnce), (written) => {
    const blobs: Array<{ readonly digest: string; readonly bytes: Uint8Array<ArrayBuffer> }> = []
    for (const { blob } of written) if (blob !== undefined) blobs.push(blob as (typeof blobs)[number]) // codecs make their own buffers
    return {
      outputs: written.map(({ record }) => record),
      blobs,
      schemas: given.flatMap(({ slot }) => descriptionsOf(slot.artifact))
    }
  })
}
