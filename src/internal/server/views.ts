/** Records as the page shows them: lean, and without what a list has no use for. */
import { hostname } from "node:os"
import type * as Effect from "effect/Effect"
import type { MetricRecord, RefRecord, RunRecord, TaskRecord } from "../../RunRecord.ts"
import type { LogLine, RunStore } from "../../RunStore.ts"
import { isCrashed } from "../history/reading.ts"
import type { Count, LogView, RunView, SeriesView, ShownStatus, TaskView } from "./shapes.ts"

/** How many points of a series are sent. A chart is at most a few thousand pixels wide. */
const mostPoints = 4000

const host = hostname()

/** A run's status as it is found at a time. */
export const shownStatus = (run: RunRecord, now: number): ShownStatus =>
  isCrashed(run, { now, host }) ? "crashed" : run.status

/** A run as a list shows it. */
export const runView = (run: RunRecord, status: ShownStatus, counts: ReadonlyArray<Count>): RunView => {
  const { output: _, status: __, ...rest } = run
  return { ...rest, status, counts }
}

/** The counts of each run. */
export const countsByRun = (
  counts: Effect.Success<ReturnType<RunStore["Service"]["taskCounts"]>>
): ReadonlyMap<string, ReadonlyArray<Count>> => {
  const byRun = new Map<string, Array<Count>>()
  for (const { count, run, status, step } of counts) {
    const known = byRun.get(run)
    if (known === undefined) byRun.set(run, [{ step, status, count }])
    else known.push({ step, status, count })
  }
  return byRun
}

/** A task as the graph, the waterfall and the lists show it. */
export const taskView = (task: TaskRecord): TaskView => {
  let bytes = 0
  for (const { size } of task.outputs) bytes += size
  return {
    id: task.id,
    step: task.step,
    index: task.index,
    status: task.status,
    how: task.how,
    startedAt: task.startedAt,
    attempts: task.attempts.map(({ finishedAt, number, startedAt, status }) => ({
      number,
      status,
      startedAt,
      ...(finishedAt === undefined ? {} : { finishedAt })
    })),
    parents: task.parents,
    given: givenOf(task),
    outputs: task.outputs.map(({ name }) => name),
    bytes,
    ...(task.source === undefined ? {} : { source: task.source }),
    ...(task.finishedAt === undefined ? {} : { finishedAt: task.finishedAt }),
    ...(task.error === undefined ? {} : { error: { tag: task.error.tag, message: task.error.message } })
  }
}

/** Up to this many writers are told one by one. */
const mostWriters = 60

const givenOf = ({ inputs }: TaskRecord): TaskView["given"] => {
  const byTask = namesBy(inputs, ({ writer = "" }) => writer)
  // A join over ten thousand tasks has forty thousand inputs, of four names.
  return byTask.length <= mostWriters ? byTask : namesBy(inputs, ({ writer = "" }) => stepOf(writer))
}

const namesBy = (refs: ReadonlyArray<RefRecord>, of: (ref: RefRecord) => string): TaskView["given"] => {
  const found = new Map<string, { readonly writer: string; readonly names: Array<string> }>()
  for (const ref of refs) {
    const writer = of(ref)
    // `branch.3.score` is `score` of a branch.
    const name = ref.name.slice(ref.name.lastIndexOf(".") + 1)
    const known = found.get(writer)
    if (known === undefined) found.set(writer, { writer, names: [name] })
    else if (!known.names.includes(name)) known.names.push(name)
  }
  return [...found.values()]
}

/** The step of `RUN/train/3`. */
const stepOf = (writer: string): string => writer.slice(writer.indexOf("/") + 1, Math.max(0, writer.lastIndexOf("/")))

/** A line without its run. */
export const logView = ({ at, attempt, level, message, sequence, task }: LogLine): LogView => ({
  sequence,
  task,
  attempt,
  at,
  level,
  message
})

/** Points as columns, a series for each task and name, in the order in which the series began. */
export const series = (points: ReadonlyArray<MetricRecord>): ReadonlyArray<SeriesView> => {
  const all = new Map<string, { task: string; name: string; steps: Array<number>; values: Array<number | null> }>()
  for (const { name, step, task, value } of points) {
    const key = `${task}\n${name}`
    const one = all.get(key) ?? { task, name, steps: [], values: [] }
    all.set(key, one)
    one.steps.push(step)
    one.values.push(Number.isFinite(value) ? value : null)
  }
  return Array.from(all.values(), (one) => ({ ...thin(one), total: one.steps.length }))
}

/** Of each stretch of a long series the least and the greatest value are kept, so that no peak is lost. */
const thin = <S extends { readonly steps: ReadonlyArray<number>; readonly values: ReadonlyArray<number | null> }>(
  one: S
): S => {
  const { steps, values } = one
  if (steps.length <= mostPoints) return one
  const stretches = mostPoints / 2
  const keptSteps: Array<number> = []
  const keptValues: Array<number | null> = []
  for (let i = 0; i < stretches; i++) {
    const from = Math.floor((i * steps.length) / stretches)
    const to = Math.floor(((i + 1) * steps.length) / stretches)
    let least = from
    let greatest = from
    for (let j = from + 1; j < to; j++) {
      if ((values[j] ?? Number.NaN) < (values[least] ?? Number.POSITIVE_INFINITY)) least = j
      if ((values[j] ?? Number.NaN) > (values[greatest] ?? Number.NEGATIVE_INFINITY)) greatest = j
    }
    for (const at of least <= greatest ? [least, greatest] : [greatest, least]) {
      keptSteps.push(steps[at] as number) // between the first and the last
      keptValues.push(values[at] ?? null)
    }
  }
  return { ...one, steps: keptSteps, values: keptValues }
}
