/**
 * The orders in which runs can be listed, and the place of a run in each. Runs of one flow or status are listed newest
 * first. Runs that have no duration, because they have not ended, come last in both directions.
 */
import type { RunRecord } from "../../RunRecord.ts"

/** What runs are sorted by: the time of their start, how long they took, their status or the name of their flow. */
export type RunSortKey = "started" | "duration" | "status" | "flow"

/** Where a run stands in an order: its value, `null` if it has none, and its place among all runs. */
export interface RunPosition {
  readonly value: string | number | null
  readonly place: string
}

/** An order of runs. */
export interface RunSort {
  readonly by: RunSortKey
  /** Smallest or largest value first. */
  readonly order: "up" | "down"
  /** The position of the last run of the page before. It stays valid when that run changes or is removed. */
  readonly beyond?: RunPosition
}

/** The position of a run in an order. */
export const positionOf = (
  run: Pick<RunRecord, "id" | "place" | "flow" | "startedAt" | "finishedAt"> & { readonly status: string },
  by: RunSortKey
): RunPosition => {
  const place = run.place ?? run.id
  switch (by) {
    case "started":
      return { value: place, place }
    case "duration":
      return { value: run.finishedAt === undefined ? null : run.finishedAt - run.startedAt, place }
    default:
      return { value: run[by], place }
  }
}

/** Compares two positions in an order: negative if the first comes first. */
export const compare = (a: RunPosition, b: RunPosition, { by, order }: Omit<RunSort, "beyond">): number => {
  const isUp = order === "up"
  if (a.value !== b.value) {
    if (a.value === null || b.value === null) return a.value === null ? 1 : -1
    return a.value < b.value === isUp ? -1 : 1
  }
  if (a.place === b.place) return 0
  const isOldestFirst = by === "duration" && a.value !== null && isUp
  return a.place < b.place === isOldestFirst ? -1 : 1
}
