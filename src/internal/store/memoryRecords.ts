/**
 * What a `RunStore` in memory keeps, and how changes become records: a `Run` or a `Task` replaces what is there under its
 * id, except that a record that says "running" never replaces one that has ended, and that a run's tags are set by its
 * first record and changed by `Tags` only.
 */
import type { CheckpointRecord, MetricRecord, RunRecord, TaskRecord } from "../../RunRecord.ts"
import type { CardLine, Change, Claim, Driver, LogLine } from "./runStore.ts"

/** Where small artifacts go that come with a task. */
export interface Inline {
  readonly put: (digest: string, bytes: Uint8Array, now: number) => void
}

/** A run, and what belongs to it. */
export interface Entry {
  /** None while only tasks or lines of it came in. */
  record: RunRecord | undefined
  readonly tasks: Array<TaskRecord> // by index
  readonly logs: Array<LogLine>
  readonly metrics: Array<MetricRecord>
  /** The sequences of the points. */
  readonly pointPlaces: Array<number>
  cards: Map<string, CardLine> | undefined // by task
  checkpoints: Map<string, CheckpointRecord> | undefined // by task and name
  /** The sequence of the newest card. */
  lastCard: number
  /** Who copies the run into this store, while it has no record. */
  copy: { readonly token: string; readonly beganAt: number } | undefined
}

/** No records yet. */
export const make = (inline?: Inline) => {
  const runs = new Map<string, Entry>()
  const ids: Array<string> = [] // of all entries, sorted
  /** The tasks of cached steps. */
  const byKey = new Map<string, Array<readonly [run: string, index: number]>>()
  const schemas = new Map<string, string>()
  /** The runs that resumed a run. */
  const resumptions = new Map<string, Set<string>>()
  let sequence = 0

  /** Where a run stands in the order of runs. */
  const placeOf = (id: string): string => runs.get(id)?.record?.place ?? id
  const withResumption = (run: RunRecord): RunRecord => {
    const newest = [...(resumptions.get(run.id) ?? [])].sort().at(-1)
    return newest === undefined ? run : { ...run, resumedBy: newest }
  }

  const entry = (run: string): Entry => {
    const existing = runs.get(run)
    if (existing !== undefined) return existing
    const added: Entry = {
      record: undefined,
      tasks: [],
      logs: [],
      metrics: [],
      pointPlaces: [],
      cards: undefined,
      checkpoints: undefined,
      lastCard: 0,
      copy: undefined
    }
    runs.set(run, added)
    ids.splice(
      placeIn(ids, (other) => placeOf(other) >= run),
      0,
      run
    )
    return added
  }

  const writeRun = ({ resumedBy: _derived, ...run }: RunRecord): void => {
    const stored = entry(run.id)
    if (run.origin !== undefined) {
      const resumed = resumptions.get(run.origin)
      if (resumed === undefined) resumptions.set(run.origin, new Set([run.id]))
      else resumed.add(run.id)
    }
    if (stored.record === undefined) {
      const { cancel: _request, ...first } = run
      stored.record = withDriver({ ...first, tags: sortedTags(run.tags) }, undefined)
      stored.copy = undefined
      if (run.place === undefined || run.place === run.id) return
      // Its id is no place in the order of runs.
      ids.splice(ids.indexOf(run.id), 1)
      const at = run.place
      ids.splice(
        placeIn(ids, (other) => placeOf(other) >= at),
        0,
        run.id
      )
    } else if (run.status === "running" && stored.record.status !== "running") return
    else {
      const { cancel, driver, heartbeatAt, tags } = stored.record
      const kept = { ...run, tags, heartbeatAt: Math.max(heartbeatAt, run.heartbeatAt) }
      stored.record = withDriver(cancel === undefined ? kept : { ...kept, cancel }, driver)
    }
  }

  /** Whether a run is as its claimer read it, or doesn't exist yet. */
  const isFree = (run: string, over: Claim["over"]): boolean => {
    const record = runs.get(run)?.record
    return over === undefined
      ? record === undefined
      : record?.status === over.status && (record.driver ?? "") === (over.driver ?? "")
  }
  const holds = ({ isCopy, run, token }: Driver): boolean =>
    isCopy === true ? runs.get(run)?.copy?.token === token : (runs.get(run)?.record?.driver ?? "") === token
  const setDriver = (run: string, token: string): void => {
    const stored = runs.get(run)
    if (stored?.record !== undefined) stored.record = withDriver(stored.record, token)
  }

  const writeTask = (change: Extract<Change, { _tag: "Task" }>, now: number): void => {
    const { blobs, schemas: descriptions, task } = change
    if (inline !== undefined) for (const blob of blobs) inline.put(blob.digest, blob.bytes, now)
    for (const schema of descriptions) schemas.set(schema.digest, schema.text)
    const { tasks } = entry(task.run)
    const at = placeOfTask(tasks, task.index)
    const before = tasks[at]
    if (before?.index !== task.index) tasks.splice(at, 0, task)
    else if (task.status === "running" && before.status !== "running") return
    else tasks[at] = task
    if (task.cache === undefined || (before?.index === task.index && before.key === task.key)) return
    const places = byKey.get(task.key)
    if (places === undefined) byKey.set(task.key, [[task.run, task.index]])
    else places.push([task.run, task.index])
  }

  const writeCheckpoint = (
    { blob, checkpoint, schemas: descriptions = [] }: Extract<Change, { _tag: "Checkpoint" }>,
    now: number
  ): void => {
    const stored = entry(checkpoint.run)
    stored.checkpoints ??= new Map()
    const { checkpoints } = stored
    const key = JSON.stringify([checkpoint.task, checkpoint.name])
    const before = checkpoints.get(key)
    if (checkpoint.ref === undefined) {
      checkpoints.set(key, before === undefined ? checkpoint : { ...before, writer: checkpoint.writer })
      return
    }
    if (before?.writer !== checkpoint.writer) return
    if (blob !== undefined) inline?.put(blob.digest, blob.bytes, now)
    for (const schema of descriptions) schemas.set(schema.digest, schema.text)
    checkpoints.set(key, checkpoint)
  }

  const writeOne = (change: Change, now: number): void => {
    switch (change._tag) {
      case "Run":
        writeRun(change.run)
        return
      case "Heartbeat": {
        const stored = runs.get(change.run)
        if (stored?.record !== undefined) {
          const { heartbeatAt } = stored.record
          // A heartbeat always moves forward, even if the driver's clock was set back: so watchers see it change.
          stored.record = { ...stored.record, heartbeatAt: change.at === 0 ? 0 : Math.max(heartbeatAt + 1, change.at) }
        }
        return
      }
      case "Task":
        writeTask(change, now)
        return
      case "Logs":
        for (const line of change.lines) entry(line.run).logs.push({ ...line, sequence: ++sequence })
        return
      case "Metrics":
        for (const point of change.points) {
          const { metrics, pointPlaces } = entry(point.run)
          metrics.push(point)
          pointPlaces.push(++sequence)
        }
        return
      case "Card": {
        const { blob, card } = change
        if (blob !== undefined) inline?.put(blob.digest, blob.bytes, now)
        const stored = entry(card.run)
        stored.cards ??= new Map()
        stored.cards.delete(card.task)
        stored.lastCard = ++sequence
        stored.cards.set(card.task, { ...card, sequence })
        return
      }
      case "Checkpoint":
        writeCheckpoint(change, now)
        return
      case "CheckpointsRemoved": {
        const checkpoints = runs.get(change.run)?.checkpoints
        for (const [key, { task }] of checkpoints ?? []) if (task === change.task) checkpoints?.delete(key)
        return
      }
      case "Cancel": {
        const stored = runs.get(change.run)
        if (stored?.record?.status !== "running" || stored.record.cancel !== undefined) return
        stored.record = { ...stored.record, cancel: change.request }
        return
      }
      case "Tags": {
        const stored = runs.get(change.run)
        if (stored?.record === undefined) return
        const kept = stored.record.tags.filter((tag) => !change.remove.includes(tag))
        stored.record = { ...stored.record, tags: sortedTags([...kept, ...change.add]) }
      }
    }
  }

  return {
    byKey,
    entry,
    holds,
    ids,
    isFree,
    placeOf,
    resumptions,
    runs,
    schemas,
    setDriver,
    withResumption,
    writeOne,
    writeRun
  }
}

/** A record with a driver's token, or without one. */
const withDriver = ({ driver: _, ...run }: RunRecord, driver: string | undefined): RunRecord =>
  driver === undefined ? run : { ...run, driver }

/** Tags without doubles, sorted by code unit. */
const sortedTags = (tags: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(tags)].sort()

/** The first place among sorted ids that a condition holds for, if it holds from some place on. */
const placeIn = (ids: ReadonlyArray<string>, holds: (id: string) => boolean): number =>
  search(ids.length, (at) => holds(ids[at] as string)) // within bounds

/** Where the task of an index is, or would be, among sorted ones. */
export const placeOfTask = (tasks: ReadonlyArray<TaskRecord>, index: number): number =>
  search(tasks.length, (at) => (tasks[at] as TaskRecord).index >= index) // within bounds

/** The first place that a condition holds at, if it holds from some place on. The end is tried first: most come in order. */
export const search = (length: number, holds: (at: number) => boolean): number => {
  if (length === 0 || !holds(length - 1)) return length
  let low = 0
  let high = length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}
