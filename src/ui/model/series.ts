/**
 * Groups series into charts: a metric, its `val_` counterpart, and the same metric of several tasks share a chart. Series
 * grow by what the server sends after the last point.
 */
import type { SeriesView } from "../../internal/server/shapes.ts"

export interface ChartModel {
  readonly title: string
  readonly series: ReadonlyArray<ChartSeries>
}

export interface ChartSeries {
  readonly name: string
  readonly x: ReadonlyArray<number>
  readonly y: ReadonlyArray<number | null>
  readonly dashed: boolean
  /** Selects a colour and a dash. The series of one task share it. */
  readonly style: number
}

/** The labels of tasks: the inputs that set them apart. */
export type Labels = Readonly<Record<string, string>>

export const chartsOf = (all: ReadonlyArray<SeriesView>, labels: Labels = {}): ReadonlyArray<ChartModel> => {
  const groups = Map.groupBy(all, ({ name }) => name.replace(/^val_|^validation[ _]/, ""))
  return Array.from(groups, ([title, group]) => {
    const tasks = [...new Set(group.map(({ task }) => task))]
    const places = new Map(tasks.map((task, i) => [task, i]))
    const counts = Map.groupBy(tasks, (task) => labels[task])
    const labelOf = (task: string): string => {
      const label = labels[task]
      if (label === undefined) return task
      return (counts.get(label)?.length ?? 0) > 1 ? `${label} (${task})` : label
    }
    return {
      title,
      series: group.map(({ name, steps, task, values }, i) => ({
        name: tasks.length > 1 ? `${name} ${labelOf(task)}` : name,
        x: steps,
        y: values,
        dashed: name !== title,
        style: tasks.length > 1 ? (places.get(task) ?? i) : i
      }))
    }
  })
}

/** A series with more points than this is thinned out: a chart is at most a few thousand pixels wide. */
const pointsLimit = 8000

/** Series with the points that came after them. */
export const grown = (
  before: ReadonlyArray<SeriesView>,
  news: ReadonlyArray<SeriesView>
): ReadonlyArray<SeriesView> => {
  const keyOf = ({ name, task }: SeriesView) => `${task}\n${name}`
  const series = new Map(before.map((item) => [keyOf(item), item]))
  for (const more of news) {
    const earlier = series.get(keyOf(more))
    if (earlier === undefined) {
      series.set(keyOf(more), more)
      continue
    }
    if (more.last <= earlier.last) continue // an answer that came twice
    const joined = {
      ...earlier,
      steps: [...earlier.steps, ...more.steps],
      values: [...earlier.values, ...more.values],
      total: earlier.total + more.total,
      last: more.last
    }
    series.set(keyOf(more), joined.steps.length > pointsLimit ? thin(joined) : joined)
  }
  return [...series.values()]
}

/** Keeps the minimum and the maximum of each four points, so that no peak is lost. */
const thin = (series: SeriesView): SeriesView => {
  const steps: Array<number> = []
  const values: Array<number | null> = []
  for (let from = 0; from < series.steps.length; from += 4) {
    let lowest = from
    let highest = from
    for (let i = from + 1; i < Math.min(from + 4, series.steps.length); i++) {
      if ((series.values[i] ?? Number.NaN) < (series.values[lowest] ?? Number.POSITIVE_INFINITY)) lowest = i
      if ((series.values[i] ?? Number.NaN) > (series.values[highest] ?? Number.NEGATIVE_INFINITY)) highest = i
    }
    for (const at of [...new Set([lowest, highest])].sort((a, b) => a - b)) {
      steps.push(series.steps[at] ?? 0)
      values.push(series.values[at] ?? null)
    }
  }
  return { ...series, steps, values }
}

/** The place of the newest point. */
export const lastOf = (series: ReadonlyArray<SeriesView>): number =>
  series.reduce((last, one) => Math.max(last, one.last), 0)
