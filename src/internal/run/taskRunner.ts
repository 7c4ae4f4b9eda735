/**
 * What a task is, decided once for every executor: its id and key, and whether an earlier task with that key stands for it.
 * If none does, attempts are made (`attempts.ts`).
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { ArtifactError } from "../../ArtifactStore.ts"
import { FlowError } from "../../FlowError.ts"
import type { Ref } from "../../Ref.ts"
import type { RefRecord, TaskRecord } from "../../RunRecord.ts"
import type { StoreError } from "../../RunStore.ts"
import * as State from "../../State.ts"
import * as References from "../artifact/references.ts"
import { codeDigest } from "../code/codeDigest.ts"
import * as Attempts from "./attempts.ts"
import { type Definition, fits, listed } from "./definition.ts"
import * as FailedTask from "./failedTask.ts"
import * as Inputs from "./inputs.ts"
import { StoredRef } from "./refs.ts"
import * as Replay from "./replay.ts"
import type { RunContext } from "./runContext.ts"
import * as Tracing from "./tracing.ts"
import * as UsageErrors from "./usageErrors.ts"

/** Runs a step on its inputs. */
export const runTask = (
  run: RunContext,
  called: Definition,
  given: object | undefined,
  branches: { readonly [branch: string]: unknown } | undefined
): Effect.Effect<State.Any, unknown> => {
  const definition = listed(run.steps, called)
  if (definition === undefined) {
    return Effect.die(
      new FlowError({
        reason: "unlisted",
        message: `Flow "${run.flow.flowName}" runs a task of step "${called.name}", which it does not list. Add it to the flow's steps: [${[...run.steps.keys(), called.name].join(", ")}].`
      })
    )
  }
  const attributes = { flow: run.flow.flowName, run: run.id, step: definition.name }
  const settled = (states: { readonly [branch: string]: unknown } | undefined) => {
    const task = Effect.flatten(runSettled(run, definition, given, states))
    return run.traced ? Tracing.span(task, `task ${definition.name}`, attributes) : task
  }
  return branches === undefined ? settled(undefined) : Effect.flatMap(settle(branches), settled)
}

/** Runs a step whose inputs are all resolved: yields its state, or the attempts that yield it, without keeping what led to them. */
const runSettled = Effect.fnUntraced(function* (
  run: RunContext,
  definition: Definition,
  given: object | undefined,
  states: { readonly [branch: string]: unknown } | undefined
) {
  const inputs = yield* Inputs.resolve(run.artifacts, definition, given, states)
  const code = codeDigest(definition.run)
  if (code === "" && (definition.version === "code" || definition.cache?.version === "code"))
    return yield* Effect.die(UsageErrors.unreadableCode(definition.name))
  const key = Inputs.taskKey(definition, code, inputs.refs, inputs.counts)
  const occurrence = run.nextOccurrence(key)
  const begun = run.begun?.task(key, occurrence)
  if (begun !== undefined && run.begun?.isFinished(definition, begun) === true)
    return Exit.succeed(stateOf(definition, inputs.refs, begun.outputs, begun.id))
  if (begun?.status === "failed" && begun.error !== undefined) {
    const failed = { flow: run.flow.flowName, run: run.id, step: definition.name, task: begun.id }
    return yield* Effect.failCause(FailedTask.ofTask(failed)(Replay.restore(begun.error, definition.error)))
  }
  if (begun?.status === "interrupted") yield* Effect.sleep(Replay.holdBack(begun))
  const index = begun?.index ?? run.nextIndex()
  const base = {
    run: run.id,
    id: `${definition.name}/${index}`,
    step: definition.name,
    index,
    key,
    ...(code === "" ? undefined : { code }),
    version: definition.version,
    ...(definition.cache === undefined ? undefined : { cache: definition.cache.version }),
    parents: inputs.parents,
    inputs: Inputs.records(inputs.refs)
  }
  const earlier = yield* findEarlier(run, definition, base.key, occurrence)
  if (earlier.source !== undefined) {
    const now = yield* Clock.currentTimeMillis
    const { source } = earlier
    const sourceCode = source.sourceCode ?? source.code
    const record: TaskRecord = {
      ...base,
      how: earlier.how ?? "takenOver",
      source: source.source ?? `${source.run}/${source.id}`,
      ...(sourceCode === undefined ? undefined : { sourceCode }),
      status: "succeeded",
      startedAt: now,
      finishedAt: now,
      attempts: [],
      outputs: source.outputs
    }
    yield* run.recorder.takenOver({ _tag: "Task", task: record, blobs: inputs.blobs, schemas: inputs.schemas })
    run.observe({ _tag: "TaskFinished", task: record })
    if (run.traced) yield* Tracing.annotateTask(record)
    Tracing.measureTask(yield* Effect.context<never>(), run.flow.flowName, record)
    if (sourceCode !== undefined && code !== "" && sourceCode !== code && run.isFirstWithOtherCode(definition.name)) {
      yield* Effect.logWarning(
        `Step "${definition.name}" is ${earlier.how === "cached" ? "served from the cache" : "taken over"} (${base.id} from ${record.source}), but its code has changed since. If the change matters, ${earlier.how === "cached" ? "give its cache another version" : `resume with --from ${definition.name}`}; with version: "code" a change of code always counts.`
      )
    }
    return Exit.succeed(stateOf(definition, inputs.refs, source.outputs, base.id))
  }
  const lost = begun?.status === "succeeded" ? `${run.id}/${begun.id}` : earlier.lost
  const attempts = Attempts.make(
    run,
    definition,
    inputs,
    lost === undefined ? base : { ...base, lost },
    { occurrence, continues: run.continues(definition, key, base.code) },
    begun
  )
  return Effect.map(attempts, (outputs) => stateOf(definition, inputs.refs, outputs, base.id))
})

/** Runs the branches that are still tasks, concurrently. */
const settle = (branches: { readonly [branch: string]: unknown }) => {
  const tasks = Object.entries(branches).filter((entry): entry is [string, Effect.Effect<unknown>] =>
    Effect.isEffect(entry[1])
  )
  return tasks.length === 0
    ? Effect.succeed(branches)
    : Effect.map(Effect.all(Object.fromEntries(tasks), { concurrency: "unbounded" }), (settled) => ({
        ...branches,
        ...settled
      }))
}

/** The earlier task to reuse, or the artifact that is lost so that there is none. */
interface Earlier {
  readonly source?: TaskRecord
  readonly how?: "takenOver" | "cached"
  readonly lost?: string | undefined
}

/** Finds the earlier task to reuse, by key: a task of the run's origin, or of any run if the step is cached. */
const findEarlier = (
  run: RunContext,
  definition: Definition,
  key: string,
  occurrence: number
): Effect.Effect<Earlier, ArtifactError | StoreError> => {
  const source = run.takeOver(definition, key)
  if (source !== undefined) return Exit.succeed({ source, how: "takenOver" })
  if (run.executesAgain(definition)) return none
  const lost = run.lost(key)
  return definition.cache === undefined
    ? lost === undefined
      ? none
      : Exit.succeed({ lost })
    : findCached(run, definition, key, occurrence, lost)
}

const none: Exit.Exit<Earlier> = Exit.succeed({})

const findCached = Effect.fnUntraced(function* (
  run: RunContext,
  definition: Definition,
  key: string,
  occurrence: number,
  lost: string | undefined
) {
  const cached = yield* run.cached(definition, key, occurrence)
  if (cached === undefined || !fits(definition, cached)) return { lost }
  const intact = yield* run.artifacts.touch(References.addressesOf(cached.outputs))
  const damaged = cached.outputs.find((output) => !References.isWithin(output, intact))
  return damaged === undefined
    ? { source: cached, how: "cached" as const }
    : { lost: `${cached.source ?? `${cached.run}/${cached.id}`}/${damaged.name}` }
})

const stateOf = (
  definition: Definition,
  inputs: Inputs.Inputs["refs"],
  outputs: ReadonlyArray<RefRecord>,
  task: string
): State.Any => {
  const refs: Record<string, Ref<unknown>> = {}
  const via: Record<string, string> = {}
  // A join's own inputs come after its branches': theirs have a "." in their names and are not its state.
  for (const { name, ref } of inputs) if (!name.includes(".")) refs[name] = ref
  for (const slot of definition.output) {
    const record = outputs.find((output) => output.name === slot.name)
    if (record !== undefined) refs[slot.name] = new StoredRef(record, slot.artifact, task)
  }
  for (const name of Object.keys(refs)) via[name] = task
  return State.make(refs, { tasks: [task], via })
}
