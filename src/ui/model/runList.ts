/** The list of runs, loaded page by page and updated by live events. */
import { compare, positionOf, type RunSort, type RunSortKey } from "../../internal/server/runOrder.ts"
import type { RunView, ShownStatus } from "../../internal/server/shapes.ts"

export interface Filters {
  readonly flow?: string | undefined
  readonly status?: ShownStatus | undefined
  readonly tag?: string | undefined
  /** Only runs that started at this time or later. */
  readonly since?: number | undefined
}

/** What the list can be sorted by. */
export const sortKeys: ReadonlyArray<RunSortKey> = ["started", "duration", "status", "flow"]

/** The order of the list. */
export type Sort = Omit<RunSort, "beyond">

export interface RunList {
  /** In the order of the sort. */
  readonly runs: ReadonlyArray<RunView>
  /** The cursor of the next page. */
  readonly next: string | undefined
}

/** Compares two runs as the store sorts them. */
const comparing =
  (sort: Sort) =>
  (left: RunView, right: RunView): number =>
    compare(positionOf(left, sort.by), positionOf(right, sort.by), sort)

export const matches = (run: RunView, filters: Filters): boolean =>
  (filters.flow === undefined || run.flow === filters.flow) &&
  (filters.status === undefined || run.status === filters.status) &&
  (filters.tag === undefined || run.tags.includes(filters.tag)) &&
  (filters.since === undefined || run.startedAt >= filters.since)

/** Appends a page. */
export const withPage = (list: RunList | undefined, page: RunList, sort: Sort): RunList => {
  if (list === undefined) return page
  const byId = new Map(list.runs.map((run) => [run.id, run]))
  for (const run of page.runs) byId.set(run.id, run)
  return { runs: [...byId.values()].sort(comparing(sort)), next: page.next }
}

/** Replaces the first page. Runs that are no longer in it are removed, those of later pages stay. */
export const refreshed = (list: RunList | undefined, page: RunList, sort: Sort): RunList => {
  const last = page.runs.at(-1)
  if (list === undefined || last === undefined || page.next === undefined) return page
  const order = comparing(sort)
  const isFresh = new Set(page.runs.map(({ id }) => id))
  const later = list.runs.filter((run) => order(run, last) > 0 && !isFresh.has(run.id))
  return { runs: [...page.runs, ...later], next: list.next }
}

/** A list without the runs that no longer exist. */
export const without = (list: RunList, removed: ReadonlyArray<string>): RunList => {
  const gone = new Set(removed)
  return { runs: list.runs.filter(({ id }) => !gone.has(id)), next: list.next }
}

/** Applies live updates. A run that no longer matches the filters is removed. */
export const withUpdates = (list: RunList, updates: ReadonlyArray<RunView>, filters: Filters, sort: Sort): RunList => {
  const order = comparing(sort)
  const byId = new Map(list.runs.map((run) => [run.id, run]))
  // The cursor is the id of the last run that is loaded.
  const last = list.runs.find(({ id }) => id === list.next) ?? list.runs.at(-1)
  for (const run of updates) {
    const fits = matches(run, filters)
    if (!fits) byId.delete(run.id)
    // Runs of pages that are not loaded yet are ignored.
    else if (byId.has(run.id) || list.next === undefined || last === undefined || order(run, last) < 0)
      byId.set(run.id, run)
  }
  return { runs: [...byId.values()].sort(order), next: list.next }
}

/** The number of tasks by status. */
export const totals = (run: RunView): Readonly<Record<ShownStatus | "all", number>> => {
  const sum = { running: 0, succeeded: 0, failed: 0, interrupted: 0, crashed: 0, all: 0 }
  for (const { count, status } of run.counts) {
    sum[status] += count
    sum.all += count
  }
  return sum
}
