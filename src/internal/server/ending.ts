/**
 * When and how a run ended as a reader sees it. A crashed run never recorded its end, so the end is the last sign of
 * life that it left: a heartbeat, a task, a log line, a metric point or a card. Whatever its tasks say, they ended with it.
 */
import { hostname } from "node:os"
import * as Effect from "effect/Effect"
import type { RunRecord, TaskRecord } from "../../RunRecord.ts"
import type { RunStore, StoreError } from "../../RunStore.ts"
import { isCrashed } from "../history/reading.ts"
import type { ShownStatus } from "./shapes.ts"

/** The end of a run that is over. */
export interface Ending {
  /** The status of the run. */
  readonly status: Exclude<ShownStatus, "running">
  readonly at: number
}

const host = hostname()
const tasksPerQuery = 2000
/** The number of crashed runs whose last sign of life is remembered. */
const rememberedLimit = 2000

const latestOf = (task: TaskRecord): number =>
  task.attempts.reduce(
    (latest, { finishedAt, startedAt }) => Math.max(latest, startedAt, finishedAt ?? 0),
    Math.max(task.startedAt, task.finishedAt ?? 0)
  )

/** The time of the last record that a run left. */
const lastSign = Effect.fnUntraced(function* (store: RunStore["Service"], { heartbeatAt, id, startedAt }: RunRecord) {
  let latest = Math.max(heartbeatAt, startedAt)
  const see = (records: ReadonlyArray<{ readonly at: number }>) => {
    for (const { at } of records) latest = Math.max(latest, at)
  }
  const { cards, lines, points } = yield* store.pulse(id)
  if (lines > 0) see(yield* store.logs({ run: id, after: lines - 1, limit: 1 }))
  if (points > 0) see(yield* store.metrics({ run: id, after: points - 1, limit: 1 }))
  if (cards > 0) see(yield* store.cards({ run: id, after: cards - 1 }))
  let after = 0
  for (;;) {
    const tasks = yield* store.tasks({ run: id, after, limit: tasksPerQuery, refs: false })
    for (const task of tasks) latest = Math.max(latest, latestOf(task))
    if (tasks.length < tasksPerQuery) return latest
    after = tasks.at(-1)?.index ?? after
  }
})

/** Finds the endings of runs. A running run has none. */
export type EndingOf = (run: RunRecord, now: number) => Effect.Effect<Ending | undefined, StoreError>

/** Makes an `EndingOf`, which reads the records of a crashed run once. */
export const make = (store: RunStore["Service"]): EndingOf => {
  const remembered = new Map<string, { readonly key: string; readonly at: number }>()
  return Effect.fnUntraced(function* (run, now) {
    if (run.status !== "running") return { status: run.status, at: run.finishedAt ?? run.heartbeatAt }
    if (!isCrashed(run, { now, host })) return undefined
    // Another process may continue the run, and crash in turn.
    const key = `${run.driver} ${run.heartbeatAt} ${run.pid}`
    const earlier = remembered.get(run.id)
    if (earlier?.key === key) return { status: "crashed" as const, at: earlier.at }
    const at = yield* lastSign(store, run)
    remembered.delete(run.id)
    remembered.set(run.id, { key, at })
    const [oldest] = remembered.size > rememberedLimit ? remembered.keys() : []
    if (oldest !== undefined) remembered.delete(oldest)
    return { status: "crashed" as const, at }
  })
}

/** The status of a task or an attempt in a run with this ending: none outlives its run. */
export const statusIn = (ending: Ending | undefined, status: TaskRecord["status"]): ShownStatus =>
  status !== "running" || ending === undefined ? status : ending.status === "crashed" ? "crashed" : "interrupted"

/** A task, or an attempt at one, as it is in a run with this ending. */
export const within = <R extends { readonly status: TaskRecord["status"]; readonly finishedAt?: number }>(
  ending: Ending | undefined,
  record: R
): Omit<R, "status"> & { readonly status: ShownStatus } =>
  record.status !== "running" || ending === undefined
    ? record
    : { ...record, status: statusIn(ending, record.status), finishedAt: record.finishedAt ?? ending.at }
