/** Which series belong into one chart: a metric and its `val_` twin, and the same metric of several tasks. */
import type { SeriesView } from "../../internal/server/shapes.ts"

export interface ChartModel {
  readonly title: string
  readonly series: ReadonlyArray<{
    readonly name: string
    readonly x: ReadonlyArray<number>
    readonly y: ReadonlyArray<number | null>
    readonly dashed: boolean
  }>
}

/** At most this many series are told apart in one chart. */
const mostSeries = 12

export const chartsOf = (all: ReadonlyArray<SeriesView>): ReadonlyArray<ChartModel> => {
  const groups = Map.groupBy(all, ({ name }) => name.replace(/^val_|^validation[ _]/, ""))
  return Array.from(groups, ([title, group]) => {
    const tasks = new Set(group.map(({ task }) => task))
    return {
      title,
      series: group.slice(0, mostSeries).map(({ name, steps, task, values }) => ({
        name: tasks.size > 1 ? `${name} ${task}` : name,
        x: steps,
        y: values,
        dashed: name !== title
      }))
    }
  })
}
