/**
 * One attempt at a task, wherever it is made: inputs are decoded, the step's body runs with `CurrentTask`, outputs are
 * encoded. Fibers, worker threads and cluster runners all come through here, so that a body can't tell where it is.
 */
import { inspect } from "node:util"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as References from "effect/References"
import { ArtifactError, ArtifactStore } from "../../ArtifactStore.ts"
import { CurrentTask } from "../../CurrentTask.ts"
import type { Outcome, TaskDescription } from "../../Executor.ts"
import type { RefRecord } from "../../RunRecord.ts"
import { read, write } from "../artifact/values.ts"
import type { Definition, Slot } from "./definition.ts"
import { TaskHandle } from "./taskHandle.ts"
import type { TaskSink } from "./taskSink.ts"

/** Makes the attempt. The services that the step needs are the fiber's. */
export const execute = Effect.fnUntraced(function* (definition: Definition, task: TaskDescription, sink: TaskSink) {
  const store = yield* ArtifactStore
  const values = yield* decode(definition, task, store)
  const handle = new TaskHandle(task, sink, store)
  const body = Effect.updateContext(
    Effect.suspend(() => definition.run(...(values as unknown as ReadonlyArray<never>))), // decoded by the definition's own slots
    (context: Context.Context<never>) => surround(context, handle) as Context.Context<unknown> // what was added is taken by the body
  )
  // A file that the body left in its scratch directory is stored before that goes.
  return yield* Effect.onExit(
    Effect.flatMap(body, (yielded) => encode(definition, task, store, yielded)),
    () => handle.close
  )
})

/** Keeps a body's lines with its task. One logger serves every task: it asks the fiber whose line it is. */
const logger = Logger.make<unknown, void>(({ cause, date, fiber, logLevel, message }) => {
  const current = Context.getOption(fiber.context, CurrentTask)
  if (Option.isSome(current) && current.value instanceof TaskHandle) {
    current.value.sink.log({ at: date.getTime(), level: logLevel, message: format(message, cause) })
  }
})

type Loggers = ReadonlySet<Logger.Logger<unknown, unknown>>

const extended = new WeakMap<Loggers, Loggers>()

/** Loggers, and the one above. Made once for all tasks below the same loggers. */
const withLogger = (loggers: Loggers): Loggers => {
  if (loggers.has(logger)) return loggers
  const known = extended.get(loggers)
  if (known !== undefined) return known
  const made = new Set([...loggers, logger])
  extended.set(loggers, made)
  return made
}

/** The body's context: what there is, the current task, and a logger that keeps lines with it. */
const surround = (context: Context.Context<never>, handle: TaskHandle) =>
  context.pipe(
    Context.add(CurrentTask, handle),
    Context.add(Logger.CurrentLoggers, withLogger(Context.get(context, Logger.CurrentLoggers))),
    Context.add(References.CurrentLogAnnotations, {
      ...Context.get(context, References.CurrentLogAnnotations),
      run: handle.run,
      task: handle.task
    })
  )

/** A logged message as text. */
export const format = (message: unknown, cause: Cause.Cause<unknown>): string => {
  const parts = Array.isArray(message) ? message : [message]
  const text = parts
    .map((part) => (typeof part === "string" ? part : inspect(part, { depth: 4, breakLength: 120 })))
    .join(" ")
  return cause.reasons.length === 0 ? text : `${text}${text === "" ? "" : "\n"}${Cause.pretty(cause)}`
}

// --- inputs --------------------------------------------------------------------------------------------------------

const decode = (definition: Definition, task: TaskDescription, store: ArtifactStore["Service"]) =>
  definition.branches === undefined
    ? Effect.map(decodeSlots(definition.input, task.inputs, "", store), (input) => [input])
    : decodeStates(definition, task, store)

const decodeSlots = Effect.fnUntraced(function* (
  slots: ReadonlyArray<Slot>,
  records: ReadonlyArray<RefRecord>,
  prefix: string,
  store: ArtifactStore["Service"]
) {
  const values: Record<string, unknown> = {}
  for (const slot of slots) {
    const name = prefix + slot.name
    const record = records.find((record) => record.name === name)
    if (record === undefined) return yield* Effect.die(new Error(`A task was described without its input "${name}".`))
    values[slot.name] = yield* read(store, slot.artifact, record)
  }
  return values
})

/** The slots of what a branch's step hands on: its outputs, and its inputs that they do not shadow. */
export const stateSlots = (definition: Definition): ReadonlyArray<Slot> => [
  ...definition.input.filter((slot) => !definition.output.some((output) => output.name === slot.name)),
  ...definition.output
]

const decodeStates = Effect.fnUntraced(function* (
  definition: Definition,
  task: TaskDescription,
  store: ArtifactStore["Service"]
) {
  const groups = new Map<string, Array<RefRecord>>() // by "branch." or "branch.3.": a join over 100,000 states has as many
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

const encode = Effect.fnUntraced(function* (
  definition: Definition,
  task: TaskDescription,
  store: ArtifactStore["Service"],
  yielded: unknown
): Effect.fn.Return<Outcome, ArtifactError> {
  const outputs: Array<RefRecord> = []
  const blobs: Array<{ readonly digest: string; readonly bytes: Uint8Array<ArrayBuffer> }> = []
  const schemas: Array<{ readonly digest: string; readonly text: string }> = []
  for (const slot of definition.output) {
    const label = `${task.task}/${slot.name}`
    if (typeof yielded !== "object" || yielded === null || !(slot.name in yielded)) {
      return yield* new ArtifactError({
        reason: "invalid",
        artifact: label,
        message: `Step "${task.step}" declares the output "${slot.name}", but its body (${task.task} of run ${task.run}) yielded ${
          typeof yielded === "object" && yielded !== null
            ? `only ${Object.keys(yielded).join(", ") || "an empty object"}`
            : inspect(yielded)
        }.`
      })
    }
    const value = (yielded as Record<string, unknown>)[slot.name] // it is in there
    const written = yield* write(store, slot.artifact, value, slot.name, label, `${task.run}/${task.task}`)
    outputs.push(written.record)
    if (written.blob !== undefined) blobs.push(written.blob as (typeof blobs)[number]) // codecs make their own buffers
    schemas.push(slot.artifact.description())
  }
  return { outputs, blobs, schemas }
})
