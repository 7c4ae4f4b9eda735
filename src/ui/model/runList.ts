/** The list of runs as it is loaded, page by page, and kept up to date by what is heard. */
import type { RunView, ShownStatus } from "../../internal/server/shapes.ts"

export interface Filters {
  readonly flow?: string | undefined
  readonly status?: ShownStatus | undefined
  readonly tag?: string | undefined
  /** Only runs that started at this time or later. */
  readonly since?: number | undefined
}

export interface RunList {
  /** Newest first. */
  readonly runs: ReadonlyArray<RunView>
  /** The cursor of the next page. */
  readonly next: string | undefined
}

const byIdDown = (a: RunView, b: RunView): number => (a.id < b.id ? 1 : a.id > b.id ? -1 : 0)

export const matches = (run: RunView, filters: Filters): boolean =>
  (filters.flow === undefined || run.flow === filters.flow) &&
  (filters.status === undefined || run.status === filters.status) &&
  (filters.tag === undefined || run.tags.includes(filters.tag)) &&
  (filters.since === undefined || run.startedAt >= filters.since)

/** Takes in a page. */
export const withPage = (list: RunList | undefined, page: RunList): RunList => {
  if (list === undefined) return page
  const known = new Map(list.runs.map((run) => [run.id, run]))
  for (const run of page.runs) known.set(run.id, run)
  return { runs: [...known.values()].sort(byIdDown), next: page.next }
}

/** Takes in the newest page anew: what has gone from it goes, what lies beyond it stays. */
export const refreshed = (list: RunList | undefined, page: RunList): RunList => {
  const last = page.runs.at(-1)?.id
  if (list === undefined || last === undefined || page.next === undefined) return page
  return { runs: [...page.runs, ...list.runs.filter((run) => run.id < last)], next: list.next }
}

/** Takes in what was heard. A run that no longer matches goes. */
export const withNews = (list: RunList, news: ReadonlyArray<RunView>, filters: Filters): RunList => {
  const known = new Map(list.runs.map((run) => [run.id, run]))
  const oldest = list.next
  for (const run of news) {
    const fits = matches(run, filters)
    if (!fits) known.delete(run.id)
    // What would belong to a page that is not loaded yet comes with it.
    else if (known.has(run.id) || oldest === undefined || run.id > oldest) known.set(run.id, run)
  }
  return { runs: [...known.values()].sort(byIdDown), next: list.next }
}

/** How many tasks there are, by status. */
export const totals = (
  run: RunView
): Readonly<Record<"running" | "succeeded" | "failed" | "interrupted" | "all", number>> => {
  const sum = { running: 0, succeeded: 0, failed: 0, interrupted: 0, all: 0 }
  for (const { count, status } of run.counts) {
    sum[status] += count
    sum.all += count
  }
  return sum
}
