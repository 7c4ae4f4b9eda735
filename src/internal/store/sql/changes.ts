/**
 * Changes as SQL: few statements of many rows each. Of the records of one task only the last is written, so that a task
 * that starts and ends within a batch costs one row. The number of rows in a statement is a power of two: that keeps the
 * statements that a database has to prepare few.
 */
import * as Clock from "effect/Clock"
import type {
  CardRecord,
  CheckpointRecord,
  LogRecord,
  MetricRecord,
  RunRecord,
  TaskRecord
} from "../../../RunRecord.ts"
import type { Change, Claim, Driver } from "../../../RunStore.ts"
import * as Fence from "./fence.ts"
import * as RecentBlobs from "./recentBlobs.ts"
import * as Rows from "./rows.ts"
import type { Prepared } from "./statement.ts"

const apart = /^INSERT INTO (tasks|blobs|uses|schemas) /

/** With more parameters than this the statements are few for what they do, and each kind of them is prepared once. */
const fewParameters = 200

/**
 * Several statements as one, where they may run in any order and each row is written once: a single statement is a
 * transaction by itself, and one message to the database in place of one for each. None where their order matters.
 */
export const together = (
  statements: ReadonlyArray<Prepared>,
  fences: ReadonlyArray<Fence.Fence>
): Prepared | undefined => {
  const last = statements.at(-1)
  const parameters = statements.reduce((sum, { params }) => sum + params.length, 0)
  if (last === undefined || parameters > fewParameters || !statements.every(({ sql }) => apart.test(sql)))
    return undefined
  if (fences.length > 0) {
    const { result, table } = Fence.within(fences)
    const writes = statements.map(({ sql }, index) => `w${index} AS (${sql})`)
    return {
      sql: `WITH fence AS MATERIALIZED (${table.sql}), ${writes.join(", ")} ${result} FROM fence`,
      params: [...table.params, ...statements.flatMap(({ params }) => params)]
    }
  }
  const before = statements.slice(0, -1).map(({ sql }, index) => `w${index} AS (${sql})`)
  return {
    sql: before.length === 0 ? last.sql : `WITH ${before.join(", ")} ${last.sql}`,
    params: statements.flatMap(({ params }) => params)
  }
}

/** A small artifact that is put on its own. */
interface Blob {
  readonly digest: string
  readonly bytes: Uint8Array
}

/** What one call wants written. */
export interface Write {
  readonly changes: ReadonlyArray<Change>
  readonly blobs: ReadonlyArray<Blob>
  /** The hold on the run that the changes belong to, where a driver writes them. */
  readonly driver?: Driver
  /** What the call claims, and the token that the run gets. */
  readonly claim?: Claim & { readonly token: string }
  /** The time that blobs are touched at. */
  readonly now: number
  /** Digests that the driver's run is known to refer to: an earlier write said so, and was committed. */
  readonly referred?: ReadonlySet<string>
}

/** The tokens that must be the runs' own for these writes to go through. */
export const fences = (writes: ReadonlyArray<Write>): ReadonlyArray<Fence.Fence> =>
  Fence.distinct(
    writes.flatMap(({ claim, driver }) => [
      ...(driver === undefined ? [] : [{ ...driver, isClaim: false }]),
      ...(claim === undefined ? [] : Fence.ofClaim(claim))
    ])
  )

const most = 64

interface Insert {
  readonly head: string
  readonly row: string
  readonly tail: string
  /** By the number of rows. */
  readonly texts: Map<number, string>
}

const insert = (table: string, columns: ReadonlyArray<string>, tail: string): Insert => ({
  head: `INSERT INTO ${table} (${columns.join(", ")}) VALUES `,
  row: `(${columns.map(() => "?").join(", ")})`,
  tail,
  texts: new Map()
})

/** Replaces the row, but never one that has ended by one that says "running". */
const upsert = (
  table: string,
  columns: ReadonlyArray<string>,
  keys: ReadonlyArray<string>,
  kept: ReadonlyArray<string> = []
): Insert => {
  const changed = columns.filter((column) => !keys.includes(column) && !kept.includes(column))
  const set = changed.map((column) => `${column} = excluded.${column}`)
  const ended = `${table}.status <> 'running' AND excluded.status = 'running'`
  return insert(
    table,
    columns,
    ` ON CONFLICT (${keys.join(", ")}) DO UPDATE SET ${set.join(", ")} WHERE NOT (${ended})`
  )
}

const newRun = insert("runs", Rows.runColumns, "")
/** The heartbeat of a run that is there changes by `Heartbeat` and claims only. */
const runs = upsert("runs", Rows.runColumns, ["id"], ["heartbeat_at"])
const tasks = upsert("tasks", Rows.taskColumns, ["run", "number"])
/** For artifacts that are stored elsewhere, or before. */
const uses = insert("uses", ["digest", "run"], " ON CONFLICT DO NOTHING")
/** The run that a small artifact belongs to needs no row: the artifact's own row has it. */
const usesOfOthers: Insert = {
  head: "INSERT INTO uses (digest, run) SELECT column1, column2 FROM (VALUES ",
  row: "(?, ?)",
  tail: ") AS used WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.digest = used.column1 AND blobs.run = used.column2) ON CONFLICT DO NOTHING",
  texts: new Map()
}
const schemas = insert("schemas", ["digest", "description"], " ON CONFLICT DO NOTHING")
const logs = insert("logs", ["run", "task", "attempt", "at", "level", "message"], "")
const metrics = insert("metrics", ["run", "task", "name", "step", "value", "at"], "")
const blobColumns = ["digest", "touched_at", "size", "bytes", "run"]
/** The bytes at hand replace damaged ones. SQLite writes only the pages whose bytes really differ. */
const blobsWith = (isStale: string): Insert => insert("blobs", blobColumns, RecentBlobs.replacing(isStale))
const recentBlobs = insert("recent_blobs", blobColumns, "")

/**
 * Bytes that come with a task's record are kept by that record, so their time need not be exact: the row is left as it is if
 * it was touched within a minute. In Postgres it is the changed row that tells a concurrent sweep of the new reference.
 */
const blobs = {
  sqlite: blobsWith(RecentBlobs.isStaleInSqlite),
  pg: blobsWith("excluded.touched_at > blobs.touched_at")
}

const textOf = (into: Insert, rows: number): string => {
  const known = into.texts.get(rows)
  if (known !== undefined) return known
  const text = into.head + Array.from({ length: rows }, () => into.row).join(", ") + into.tail
  into.texts.set(rows, text)
  return text
}

/** Statements for rows whose values stand one after the other. */
function* inserts(into: Insert, values: ReadonlyArray<unknown>, width: number): Generator<Prepared> {
  const rows = values.length / width
  for (let at = 0; at < rows; ) {
    const count = Math.min(most, 2 ** Math.floor(Math.log2(rows - at)))
    yield { sql: textOf(into, count), params: values.slice(at * width, (at + count) * width) }
    at += count
  }
}

/**
 * Everything that the calls want written, in an order that keeps each call's. What several processes may write at once is
 * sorted, so that none waits for a row that another has while that one waits for its own.
 *
 * @param isLong Whether small artifacts that a driver's run did not refer to before are appended to `recent_blobs`.
 */
export const statements = (
  writes: ReadonlyArray<Write>,
  dialect: "sqlite" | "pg",
  isLong = false
): ReadonlyArray<Prepared> => {
  const found: Array<Prepared> = []
  const ofTasks = new Map<string, Map<number, TaskRecord>>()
  /** By digest; the run that wrote it, unless it was put on its own. */
  const small = new Map<string, readonly [bytes: Uint8Array, now: number, run: string | null]>()
  /** The run of each artifact that is appended to `recent_blobs`: its row there says that the run refers to it. */
  const appended = new Map<string, string>()
  const descriptions = new Map<string, string>()
  const lines: Array<unknown> = []
  const points: Array<unknown> = []
  const parts: Array<unknown> = []
  const ordered = new Set<string>() // runs, something of which has a place in an order
  const referred = new Map<string, ReadonlySet<string>>()
  for (const { blobs, changes, claim, driver, now, referred: known } of writes) {
    if (driver !== undefined && known !== undefined) referred.set(driver.run, known)
    if (claim !== undefined) found.push(...ofClaim(claim, dialect))
    for (const blob of blobs) if (!small.has(blob.digest)) small.set(blob.digest, [blob.bytes, now, null])
    for (const change of changes) {
      if (change._tag === "Task") {
        keep(ofTasks, change.task)
        for (const blob of change.blobs) small.set(blob.digest, [blob.bytes, now, change.task.run])
        for (const schema of change.schemas) descriptions.set(schema.digest, schema.text)
      } else if (change._tag === "Card") {
        if (change.blob !== undefined) small.set(change.blob.digest, [change.blob.bytes, now, null])
        ordered.add(change.card.run)
        found.push(...ofCard(change.card))
      } else if (change._tag === "Checkpoint") {
        const { blob, checkpoint, schemas = [] } = change
        if (blob !== undefined) small.set(blob.digest, [blob.bytes, now, null])
        for (const schema of schemas) descriptions.set(schema.digest, schema.text)
        for (const { digest } of checkpoint.ref?.parts ?? []) parts.push(digest, checkpoint.run)
        found.push(ofCheckpoint(checkpoint))
      } else if (change._tag === "Logs") {
        for (const line of change.lines) {
          ordered.add(line.run)
          lines.push(...lineValues(line))
        }
      } else if (change._tag === "Metrics") {
        for (const point of change.points) {
          ordered.add(point.run)
          points.push(...pointValues(point))
        }
      } else found.push(...ofRun(change, dialect))
    }
  }
  const rows: Array<unknown> = []
  const used: Array<unknown> = []
  /** Uses of artifacts whose rows come with these writes, or may. */
  const usedHere: Array<unknown> = [...parts]
  const recent: Array<unknown> = []
  if (isLong && dialect === "sqlite")
    for (const [digest, [bytes, now, run]] of small) {
      // One that the run referred to before is there already.
      if (run === null || bytes.length > RecentBlobs.sizeLimit || referred.get(run)?.has(digest) !== false) continue
      recent.push(digest, now, bytes.length, bytes, run)
      appended.set(digest, run)
      small.delete(digest)
    }
  for (const [run, numbers] of sorted(ofTasks)) {
    const digests = new Set<string>()
    const known = referred.get(run)
    for (const task of numbers.values()) {
      Rows.pushTask(rows, task)
      for (const refs of [task.inputs, task.outputs])
        for (const { digest, parts } of refs) {
          if (known?.has(digest) !== true && appended.get(digest) !== run) digests.add(digest)
          if (parts !== undefined)
            for (const part of parts) if (known?.has(part.digest) !== true) digests.add(part.digest)
        }
    }
    for (const digest of [...digests].sort()) (small.has(digest) ? usedHere : used).push(digest, run)
  }
  const stored = sorted(small).flatMap(([digest, [bytes, now, run]]) => [digest, now, bytes.length, bytes, run])
  found.push(
    ...inserts(blobs[dialect], stored, 5),
    ...inserts(recentBlobs, recent, 5),
    ...inserts(schemas, sorted(descriptions).flat(), 2),
    ...inserts(tasks, rows, Rows.taskColumns.length),
    ...inserts(usesOfOthers, usedHere, 2),
    ...inserts(uses, used, 2),
    ...inserts(logs, lines, 6),
    ...inserts(metrics, points, 6)
  )
  return dialect === "pg" ? [...sorted(ordered.entries()).map(([run]) => lock(run)), ...found] : found
}

/** Sorted by their keys. */
const sorted = <A>(entries: Iterable<readonly [string, A]>): ReadonlyArray<readonly [string, A]> =>
  [...entries].sort(([a], [b]) => (a < b ? -1 : 1))

/**
 * SQLite has one writer at a time. In Postgres, two writers may number lines of one run at once, and the higher number may
 * become visible first: a reader that continues from it would miss the lower one, so writers to one run take turns.
 */
const lock = (run: string): Prepared => ({
  sql: "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))",
  params: [run]
})

const keep = (ofTasks: Map<string, Map<number, TaskRecord>>, task: TaskRecord): void => {
  const numbers = ofTasks.get(task.run) ?? new Map<number, TaskRecord>()
  ofTasks.set(task.run, numbers)
  const known = numbers.get(task.index)
  if (known !== undefined && task.status === "running" && known.status !== "running") return
  numbers.set(task.index, task)
}

const lineValues = (line: LogRecord): ReadonlyArray<unknown> => [
  line.run,
  line.task,
  line.attempt,
  line.at,
  line.level,
  line.message
]

const pointValues = (point: MetricRecord): ReadonlyArray<unknown> => [
  point.run,
  point.task,
  point.name,
  point.step,
  point.value,
  point.at
]

/** A card takes the place of the one before it, at the end of the order. */
const ofCard = (card: CardRecord): ReadonlyArray<Prepared> => [
  { sql: "DELETE FROM cards WHERE run = ? AND task = ?", params: [card.run, card.task] },
  {
    sql: "INSERT INTO cards (run, task, attempt, at, digest, size) VALUES (?, ?, ?, ?, ?, ?)",
    params: [card.run, card.task, card.attempt, card.at, card.digest, card.size]
  }
]

/**
 * Opening a checkpoint changes its writer and nothing else. Saving changes a row that has the writer still, and none where
 * a later execution has opened it, or its task has succeeded.
 */
const ofCheckpoint = (checkpoint: CheckpointRecord): Prepared => {
  const { at, attempt, code, key, name, ref, run, task, writer } = checkpoint
  return ref === undefined
    ? {
        sql: "INSERT INTO checkpoints (run, task, name, writer, key, code, attempt, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, task, name) DO UPDATE SET writer = excluded.writer",
        params: [run, task, name, writer, key, code, attempt, at]
      }
    : {
        sql: "UPDATE checkpoints SET key = ?, code = ?, attempt = ?, at = ?, digest = ?, ref = ? WHERE run = ? AND task = ? AND name = ? AND writer = ?",
        params: [key, code, attempt, at, ref.digest, JSON.stringify(ref), run, task, name, writer]
      }
}

/** A run's first record brings its tags; a later one, written by the driver, must not undo changes others made. */
const firstTags = (run: RunRecord): ReadonlyArray<Prepared> =>
  [...new Set(run.tags)].map((tag) => ({
    sql: "INSERT INTO run_tags (run, tag) SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM runs WHERE id = ?) ON CONFLICT DO NOTHING",
    params: [run.id, tag, run.id]
  }))

/** The run's record and its new token. */
const ofClaim = (
  { origin, over, run, token }: NonNullable<Write["claim"]>,
  dialect: "sqlite" | "pg"
): ReadonlyArray<Prepared> => [
  ...firstTags(run),
  { sql: textOf(over === undefined ? newRun : runs, 1), params: Rows.runValues(run) },
  { sql: "UPDATE runs SET driver = ? WHERE id = ?", params: [token, run.id] },
  ...heartbeat(run.id, run.heartbeatAt, over === undefined, dialect),
  ...(origin === undefined ? [] : [{ sql: "UPDATE runs SET driver = ? WHERE id = ?", params: [token, origin.run] }])
]

/**
 * A heartbeat always moves forward, even if the driver's clock was set back, so watchers see it change. In Postgres it
 * is kept in the time of the database, because drivers and readers on other machines have clocks of their own
 * (`Rows.clock` converts it back).
 *
 * @param at Milliseconds since the epoch; 0 says that nobody drives the run.
 */
const heartbeat = (run: string, at: number, isFirst: boolean, dialect: "sqlite" | "pg"): ReadonlyArray<Prepared> => {
  if (at === 0) return [{ sql: "UPDATE runs SET heartbeat_at = 0 WHERE id = ?", params: [run] }]
  const real = Clock.Clock.defaultValue().currentTimeMillisUnsafe()
  const [time, params] =
    dialect === "sqlite" ? ["?", [at]] : [`(?::float8 + ${Rows.skew("?::float8")})`, [at, real, real]]
  const next = isFirst ? time : `${dialect === "sqlite" ? "MAX" : "GREATEST"}(heartbeat_at + 1, ${time})`
  return [{ sql: `UPDATE runs SET heartbeat_at = ${next} WHERE id = ?`, params: [...params, run] }]
}

const ofRun = (
  change: Extract<Change, { _tag: "Run" | "Heartbeat" | "CheckpointsRemoved" | "Tags" | "Cancel" }>,
  dialect: "sqlite" | "pg"
): ReadonlyArray<Prepared> => {
  switch (change._tag) {
    case "Run":
      return [...firstTags(change.run), { sql: textOf(runs, 1), params: Rows.runValues(change.run) }]
    case "Heartbeat":
      return heartbeat(change.run, change.at, false, dialect)
    case "CheckpointsRemoved":
      return [{ sql: "DELETE FROM checkpoints WHERE run = ? AND task = ?", params: [change.run, change.task] }]
    case "Cancel":
      return [
        {
          sql: "UPDATE runs SET cancel = ? WHERE id = ? AND status = 'running' AND cancel IS NULL",
          params: [JSON.stringify(change.request), change.run]
        }
      ]
    case "Tags":
      return [
        ...change.remove.map((tag) => ({
          sql: "DELETE FROM run_tags WHERE run = ? AND tag = ?",
          params: [change.run, tag]
        })),
        ...change.add.map((tag) => ({
          sql: "INSERT INTO run_tags (run, tag) SELECT ?, ? WHERE EXISTS (SELECT 1 FROM runs WHERE id = ?) ON CONFLICT DO NOTHING",
          params: [change.run, tag, change.run]
        }))
      ]
  }
}
