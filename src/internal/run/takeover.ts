/**
 * What a run has done already, for a process that continues it because its driver is gone: its tasks by key, and the runs
 * that it called. The body runs again from the top. Tasks that had ended are reused under their ids, failures included;
 * unfinished ones continue with their next attempt.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { ArtifactStore } from "../../ArtifactStore.ts"
import type { RefRecord, RunRecord, TaskRecord } from "../../RunRecord.ts"
import type { RunStore, StoreError } from "../../RunStore.ts"
import * as References from "../artifact/references.ts"
import * as CanonicalJson from "../schema/canonicalJson.ts"
import { type Definition, fits } from "./definition.ts"

/** The recorded progress of a run. */
export interface ResumeState {
  /** The highest number that a task has. */
  readonly lastIndex: number
  /** Where the next event's place is counted from, and the places that tasks had before. */
  readonly places: { readonly from: number; readonly of: ReadonlyMap<string, ReadonlyArray<number>> }
  /** The task that was called with this key for the nth time, from 0. It counts as asked for. */
  readonly task: (key: string, occurrence: number) => TaskRecord | undefined
  /** Whether it has finished, and all that it wrote is there. */
  readonly isFinished: (definition: Definition, task: TaskRecord) => boolean
  /** Tasks that have not ended, and that the body has not asked for. */
  readonly unasked: () => ReadonlyArray<TaskRecord>
  /** A run that it had called, of this flow and these parameters, once each. */
  readonly child: (flow: string, parameters: object) => Effect.Effect<RunRecord | undefined, StoreError>
}

/**
 * A driver counts the events of its run from a multiple of this on, so that a reader knows that what it missed of the driver
 * before was never written.
 */
export const placesPerDriver = 2 ** 32

/** Where the places of a driver's events begin that continues a run whose last event has this place. */
export const placesAfter = (last: number): number => (Math.floor(last / placesPerDriver) + 1) * placesPerDriver

/** Reads what a run has done: one query for its tasks, one for its children where the flow calls any. */
export const load = Effect.fnUntraced(function* (
  runs: RunStore["Service"],
  artifacts: ArtifactStore["Service"],
  run: string
) {
  const tasks = yield* runs.tasks({ run })
  const outputs = new Map<string, RefRecord>()
  const byKey = new Map<string, Array<TaskRecord>>()
  const asked = new Set<number>()
  const places = new Map<string, ReadonlyArray<number>>()
  let lastIndex = 0
  let lastPlace = 0
  for (const task of tasks) {
    lastIndex = Math.max(lastIndex, task.index)
    lastPlace = Math.max(lastPlace, task.places?.at(-1) ?? 0)
    if (task.places !== undefined && task.status !== "succeeded") places.set(task.id, task.places)
    for (const output of task.outputs) outputs.set(output.digest, output)
    const same = byKey.get(task.key)
    if (same === undefined) byKey.set(task.key, [task])
    else same.push(task)
  }
  const intact = yield* artifacts.touch(References.addressesOf(outputs.values()))
  const children = yield* Effect.cached(Effect.map(runs.runs({ parent: run }), (records) => [...records].reverse()))
  return {
    lastIndex,
    places: { from: placesAfter(lastPlace), of: places },
    task: (key, occurrence) => {
      const task = byKey.get(key)?.[occurrence]
      if (task !== undefined) asked.add(task.index)
      return task
    },
    unasked: () => tasks.filter(({ index, status }) => status === "running" && !asked.has(index)),
    isFinished: (definition, task) =>
      task.status === "succeeded" &&
      fits(definition, task) &&
      task.outputs.every((output) => References.isWithin(output, intact)),
    child: (flow, parameters) => Effect.map(children, (remaining) => takeCalled(remaining, flow, parameters))
  } satisfies ResumeState
})

/** Takes the first run of a flow and parameters out of a list. */
export const takeCalled = (runs: Array<RunRecord>, flow: string, parameters: object): RunRecord | undefined => {
  const text = CanonicalJson.stringify(parameters)
  const index = runs.findIndex((run) => run.flow === flow && CanonicalJson.stringify(run.parameters) === text)
  return index < 0 ? undefined : runs.splice(index, 1)[0]
}

/** Says that this process should hand over the runs that it drives. */
export interface Shutdown {
  /**
   * Calls the listener when it is said, or now if it was said before.
   *
   * @returns A function that removes the listener.
   */
  readonly listen: (listener: () => void) => () => void
}

/** A shutdown that this process decides on. */
export class OwnShutdown implements Shutdown {
  readonly #listeners = new Set<() => void>()
  #isBegun = false

  /** Says it. */
  begin(): void {
    this.#isBegun = true
    for (const listener of this.#listeners) listener()
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    if (this.#isBegun) listener()
    return () => void this.#listeners.delete(listener)
  }
}

/** The earlier one of two. */
export const either = (first: Shutdown, second: Shutdown): Shutdown => ({
  listen: (listener) => {
    const removals = [first.listen(listener), second.listen(listener)]
    return () => removals.forEach((remove) => void remove())
  }
})

/**
 * Begins when this process should hand over the runs that it drives: they stop where they are, and neither tasks nor runs
 * are recorded as interrupted.
 */
export const ShutdownSignal: Context.Reference<Shutdown | undefined> = Context.Reference("effect-flow/ShutdownSignal", {
  defaultValue: (): Shutdown | undefined => undefined
})
