/**
 * Changes as SQL: few statements of many rows each. Of the records of one task only the last is written, so that a task
 * that starts and ends within a batch costs one row.
 */
import type { CardRecord, CheckpointRecord, LogRecord, MetricRecord, TaskRecord } from "../../../RunRecord.ts"
import type { Change, Claim, Driver } from "../../../RunStore.ts"
import * as Copies from "./copies.ts"
import * as Fence from "./fence.ts"
import * as Insert from "./insert.ts"
import * as RecentBlobs from "./recentBlobs.ts"
import * as Rows from "./rows.ts"
import * as RunChanges from "./runChanges.ts"
import type { Prepared } from "./statement.ts"

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

const tasks = Insert.upsert("tasks", Rows.taskColumns, ["run", "number"])
/** For artifacts that are stored elsewhere, or before. */
const uses = Insert.into("uses", ["digest", "run"], " ON CONFLICT DO NOTHING")
/** The run that a small artifact belongs to needs no row: the artifact's own row has it. */
const usesOfOthers: Insert.Insert = {
  columns: 2,
  head: "INSERT INTO uses (digest, run) SELECT column1, column2 FROM (VALUES ",
  row: "(?, ?)",
  tail: ") AS used WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.digest = used.column1 AND blobs.run = used.column2) ON CONFLICT DO NOTHING",
  texts: new Map()
}
const schemas = Insert.into("schemas", ["digest", "description"], " ON CONFLICT DO NOTHING")
const logs = Insert.into("logs", ["run", "task", "attempt", "at", "level", "message"], "")
const metrics = Insert.into("metrics", ["run", "task", "name", "step", "value", "at"], "")
const blobColumns = ["digest", "touched_at", "size", "bytes", "run"]
/** The bytes at hand replace damaged ones. SQLite writes only the pages whose bytes really differ. */
const blobsWith = (isStale: string): Insert.Insert => Insert.into("blobs", blobColumns, RecentBlobs.replacing(isStale))
const recentBlobs = Insert.into("recent_blobs", blobColumns, "")

/**
 * Bytes that come with a task's record are kept by that record, so their time need not be exact: the row is left as it is if
 * it was touched within a minute. In Postgres it is the changed row that tells a concurrent sweep of the new reference.
 */
const blobs = {
  sqlite: blobsWith(RecentBlobs.isStaleInSqlite),
  pg: blobsWith("excluded.touched_at > blobs.touched_at")
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
  const changed: Array<Prepared> = []
  const ofTasks = new Map<string, Map<number, TaskRecord>>()
  /** By digest; the run that wrote it, unless it was put on its own. */
  const small = new Map<string, readonly [bytes: Uint8Array, now: number, run: string | null]>()
  /** The run of each artifact that is appended to `recent_blobs`: its row there says that the run refers to it. */
  const appended = new Map<string, string>()
  const descriptions = new Map<string, string>()
  const lines = new Insert.Rows(logs)
  const points = new Insert.Rows(metrics)
  /** Uses of artifacts whose rows come with these writes, or may. */
  const usedHere = new Insert.Rows(usesOfOthers)
  const ordered = new Set<string>() // runs, something of which has a place in an order
  const referred = new Map<string, ReadonlySet<string>>()
  for (const { blobs, changes, claim, driver, now, referred: before } of writes) {
    if (driver !== undefined && before !== undefined) referred.set(driver.run, before)
    if (claim !== undefined) changed.push(...RunChanges.ofClaim(claim, dialect))
    for (const blob of blobs) if (!small.has(blob.digest)) small.set(blob.digest, [blob.bytes, now, null])
    for (const change of changes) {
      if (change._tag === "Task") {
        keep(ofTasks, change.task)
        for (const blob of change.blobs) small.set(blob.digest, [blob.bytes, now, change.task.run])
        for (const schema of change.schemas) descriptions.set(schema.digest, schema.text)
      } else if (change._tag === "Card") {
        if (change.blob !== undefined) small.set(change.blob.digest, [change.blob.bytes, now, null])
        ordered.add(change.card.run)
        changed.push(...ofCard(change.card))
      } else if (change._tag === "Checkpoint") {
        const { blob, checkpoint, schemas = [] } = change
        if (blob !== undefined) small.set(blob.digest, [blob.bytes, now, null])
        for (const schema of schemas) descriptions.set(schema.digest, schema.text)
        for (const { digest } of checkpoint.ref?.parts ?? []) usedHere.next().push(digest, checkpoint.run)
        changed.push(ofCheckpoint(checkpoint))
      } else if (change._tag === "Logs") {
        for (const line of change.lines) {
          ordered.add(line.run)
          pushLine(lines.next(), line)
        }
      } else if (change._tag === "Metrics") {
        for (const point of change.points) {
          ordered.add(point.run)
          pushPoint(points.next(), point)
        }
      } else {
        changed.push(...RunChanges.ofRun(change, dialect))
        if (change._tag === "Run" && driver?.isCopy === true) changed.push(Copies.ended(change.run.id))
      }
    }
  }
  const recent = new Insert.Rows(recentBlobs)
  if (isLong && dialect === "sqlite" && small.size < RecentBlobs.enoughAtOnce)
    for (const [digest, [bytes, now, run]] of small) {
      // One that the run referred to before is there already.
      if (run === null || bytes.length > RecentBlobs.sizeLimit || referred.get(run)?.has(digest) !== false) continue
      recent.next().push(digest, now, bytes.length, bytes, run)
      appended.set(digest, run)
      small.delete(digest)
    }
  const rows = new Insert.Rows(tasks)
  const used = new Insert.Rows(uses)
  for (const [run, numbers] of sorted(ofTasks)) {
    const digests = new Set<string>()
    const before = referred.get(run)
    const add = (digest: string) => {
      if (before?.has(digest) !== true) digests.add(digest)
    }
    for (const task of numbers.values()) {
      Rows.pushTask(rows.next(), task)
      for (const refs of [task.inputs, task.outputs])
        for (const { digest, parts } of refs) {
          if (appended.get(digest) !== run) add(digest)
          if (parts !== undefined) for (const part of parts) add(part.digest)
        }
    }
    for (const digest of [...digests].sort()) (small.has(digest) ? usedHere : used).next().push(digest, run)
  }
  const stored = new Insert.Rows(blobs[dialect])
  for (const [digest, [bytes, now, run]] of sorted(small)) stored.next().push(digest, now, bytes.length, bytes, run)
  const described = new Insert.Rows(schemas)
  for (const [digest, text] of sorted(descriptions)) described.next().push(digest, text)
  const inserted = [stored, recent, described, rows, usedHere, used, lines, points]
  return [
    ...(dialect === "pg" ? sorted(ordered.entries()).map(([run]) => lock(run)) : []),
    ...changed,
    ...inserted.flatMap((rows) => rows.statements())
  ]
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
  const before = numbers.get(task.index)
  if (before !== undefined && task.status === "running" && before.status !== "running") return
  numbers.set(task.index, task)
}

const pushLine = (values: Array<unknown>, line: LogRecord): void => {
  values.push(line.run, line.task, line.attempt, line.at, line.level, line.message)
}

const pushPoint = (values: Array<unknown>, point: MetricRecord): void => {
  values.push(point.run, point.task, point.name, point.step, point.value, point.at)
}

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
