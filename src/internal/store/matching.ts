/** Whether a record is what a query asks for, as every store understands it. */
import type { RefRecord, RunRecord, TaskRecord } from "../../RunRecord.ts"
import * as References from "../artifact/references.ts"
import type { LogLine, LogQuery, RefUse, RunQuery, TaskQuery } from "./runStore.ts"

/** The uses of an artifact that a task's record shows, its inputs first. */
export const usesIn = (task: TaskRecord, digest: string): ReadonlyArray<RefUse> => {
  const use = (side: RefUse["side"], refs: ReadonlyArray<RefRecord>): ReadonlyArray<RefUse> =>
    refs.filter((ref) => References.refersTo(ref, digest)).map((ref) => ({ run: task.run, task: task.id, side, ref }))
  return [...use("input", task.inputs), ...use("output", task.outputs)]
}

/** The number in a task's id, `3` in `train/3`. */
export const numberIn = (id: string): number | undefined => {
  const digits = /\/(\d{1,9})$/.exec(id)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

const onlyOutputs = ({ places: _, ...task }: TaskRecord): TaskRecord => ({
  ...task,
  inputs: [],
  attempts: [],
  parents: []
})

/** What a query asks for of a task. */
export const partOf =
  (refs: TaskQuery["refs"]) =>
  (task: TaskRecord): TaskRecord =>
    refs === false ? { ...task, inputs: [], outputs: [] } : refs === "outputs" ? onlyOutputs(task) : task

export const matchesRun = (run: RunRecord, query: RunQuery): boolean =>
  (query.flow === undefined || run.flow === query.flow) &&
  (query.status === undefined ||
    (typeof query.status === "string" ? run.status === query.status : query.status.includes(run.status))) &&
  (query.tags === undefined || query.tags.every((tag) => run.tags.includes(tag))) &&
  (query.since === undefined || run.startedAt >= query.since) &&
  (query.until === undefined || run.startedAt < query.until) &&
  (query.idPrefix === undefined || run.id.startsWith(query.idPrefix)) &&
  (query.idPart === undefined || run.id.includes(query.idPart)) &&
  (query.parent === undefined || run.parent === query.parent || run.parent?.startsWith(`${query.parent}/`) === true) &&
  (query.origin === undefined || run.origin === query.origin) &&
  (query.cancelled !== true || run.cancel !== undefined)

export const matchesTask = (task: TaskRecord, query: TaskQuery): boolean =>
  (query.step === undefined || task.step === query.step) &&
  (query.id === undefined || task.id === query.id) &&
  (query.key === undefined || task.key === query.key) &&
  (query.status === undefined || task.status === query.status) &&
  (query.how === undefined || task.how === query.how) &&
  (query.after === undefined || task.index > query.after)

export const matchesLine = (line: LogLine, query: LogQuery): boolean =>
  (query.task === undefined || line.task === query.task) &&
  (query.step === undefined || line.task.startsWith(`${query.step}/`)) &&
  (query.attempt === undefined || line.attempt === query.attempt)
