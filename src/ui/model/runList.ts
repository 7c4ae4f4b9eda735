/** The list of runs, loaded page by page and updated by live events. */
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

/** What the store sorts runs by: an id that the caller chose says nothing about when the run started. */
const placeOf = ({ id, place = id }: RunView): string => place

const newestFirst = (a: RunView, b: RunView): number => (placeOf(a) < placeOf(b) ? 1 : placeOf(a) > placeOf(b) ? -1 : 0)

export const matches = (run: RunView, filters: Filters): boolean =>
  (filters.flow === undefined || run.flow === filters.flow) &&
  (filters.status === undefined || run.status === filters.status) &&
  (filters.tag === undefined || run.tags.includes(filters.tag)) &&
  (filters.since === undefined || run.startedAt >= filters.since)

/** Appends a page. */
export const withPage = (list: RunList | undefined, page: RunList): RunList => {
  if (list === undefined) return page
  const known = new Map(list.runs.map((run) => [run.id, run]))
  for (const run of page.runs) known.set(run.id, run)
  return { runs: [...known.values()].sort(newestFirst), next: page.next }
}

/** Replaces the newest page. Runs that are no longer in it are removed, older runs stay. */
export const refreshed = (list: RunList | undefined, page: RunList): RunList => {
  const last = page.runs.at(-1)
  if (list === undefined || last === undefined || page.next === undefined) return page
  const older = list.runs.filter((run) => placeOf(run) < placeOf(last))
  return { runs: [...page.runs, ...older], next: list.next }
}

/** A list without the runs that no longer exist. */
export const without = (list: RunList, removed: ReadonlyArray<string>): RunList => {
  const gone = new Set(removed)
  return { runs: list.runs.filter(({ id }) => !gone.has(id)), next: list.next }
}

/** Applies live updates. A run that no longer matches the filters is removed. */
export const withUpdates = (list: RunList, updates: ReadonlyArray<RunView>, filters: Filters): RunList => {
  const known = new Map(list.runs.map((run) => [run.id, run]))
  // The cursor is the id of the oldest run that is loaded.
  const last = list.runs.find(({ id }) => id === list.next) ?? list.runs.at(-1)
  const oldest = list.next === undefined || last === undefined ? list.next : placeOf(last)
  for (const run of updates) {
    const fits = matches(run, filters)
    if (!fits) known.delete(run.id)
    // Runs of pages that are not loaded yet are ignored.
    else if (known.has(run.id) || oldest === undefined || placeOf(run) > oldest) known.set(run.id, run)
  }
  return { runs: [...known.values()].sort(newestFirst), next: list.next }
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
