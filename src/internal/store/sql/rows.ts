/** Records as rows of the run database, and rows as records. JSON columns hold exactly what the record holds. */
import type { MetricRecord, RefRecord, RunRecord, TaskRecord } from "../../../RunRecord.ts"
import type { CardLine, LogLine } from "../../../RunStore.ts"

/** A table's columns in the order in which `values` of a row gives them. */
export const runColumns = [
  "id",
  "flow",
  "status",
  "origin",
  "from_step",
  "parent",
  "started_at",
  "finished_at",
  "heartbeat_at",
  "host",
  "pid",
  "parameters",
  "error",
  "output",
  "system_tags"
] as const

export const runValues = (run: RunRecord): ReadonlyArray<unknown> => [
  run.id,
  run.flow,
  run.status,
  run.origin ?? null,
  run.from ?? null,
  run.parent ?? null,
  run.startedAt,
  run.finishedAt ?? null,
  run.heartbeatAt,
  run.host,
  run.pid,
  JSON.stringify(run.parameters),
  json(run.error),
  json(run.output),
  JSON.stringify(run.systemTags)
]

export const taskColumns = [
  "run",
  "number",
  "id",
  "step",
  "status",
  "how",
  "source",
  "key",
  "version",
  "cache",
  "started_at",
  "finished_at",
  "attempts",
  "parents",
  "error",
  "inputs",
  "outputs"
] as const

export const taskValues = (task: TaskRecord): ReadonlyArray<unknown> => [
  task.run,
  task.index,
  task.id,
  task.step,
  task.status,
  task.how,
  task.source ?? null,
  task.key,
  task.version,
  task.cache ?? null,
  task.startedAt,
  task.finishedAt ?? null,
  list(task.attempts),
  list(task.parents),
  json(task.error),
  list(task.inputs),
  list(task.outputs)
]

const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value))
const list = (items: ReadonlyArray<unknown>): string => (items.length === 0 ? "[]" : JSON.stringify(items))
const items = <A>(text: string): ReadonlyArray<A> => (text === "[]" ? [] : JSON.parse(text))

/** A row as the database gives it; numbers that may be large arrive as strings or bigints from Postgres. */
export type Row = { readonly [column: string]: any }

/** A property that is left out where its column is null. */
const optional = <K extends string, A>(key: K, value: unknown, read: (value: any) => A): { readonly [k in K]?: A } =>
  (value === null || value === undefined ? {} : { [key]: read(value) }) as { readonly [k in K]?: A } // a computed key

const same = <A>(value: A): A => value

/** Rows of `runs` with the column `tags`, a JSON list. */
export const toRun = (row: Row): RunRecord => ({
  id: row.id,
  flow: row.flow,
  status: row.status,
  ...optional("origin", row.origin, same<string>),
  ...optional("from", row.from_step, same<string>),
  ...optional("parent", row.parent, same<string>),
  parameters: JSON.parse(row.parameters),
  startedAt: row.started_at,
  ...optional("finishedAt", row.finished_at, same<number>),
  heartbeatAt: row.heartbeat_at,
  host: row.host,
  pid: row.pid,
  ...optional("error", row.error, JSON.parse),
  ...optional("output", row.output, JSON.parse),
  systemTags: JSON.parse(row.system_tags),
  tags: row.tags === null ? [] : items<string>(row.tags).toSorted()
})

export const toTask = (row: Row): TaskRecord => ({
  run: row.run,
  id: row.id,
  step: row.step,
  index: row.number,
  status: row.status,
  how: row.how,
  ...optional("source", row.source, same<string>),
  key: row.key,
  version: row.version,
  ...optional("cache", row.cache, same<string>),
  startedAt: row.started_at,
  ...optional("finishedAt", row.finished_at, same<number>),
  attempts: items(row.attempts),
  parents: items(row.parents),
  inputs: row.inputs === undefined ? [] : items<RefRecord>(row.inputs),
  outputs: row.outputs === undefined ? [] : items<RefRecord>(row.outputs),
  ...optional("error", row.error, JSON.parse)
})

export const toLine = (row: Row): LogLine => ({
  run: row.run,
  task: row.task,
  attempt: row.attempt,
  at: row.at,
  level: row.level,
  message: row.message,
  sequence: Number(row.sequence)
})

export const toCard = (row: Row): CardLine => ({
  run: row.run,
  task: row.task,
  attempt: row.attempt,
  at: row.at,
  digest: row.digest,
  size: row.size,
  sequence: Number(row.sequence)
})

/** SQLite has no NaN and keeps null in its place. */
export const toPoint = (row: Row): MetricRecord => ({
  run: row.run,
  task: row.task,
  name: row.name,
  step: row.step,
  value: row.value ?? Number.NaN,
  at: row.at
})
