/**
 * How two runs differ: their parameters, steps, metrics and artifacts. Artifacts are compared by their digests, without
 * being read; only small texts and JSON values are compared line by line. Takes time in proportion to the tasks.
 */
import * as Effect from "effect/Effect"
import type { ArtifactStore } from "./ArtifactStore.ts"
import * as Reading from "./internal/history/reading.ts"
import { changedRefs, refChange, valueDiff } from "./internal/history/refDiff.ts"
import * as CanonicalJson from "./internal/schema/canonicalJson.ts"
import { duration } from "./internal/units.ts"
import { beganAt, type MetricRecord, type RefRecord, type RunRecord, type TaskRecord } from "./RunRecord.ts"
import { RunStore, type StoreError } from "./RunStore.ts"

/** Something that differs between the runs; `undefined` where a run does not have it. */
export interface Changed<A> {
  readonly name: string
  readonly before: A | undefined
  readonly now: A | undefined
}

/** A run's tasks of one step, summed up. */
export interface StepFacts {
  readonly tasks: number
  readonly version: string
  readonly statuses: { readonly [status in TaskRecord["status"]]?: number }
  /** Milliseconds from the first start to the last end; undefined while a task is running. */
  readonly took: number | undefined
}

/** An artifact that differs, with the lines that differ if it is a small text or JSON. */
export interface ChangedArtifact extends Changed<RefRecord> {
  readonly diff: ReadonlyArray<string>
}

/** How a run differs from one before it. */
export interface Diff {
  readonly before: RunRecord
  readonly now: RunRecord
  readonly parameters: ReadonlyArray<Changed<unknown>>
  /** Steps whose number of tasks, version or outcome differs. */
  readonly steps: ReadonlyArray<Changed<StepFacts>>
  /** The last values of all metrics, by `step/name`, equal ones included. */
  readonly metrics: ReadonlyArray<Changed<number>>
  /** Outputs that differ, by `step/name`, or `step/2/name` for the second of several tasks. */
  readonly artifacts: ReadonlyArray<ChangedArtifact>
  /** How many artifacts are the same. */
  readonly same: number
}

/**
 * Compares two runs.
 *
 * @param before The earlier run's record, its id, a unique prefix of its id, or `latest`.
 * @param now The later run. Fails with `RunNotFound` if there is no such run, and with `StoreError`.
 *
 * @example
 * ```ts
 * const diff = yield* Diff.runs("01k9x", "latest")
 * yield* Console.log(Diff.toText(diff))
 * ```
 */
export const runs = Effect.fnUntraced(function* (
  before: Reading.Named,
  now: Reading.Named
): Effect.fn.Return<Diff, Reading.RunNotFound | StoreError, RunStore | ArtifactStore> {
  const [left, right] = yield* Effect.all([side(before), side(now)])
  const changed = changedRefs(left.artifacts, right.artifacts)
  const artifacts = yield* Effect.forEach(changed, (change) =>
    Effect.map(valueDiff(change.before, change.now), (diff): ChangedArtifact => ({ ...change, diff }))
  )
  const names = new Set(left.artifacts.map(({ name }) => name))
  for (const { name } of right.artifacts) names.add(name)
  return {
    before: left.run,
    now: right.run,
    parameters: changes(new Map(Object.entries(left.run.parameters)), new Map(Object.entries(right.run.parameters))),
    steps: changes(left.steps, right.steps, ({ took: _, ...facts }) => facts),
    metrics: union(left.metrics, right.metrics),
    artifacts,
    same: names.size - changed.length
  }
})

interface Side {
  readonly run: RunRecord
  readonly steps: ReadonlyMap<string, StepFacts>
  readonly metrics: ReadonlyMap<string, number>
  readonly artifacts: ReadonlyArray<RefRecord>
}

const side = Effect.fnUntraced(function* (named: Reading.Named) {
  const run = typeof named === "string" ? yield* Reading.get(named) : named
  const tasks = yield* (yield* RunStore).tasks({ run: run.id })
  const byStep = Map.groupBy(tasks, ({ step }) => step)
  const places = new Map<string, string>() // from a task's id to its name here
  for (const [step, of] of byStep) {
    for (const [index, { id }] of of.entries()) places.set(id, of.length === 1 ? step : `${step}/${index + 1}`)
  }
  const artifacts = tasks.flatMap((task) =>
    task.outputs.map((ref) => ({ ...ref, name: `${places.get(task.id)}/${ref.name}` }))
  )
  const steps = new Map([...byStep].map(([step, of]) => [step, factsOf(of)]))
  const side: Side = { run, steps, artifacts, metrics: lastValues(yield* Reading.metrics(run), places) }
  return side
})

const factsOf = (tasks: ReadonlyArray<TaskRecord>): StepFacts => {
  const statuses: { [status in TaskRecord["status"]]?: number } = {}
  for (const { status } of tasks) statuses[status] = (statuses[status] ?? 0) + 1
  let start = Number.POSITIVE_INFINITY
  let end = Number.NEGATIVE_INFINITY
  for (const task of tasks) {
    start = Math.min(start, beganAt(task))
    end = Math.max(end, task.finishedAt ?? Number.POSITIVE_INFINITY)
  }
  return {
    tasks: tasks.length,
    version: [...new Set(tasks.map(({ version }) => version))].join(", "),
    statuses,
    took: Number.isFinite(end - start) ? end - start : undefined
  }
}

const lastValues = (points: ReadonlyArray<MetricRecord>, places: ReadonlyMap<string, string>): Map<string, number> => {
  const last = new Map<string, number>()
  for (const point of points) {
    const place = places.get(point.task)
    last.set(place === undefined ? point.name : `${place}/${point.name}`, point.value)
  }
  return last
}

const union = <A>(before: ReadonlyMap<string, A>, now: ReadonlyMap<string, A>): ReadonlyArray<Changed<A>> =>
  [...new Set([...before.keys(), ...now.keys()])]
    .sort()
    .map((name) => ({ name, before: before.get(name), now: now.get(name) }))

const changes = <A>(
  before: ReadonlyMap<string, A>,
  now: ReadonlyMap<string, A>,
  compared: (value: A) => unknown = (value) => value
): ReadonlyArray<Changed<A>> => {
  const text = (value: A | undefined) => (value === undefined ? "" : CanonicalJson.stringify(compared(value)))
  return union(before, now).filter((change) => text(change.before) !== text(change.now))
}

/**
 * The differences as text, a section for each kind that differs.
 *
 * @example
 * ```ts
 * yield* Console.log(Diff.toText(yield* Diff.runs("01k9x", "latest")))
 * ```
 */
export const toText = (diff: Diff): string => {
  const { before, now } = diff
  const flow = before.flow === now.flow ? now.flow : `${before.flow} and ${now.flow}`
  const same =
    diff.same === 0 ? [] : [`  ${diff.same === 1 ? "one artifact is" : `${diff.same} artifacts are`} the same`]
  const sections = [
    ["parameters", diff.parameters.map((change) => line(change, jsonText))],
    ["steps", diff.steps.map((change) => line(change, stepText))],
    ["metrics", metricLines(diff.metrics)],
    [
      "artifacts",
      [
        ...diff.artifacts.flatMap(({ diff: lines, ...change }) => [
          change.before === undefined || change.now === undefined
            ? line(change, ({ format, digest }) => `${format} ${digest.slice(0, 12)}…`)
            : `  ${change.name}: ${refChange(change.before, change.now)}`,
          ...lines.map((text) => `    ${text}`)
        ]),
        ...same
      ]
    ]
  ] as const
  const body = sections.flatMap(([title, lines]) => (lines.length === 0 ? [] : [title, ...lines]))
  return [`${flow} · ${before.id} → ${now.id}`, ...body].join("\n")
}

const line = <A>({ before, name, now }: Changed<A>, text: (value: A) => string): string =>
  `  ${name}: ${before === undefined ? "none" : text(before)} → ${now === undefined ? "none" : text(now)}`

const jsonText = (value: unknown): string => {
  const text = CanonicalJson.stringify(value)
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`
}

const stepText = ({ statuses, tasks, took, version }: StepFacts): string => {
  const outcome = Object.entries(statuses).map(([status, count]) => (count === tasks ? status : `${count} ${status}`))
  const parts = [tasks === 1 ? "1 task" : `${tasks} tasks`, ...outcome]
  if (version !== "") parts.push(`version ${version}`)
  if (took !== undefined) parts.push(duration(took))
  return parts.join(", ")
}

const metricLines = (metrics: Diff["metrics"]): ReadonlyArray<string> =>
  metrics.map(({ before, name, now }) => {
    const change = before === undefined || now === undefined ? Number.NaN : now - before
    const text = (value: number | undefined) => (value === undefined ? "none" : numberText(value))
    if (Object.is(before, now)) return `  ${name}: ${text(now)}`
    const by = Number.isNaN(change) ? "" : ` (${change > 0 ? "+" : ""}${numberText(change)})`
    return `  ${name}: ${text(before)} → ${text(now)}${by}`
  })

const numberText = (value: number): string =>
  Number.isInteger(value) || !Number.isFinite(value) ? String(value) : String(Number(value.toPrecision(6)))
