/**
 * Resuming: selects the origin of a new run, and the tasks that it takes over. The origin's finished tasks are found by
 * key, and each is taken over once. They are matched by what a task is, never by the order of calls, so that concurrent
 * branches, items of a list and rounds of a loop all find their own.
 */
import * as Effect from "effect/Effect"
import type { ArtifactStore } from "../../ArtifactStore.ts"
import { FlowError, ParameterError } from "../../FlowError.ts"
import type { RefRecord, RunRecord, RunStatus, TaskRecord } from "../../RunRecord.ts"
import { RunStore, type StoreError } from "../../RunStore.ts"
import * as References from "../artifact/references.ts"
import { type Definition, type FlowDefinition, fits } from "./definition.ts"
import * as Parameters from "./parameters.ts"
import { takeCalled } from "./takeover.ts"

/** How a run is resumed; see `Flow.ResumeOptions`. */
export interface Options {
  readonly from?: string
  readonly parameters?: object
  readonly dropParameters?: ReadonlyArray<string>
  readonly tags?: ReadonlyArray<string>
  readonly evenIfRunning?: boolean
}

/**
 * Decides what a resumed run starts with, and refuses an origin that can't be resumed with these options.
 *
 * @param origin The run to resume, and its status as a reader sees it (`crashed` if its process is gone).
 */
export const prepare = Effect.fnUntraced(function* (
  flow: FlowDefinition,
  origin: RunRecord,
  status: RunStatus | "crashed",
  options: Options
) {
  const { from } = options
  if (from !== undefined && !from.includes("/") && !flow.definitions.has(from)) return yield* noStep(flow, from)
  if (options.evenIfRunning !== true && status === "running") {
    return yield* new FlowError({
      reason: "alive",
      message: `Run ${origin.id} of flow "${flow.flowName}" is still running (process ${origin.pid} on ${origin.host}), and resuming it now would execute its unfinished tasks twice. Wait for it to end, or stop it. To resume it anyway, use --even-if-running on the command line, or { evenIfRunning: true } for Flow.resume.`
    })
  }
  if (from?.includes("/") === true) yield* checkCalled(origin, from)
  const dropped = new Set(options.dropParameters)
  for (const name of dropped) if (!Object.hasOwn(origin.parameters, name)) return yield* notGiven(flow, origin, name)
  const kept = Object.fromEntries(Object.entries(origin.parameters).filter(([name]) => !dropped.has(name)))
  const before = yield* Parameters.decode(flow, kept, origin.id)
  const parameters = yield* Parameters.make(flow, { ...before, ...options.parameters })
  return { parameters, start: { origin: { run: origin, from }, tags: options.tags ?? origin.tags } }
})

/**
 * Refuses a step of a called flow, `Child/leaf` or `Child/Grandchild/leaf`, that neither the origin nor a run that it resumed has
 * executed. Which flows a flow calls is not known before it calls them, but the runs that it has called are.
 */
const checkCalled = Effect.fnUntraced(function* (origin: RunRecord, from: string) {
  const runs = yield* RunStore
  const path = from.split("/")
  const step = path.pop() ?? ""
  let callers: ReadonlyArray<RunRecord> = yield* chainOf(runs, origin)
  let caller = `run ${origin.id}`
  for (const [depth, flow] of path.entries()) {
    const children = (yield* Effect.forEach(callers, ({ id }) => runs.runs({ parent: id }))).flat()
    callers = children.filter((child) => child.flow === flow)
    if (callers.length === 0) {
      const called = [...new Set(children.map((child) => child.flow))]
      const message = `${caller} called no flow "${flow}". ${called.length === 0 ? "It called none." : `It called: ${called.join(", ")}.`}`
      return yield* notExecuted(from, message)
    }
    caller = `flow "${path.slice(0, depth + 1).join("/")}", as run ${origin.id} called it,`
  }
  const counts = yield* runs.taskCounts(callers.map(({ id }) => id))
  const executed = [...new Set(counts.map((count) => count.step))]
  if (executed.includes(step)) return
  return yield* notExecuted(
    from,
    `${caller} has no task of a step "${step}". It has tasks of: ${executed.join(", ") || "none"}. A step that was not reached needs no \`from\`.`
  )
})

/** A misspelt name would keep the parameter that was meant. */
const notGiven = ({ flowName }: FlowDefinition, { id, parameters }: RunRecord, name: string) =>
  new ParameterError({
    flow: flowName,
    message: `Run ${id} was started without a parameter "${name}", so there is none to drop. It was started with: ${Object.keys(parameters).join(", ") || "none"}.`
  })

const notExecuted = (from: string, why: string) =>
  new FlowError({ reason: "unknown", message: `There is no step "${from}" to resume from: ${why}` })

const noStep = (flow: FlowDefinition, step: string) =>
  new FlowError({
    reason: "unknown",
    message: `Flow "${flow.flowName}" has no step "${step}" to resume from; it has: ${[...flow.definitions.keys()].join(", ")}.`
  })

/**
 * The part of `from` that concerns a called flow: `leaf` of `Child/leaf` for the flow `Child`. Dies where that flow has no
 * such step.
 */
export const fromWithin = (from: string | undefined, called: FlowDefinition): Effect.Effect<string | undefined> => {
  const prefix = `${called.flowName}/`
  if (from === undefined || !from.startsWith(prefix)) return Effect.succeed(undefined)
  const rest = from.slice(prefix.length)
  return rest.includes("/") || called.definitions.has(rest) ? Effect.succeed(rest) : Effect.die(noStep(called, rest))
}

/** The tasks and runs that a resumed run can take over. */
export interface Origin {
  /** Takes the next finished task with this key. Each is returned once. */
  readonly takeOver: (definition: Definition, key: string) => TaskRecord | undefined
  /** The artifact that is missing or damaged, so that a finished task with this key can't be taken over. */
  readonly lost: (key: string) => string | undefined
  /** Takes the next unfinished task with this key and code that has checkpoints, `RUN/train/3`. Each is returned once. */
  readonly continues: (definition: Definition, key: string, code: string | undefined) => string | undefined
  /** A run that the origin called, with this flow and these parameters, each once. */
  readonly takeChild: (flow: string, parameters: object) => Effect.Effect<RunRecord | undefined, StoreError>
}

/**
 * Reads the origin. If the origin was itself a resumed run that never finished, tasks finished by its origin count as well,
 * so that a run that is stopped early loses nothing. One query for each run's tasks, and one for its children if the flow
 * calls any.
 */
export const load = Effect.fnUntraced(function* (
  runs: RunStore["Service"],
  artifacts: ArtifactStore["Service"],
  origin: RunRecord
) {
  const chain = yield* chainOf(runs, origin)
  const tasks = yield* finishedIn(runs, chain)
  const outputs = new Map<string, RefRecord>()
  for (const task of tasks) for (const output of task.outputs) outputs.set(output.digest, output)
  const intact = yield* artifacts.touch(References.addressesOf(outputs.values()))
  const lost = new Map<string, string>()
  const byKey = new Map<string, Array<TaskRecord>>()
  for (let i = tasks.length - 1; i >= 0; i--) {
    const task = tasks[i] as TaskRecord // within bounds
    const damaged = task.outputs.find((output) => !References.isWithin(output, intact))
    if (damaged !== undefined) {
      lost.set(task.key, `${sourceOf(task)}/${damaged.name}`)
      continue
    }
    const same = byKey.get(task.key)
    if (same === undefined) byKey.set(task.key, [task])
    else same.push(task)
  }
  const unfinished = yield* checkpointsIn(runs, chain)
  const children = yield* Effect.cached(childrenOf(runs, chain))
  return {
    takeOver: (definition, key) => {
      const same = byKey.get(key)
      const task = same?.at(-1)
      if (task === undefined || !fits(definition, task)) return undefined
      same?.pop()
      return task
    },
    lost: (key) => lost.get(key),
    continues: ({ name }, key, code = "") => {
      if (code === "") return undefined // another process may have had other code
      const index = unfinished.findIndex((task) => task.step === name && task.key === key && task.code === code)
      return index < 0 ? undefined : unfinished.splice(index, 1)[0]?.task
    },
    takeChild: (flow, parameters) => Effect.map(children, (remaining) => takeCalled(remaining, flow, parameters))
  } satisfies Origin
})

/** A run and the runs that it resumed, newest first, up to the first that succeeded. */
const chainOf = Effect.fnUntraced(function* (runs: RunStore["Service"], run: RunRecord) {
  const chain = [run]
  let last = run
  while (last.status !== "succeeded" && last.origin !== undefined) {
    const [before] = yield* runs.runs({ id: last.origin })
    if (before === undefined) break // it was removed
    chain.push(before)
    last = before
  }
  return chain
})

/** Finished tasks, those of later runs first. An earlier run adds only what no later one has or set out to execute again. */
const finishedIn = Effect.fnUntraced(function* (runs: RunStore["Service"], chain: ReadonlyArray<RunRecord>) {
  const finished: Array<TaskRecord> = []
  const had = new Set<string>()
  const again = new Set<string>()
  for (const run of chain) {
    const tasks = yield* runs.tasks({ run: run.id, status: "succeeded", refs: "outputs" })
    for (const task of tasks) if (!had.has(sourceOf(task)) && !again.has(task.step)) finished.push(task)
    for (const task of tasks) had.add(sourceOf(task))
    if (run.from !== undefined) again.add(run.from)
  }
  return finished
})

/** Tasks that have checkpoints, those of later runs first. A step that a later run set out to execute again starts from nothing. */
const checkpointsIn = Effect.fnUntraced(function* (runs: RunStore["Service"], chain: ReadonlyArray<RunRecord>) {
  const latest = new Map<string, { readonly task: string; readonly step: string; key: string; code: string }>()
  const again = new Set<string>()
  for (const run of chain) {
    for (const { code, key, ref, task } of yield* runs.checkpoints({ run: run.id })) {
      const step = task.slice(0, task.lastIndexOf("/"))
      const name = `${run.id}/${task}`
      if (ref !== undefined && !again.has(step)) latest.set(name, { task: name, step, key, code })
    }
    if (run.from !== undefined) again.add(run.from)
  }
  return [...latest.values()]
})

/** The task that was executed. */
const sourceOf = (task: TaskRecord): string => task.source ?? `${task.run}/${task.id}`

/** The runs that these called, in the order in which they started, without those that a later one resumed. */
const childrenOf = Effect.fnUntraced(function* (runs: RunStore["Service"], chain: ReadonlyArray<RunRecord>) {
  const all: Array<RunRecord> = []
  const resumed = new Set<string | undefined>()
  for (const run of chain) {
    const children = yield* runs.runs({ parent: run.id })
    all.push(...[...children].reverse().filter((child) => !resumed.has(child.id)))
    // Also of one that was resumed itself: else two calls with equal parameters could take over the same run.
    for (const child of children) resumed.add(child.origin)
  }
  return all
})
