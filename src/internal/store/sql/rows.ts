/**
 * Records as rows of the run database, and rows as records. A JSON column holds exactly what the record holds. Reading a row checks its
 * JSON and its statuses, so that a damaged row is reported by name instead of failing somewhere else.
 */
import * as Clock from "effect/Clock"
import type { CheckpointRecord, MetricRecord, RefRecord, RunRecord, TaskRecord } from "../../../RunRecord.ts"
import type { CardLine, Hold, LogLine, MetricLine } from "../../../RunStore.ts"

/** The columns of `runs`, in the order of `runValues`. */
export const runColumns = [
  "id",
  "place",
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
  run.place ?? run.id,
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
  "code",
  "source_code",
  "version",
  "cache",
  "started_at",
  "finished_at",
  "attempts",
  "parents",
  "error",
  "inputs",
  "outputs",
  "lost",
  "changed",
  "places"
] as const

/** Appends a task's values, in the order of `taskColumns`. A run writes them for each of its tasks, so no array is made of them. */
export const pushTask = (values: Array<unknown>, task: TaskRecord): void => {
  values.push(
    task.run,
    task.index,
    task.id,
    task.step,
    task.status,
    task.how,
    task.source ?? null,
    task.key,
    task.code ?? null,
    task.sourceCode ?? null,
    task.version,
    task.cache ?? null,
    task.startedAt,
    task.finishedAt ?? null,
    list(task.attempts),
    list(task.parents),
    json(task.error),
    list(task.inputs),
    list(task.outputs),
    task.lost ?? null,
    task.places?.at(-1) ?? 0,
    list(task.places ?? [])
  )
}

const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value))
const list = (items: ReadonlyArray<unknown>): string => (items.length === 0 ? "[]" : JSON.stringify(items))

/** Thrown by a reader of rows: which column is damaged, and how. */
export class DamagedColumn extends Error {}

const parse = (column: string, text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw new DamagedColumn(`the column ${column} is not valid JSON`)
  }
}

const items = <A>(column: string, text: string): ReadonlyArray<A> => {
  if (text === "[]") return []
  const value = parse(column, text)
  if (!Array.isArray(value)) throw new DamagedColumn(`the column ${column} is not a list`)
  return value
}

const object = (column: string, text: string): any => {
  const value = parse(column, text)
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new DamagedColumn(`the column ${column} is not an object`)
  return value
}

const statuses: ReadonlySet<unknown> = new Set(["running", "succeeded", "failed", "interrupted"])

const status = (value: unknown): any => {
  if (!statuses.has(value)) throw new DamagedColumn(`the column status is "${value}"`)
  return value
}

/** A row as the database returns it; Postgres returns large numbers as strings or bigints. */
export type Row = { readonly [column: string]: any }

/** A property that is omitted where its column is null. */
const optional = <K extends string, A>(key: K, value: unknown, read: (value: any) => A): { readonly [k in K]?: A } =>
  (value === null || value === undefined ? {} : { [key]: read(value) }) as { readonly [k in K]?: A } // a computed key

const same = <A>(value: A): A => value

/** Clocks that differ by less, in milliseconds, count as alike: a statement takes its time to reach the database. */
const similarMs = 5000

/** In Postgres, milliseconds since the epoch by the database's clock. */
export const clock = "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::float8"

/** In Postgres, by how many milliseconds the database's clock is ahead of this process's; `real` is used twice. */
export const skew = (real: string): string =>
  `CASE WHEN ABS(${clock} - ${real}) < ${similarMs} THEN 0 ELSE ${clock} - ${real} END`

/**
 * A heartbeat in the time of this process's clock. Postgres keeps it in the time of the database, whose clock the row has:
 * whether a driver is alive must not depend on whose clock is right.
 */
const heartbeatOf = (row: Row): number => {
  if (row.clock === undefined || row.heartbeat_at === 0) return row.heartbeat_at
  const ahead = row.clock - Clock.Clock.defaultValue().currentTimeMillisUnsafe()
  return Math.abs(ahead) < similarMs ? row.heartbeat_at : row.heartbeat_at - ahead
}

/** Rows of `runs` with the column `tags`, a JSON list. */
export const toRun = (row: Row): RunRecord => ({
  id: row.id,
  ...(row.place === row.id ? {} : { place: row.place }),
  flow: row.flow,
  status: status(row.status),
  ...optional("origin", row.origin, same<string>),
  ...optional("resumedBy", row.resumed_by, same<string>),
  ...optional("from", row.from_step, same<string>),
  ...optional("parent", row.parent, same<string>),
  parameters: object("parameters", row.parameters),
  startedAt: row.started_at,
  ...optional("finishedAt", row.finished_at, same<number>),
  heartbeatAt: heartbeatOf(row),
  host: row.host,
  pid: row.pid,
  ...(row.driver === "" ? {} : { driver: row.driver }),
  ...optional("cancel", row.cancel, (text) => object("cancel", text)),
  ...optional("error", row.error, (text) => object("error", text)),
  ...optional("output", row.output, (text): any => parse("output", text)),
  systemTags: object("system_tags", row.system_tags),
  tags: row.tags === null ? [] : items<string>("tags", row.tags).toSorted()
})

/** The columns `id`, `driver` and `status` of `runs`. */
export const toHold = (row: Row): Hold => ({
  id: row.id,
  ...(row.driver === "" ? {} : { driver: row.driver }),
  status: row.status
})

/** A row of `tasks`, or some columns of it. A run's tasks may be a million, so no object is made for each optional property. */
export const toTask = (row: Row): TaskRecord => {
  const task: Mutable<TaskRecord> = {
    run: row.run,
    id: row.id,
    step: row.step,
    index: row.number,
    status: status(row.status),
    how: row.how,
    key: row.key,
    version: row.version,
    startedAt: row.started_at,
    attempts: row.attempts === undefined ? [] : items("attempts", row.attempts),
    parents: row.parents === undefined ? [] : items("parents", row.parents),
    inputs: row.inputs === undefined ? [] : items<RefRecord>("inputs", row.inputs),
    outputs: row.outputs === undefined ? [] : items<RefRecord>("outputs", row.outputs)
  }
  if (isThere(row.source)) task.source = row.source
  if (isThere(row.lost)) task.lost = row.lost
  if (isThere(row.code)) task.code = row.code
  if (isThere(row.source_code)) task.sourceCode = row.source_code
  if (isThere(row.cache)) task.cache = row.cache
  if (isThere(row.finished_at)) task.finishedAt = row.finished_at
  if (isThere(row.places) && row.places !== "[]") task.places = items<number>("places", row.places)
  if (isThere(row.error)) task.error = object("error", row.error)
  return task
}

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/** Whether a column was asked for and is not null. */
const isThere = (value: unknown): boolean => value !== null && value !== undefined

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

export const toCheckpoint = (row: Row): CheckpointRecord => ({
  run: row.run,
  task: row.task,
  name: row.name,
  writer: row.writer,
  key: row.key,
  code: row.code,
  attempt: row.attempt,
  at: row.at,
  ...optional("ref", row.ref, (text): RefRecord => object("ref", text))
})

/** SQLite has no NaN and stores null instead. */
export const toPoint = (row: Row): MetricRecord => ({
  run: row.run,
  task: row.task,
  name: row.name,
  step: row.step,
  value: row.value ?? Number.NaN,
  at: row.at
})

/** A point with its place in the store's order. */
export const toPointInOrder = (row: Row): MetricLine => ({ ...toPoint(row), sequence: Number(row.sequence) })
