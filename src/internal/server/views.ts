/** Turns records into the page's views, without the fields that lists don't show. */
import type * as Effect from "effect/Effect"
import { beganAt, type RefRecord, type RunRecord, type TaskRecord } from "../../RunRecord.ts"
import type { LogLine, MetricLine, RunStore } from "../../RunStore.ts"
import { type Ending, statusIn, within } from "./ending.ts"
import type { Count, LogView, RunView, SeriesView, TaskView } from "./shapes.ts"

/** The number of points of a series that are sent. A chart is at most a few thousand pixels wide. */
const pointsLimit = 4000

/** The view of a run in lists. */
export const runView = (run: RunRecord, ending: Ending | undefined, counts: ReadonlyArray<Count>): RunView => {
  const { output: _, status: __, ...rest } = run
  return {
    ...rest,
    status: ending?.status ?? "running",
    ...(ending === undefined ? {} : { endedAt: ending.at }),
    counts:
      ending === undefined
        ? counts
        : counts.map((count) =>
            count.status === "running" ? { ...count, status: statusIn(ending, "running") } : count
          )
  }
}

/** Groups task counts by run. */
export const countsByRun = (
  counts: Effect.Success<ReturnType<RunStore["Service"]["taskCounts"]>>
): ReadonlyMap<string, ReadonlyArray<Count>> => {
  const byRun = new Map<string, Array<Count>>()
  for (const { count, run, status, step } of counts) {
    const group = byRun.get(run)
    if (group === undefined) byRun.set(run, [{ step, status, count }])
    else group.push({ step, status, count })
  }
  return byRun
}

/** The view of a task in the graph, the waterfall and lists. */
export const taskView = (record: TaskRecord, ending: Ending | undefined): TaskView => {
  const task = within(ending, record)
  let bytes = 0
  for (const { size } of task.outputs) bytes += size
  return {
    id: task.id,
    step: task.step,
    index: task.index,
    status: task.status,
    how: task.how,
    startedAt: beganAt(record),
    attempts: task.attempts.map((attempt) => {
      const { finishedAt, number, status } = within(ending, attempt)
      return {
        number,
        status,
        startedAt: beganAt(attempt),
        ...(finishedAt === undefined ? {} : { finishedAt })
      }
    }),
    parents: task.parents,
    given: inputsOf(record),
    outputs: task.outputs.map(({ name }) => name),
    bytes,
    ...(task.source === undefined ? {} : { source: task.source }),
    ...(task.finishedAt === undefined ? {} : { finishedAt: task.finishedAt }),
    ...(task.error === undefined ? {} : { error: { tag: task.error.tag, message: task.error.message } })
  }
}

/** Up to this many writers are listed one by one. */
const writersLimit = 60

const inputsOf = ({ inputs }: TaskRecord): TaskView["given"] => {
  const byTask = namesBy(inputs, ({ writer = "" }) => writer)
  // A join over 10,000 tasks with four artifacts has 40,000 inputs.
  return byTask.length <= writersLimit ? byTask : namesBy(inputs, ({ writer = "" }) => stepOf(writer))
}

const namesBy = (refs: ReadonlyArray<RefRecord>, of: (ref: RefRecord) => string): TaskView["given"] => {
  const byWriter = new Map<string, { readonly writer: string; readonly names: Array<string> }>()
  for (const ref of refs) {
    const writer = of(ref)
    // `branch.3.score` is the artifact `score` of a branch.
    const name = ref.name.slice(ref.name.lastIndexOf(".") + 1)
    const group = byWriter.get(writer)
    if (group === undefined) byWriter.set(writer, { writer, names: [name] })
    else if (!group.names.includes(name)) group.names.push(name)
  }
  return [...byWriter.values()]
}

/** The step of `RUN/train/3`. */
const stepOf = (writer: string): string => writer.slice(writer.indexOf("/") + 1, Math.max(0, writer.lastIndexOf("/")))

/** The view of a log line, without its run. */
export const logView = ({ at, attempt, level, message, sequence, task }: LogLine): LogView => ({
  sequence,
  task,
  attempt,
  at,
  level,
  message
})

/** A log line as a line of a text file. */
export const logText = ({ at, attempt, level, message, task }: LogLine): string =>
  `${new Date(at).toISOString()} ${level.toUpperCase().padEnd(5)} ${task === "" ? "flow" : `${task}${attempt > 1 ? ` (attempt ${attempt})` : ""}`} ${message}\n`

/** Turns points into columns, one series per task and name, in the order in which the series began. */
export const series = (points: ReadonlyArray<MetricLine>): ReadonlyArray<SeriesView> => {
  const all = new Map<
    string,
    { task: string; name: string; steps: Array<number>; values: Array<number | null>; last: number }
  >()
  for (const { name, sequence = 0, step, task, value } of points) {
    const key = `${task}\n${name}`
    const series = all.get(key) ?? { task, name, steps: [], values: [], last: 0 }
    all.set(key, series)
    series.last = sequence
    series.steps.push(step)
    series.values.push(Number.isFinite(value) ? value : null)
  }
  return Array.from(all.values(), (series) => ({ ...thin(series), total: series.steps.length }))
}

/** Keeps the minimum and the maximum of each section of a long series, so that no peak is lost. */
const thin = <S extends { readonly steps: ReadonlyArray<number>; readonly values: ReadonlyArray<number | null> }>(
  series: S
): S => {
  const { steps, values } = series
  if (steps.length <= pointsLimit) return series
  const sections = pointsLimit / 2
  const keptSteps: Array<number> = []
  const keptValues: Array<number | null> = []
  for (let i = 0; i < sections; i++) {
    const from = Math.floor((i * steps.length) / sections)
    const to = Math.floor(((i + 1) * steps.length) / sections)
    let lowest = from
    let highest = from
    for (let j = from + 1; j < to; j++) {
      if ((values[j] ?? Number.NaN) < (values[lowest] ?? Number.POSITIVE_INFINITY)) lowest = j
      if ((values[j] ?? Number.NaN) > (values[highest] ?? Number.NEGATIVE_INFINITY)) highest = j
    }
    for (const at of lowest <= highest ? [lowest, highest] : [highest, lowest]) {
      keptSteps.push(steps[at] as number) // within bounds
      keptValues.push(values[at] ?? null)
    }
  }
  return { ...series, steps: keptSteps, values: keptValues }
}
