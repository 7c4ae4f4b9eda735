/** Groups series into charts: a metric, its `val_` counterpart, and the same metric of several tasks share a chart. */
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

/** The maximum number of series in one chart. */
const seriesLimit = 12

export const chartsOf = (all: ReadonlyArray<SeriesView>): ReadonlyArray<ChartModel> => {
  const groups = Map.groupBy(all, ({ name }) => name.replace(/^val_|^validation[ _]/, ""))
  return Array.from(groups, ([title, group]) => {
    const tasks = new Set(group.map(({ task }) => task))
    return {
      title,
      series: group.slice(0, seriesLimit).map(({ name, steps, task, values }) => ({
        name: tasks.size > 1 ? `${name} ${task}` : name,
        x: steps,
        y: values,
        dashed: name !== title
      }))
    }
  })
}
