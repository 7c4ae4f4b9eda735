/**
 * A `RunStore` in memory: what a unit test runs on. Records are kept as they were given, under the same rules as in the
 * SQL stores: a `Run` or a `Task` replaces what is there under its id, except that a record that says "running" never
 * replaces one that has ended, and that a run's tags are set by its first record and changed by `Tags` only.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { CheckpointRecord, MetricRecord, RefRecord, RunRecord, TaskRecord } from "../../RunRecord.ts"
import * as References from "../artifact/references.ts"
import * as Lost from "./lost.ts"
import type {
  CardLine,
  Change,
  Claim,
  Driver,
  LogLine,
  LogQuery,
  MetricLine,
  RefUse,
  RunQuery,
  RunStore,
  TaskQuery
} from "./runStore.ts"

/** Where small artifacts go that come with a task. */
export interface Inline {
  readonly put: (digest: string, bytes: Uint8Array, now: number) => void
}

interface Entry {
  /** None while only tasks or lines of it came in. */
  record: RunRecord | undefined
  readonly tasks: Array<TaskRecord> // by index
  readonly logs: Array<LogLine>
  readonly metrics: Array<MetricRecord>
  /** The sequences of the points. */
  readonly pointPlaces: Array<number>
  readonly cards: Map<string, CardLine> // by task
  readonly checkpoints: Map<string, CheckpointRecord> // by task and name
  /** The sequence of the newest card. */
  lastCard: number
}

/** A store of its own, kept as long as it is referred to. */
export const make = (inline?: Inline): RunStore["Service"] => {
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
  const matches = (record: RunRecord, query: RunQuery): boolean =>
    matchesRun(record, query) && (query.before === undefined || placeOf(record.id) < placeOf(query.before))

  const withResumption = (run: RunRecord): RunRecord => {
    const newest = [...(resumptions.get(run.id) ?? [])].sort().at(-1)
    return newest === undefined ? run : { ...run, resumedBy: newest }
  }

  const entry = (run: string): Entry => {
    const known = runs.get(run)
    if (known !== undefined) return known
    const made: Entry = {
      record: undefined,
      tasks: [],
      logs: [],
      metrics: [],
      pointPlaces: [],
      cards: new Map(),
      checkpoints: new Map(),
      lastCard: 0
    }
    runs.set(run, made)
    ids.splice(
      placeIn(ids, (other) => placeOf(other) >= run),
      0,
      run
    )
    return made
  }

  const writeRun = ({ resumedBy: _derived, ...run }: RunRecord): void => {
    const known = entry(run.id)
    if (run.origin !== undefined) {
      const resumed = resumptions.get(run.origin)
      if (resumed === undefined) resumptions.set(run.origin, new Set([run.id]))
      else resumed.add(run.id)
    }
    if (known.record === undefined) {
      const { cancel: _request, ...first } = run
      known.record = withDriver({ ...first, tags: sortedTags(run.tags) }, undefined)
      if (run.place === undefined || run.place === run.id) return
      // Its id is no place in the order of runs.
      ids.splice(ids.indexOf(run.id), 1)
      const at = run.place
      ids.splice(
        placeIn(ids, (other) => placeOf(other) >= at),
        0,
        run.id
      )
    } else if (run.status === "running" && known.record.status !== "running") return
    else {
      const { cancel, driver, heartbeatAt, tags } = known.record
      const kept = { ...run, tags, heartbeatAt: Math.max(heartbeatAt, run.heartbeatAt) }
      known.record = withDriver(cancel === undefined ? kept : { ...kept, cancel }, driver)
    }
  }

  /** Whether a run is as its claimer read it, or doesn't exist yet. */
  const isFree = (run: string, over: Claim["over"]): boolean => {
    const record = runs.get(run)?.record
    return over === undefined
      ? record === undefined
      : record?.status === over.status && (record.driver ?? "") === (over.driver ?? "")
  }
  const holds = ({ run, token }: Driver): boolean => (runs.get(run)?.record?.driver ?? "") === token
  const setDriver = (run: string, token: string): void => {
    const known = runs.get(run)
    if (known?.record !== undefined) known.record = withDriver(known.record, token)
  }

  const writeTask = (change: Extract<Change, { _tag: "Task" }>, now: number): void => {
    const { blobs, schemas: descriptions, task } = change
    if (inline !== undefined) for (const blob of blobs) inline.put(blob.digest, blob.bytes, now)
    for (const schema of descriptions) schemas.set(schema.digest, schema.text)
    const { tasks } = entry(task.run)
    const at = placeOfTask(tasks, task.index)
    const known = tasks[at]
    if (known?.index !== task.index) tasks.splice(at, 0, task)
    else if (task.status === "running" && known.status !== "running") return
    else tasks[at] = task
    if (task.cache === undefined || (known?.index === task.index && known.key === task.key)) return
    const places = byKey.get(task.key)
    if (places === undefined) byKey.set(task.key, [[task.run, task.index]])
    else places.push([task.run, task.index])
  }

  const writeCheckpoint = (
    { blob, checkpoint, schemas: descriptions = [] }: Extract<Change, { _tag: "Checkpoint" }>,
    now: number
  ): void => {
    const { checkpoints } = entry(checkpoint.run)
    const key = JSON.stringify([checkpoint.task, checkpoint.name])
    const known = checkpoints.get(key)
    if (checkpoint.ref === undefined) {
      checkpoints.set(key, known === undefined ? checkpoint : { ...known, writer: checkpoint.writer })
      return
    }
    if (known?.writer !== checkpoint.writer) return
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
        const known = runs.get(change.run)
        if (known?.record !== undefined) {
          const { heartbeatAt } = known.record
          // A heartbeat always moves forward, even if the driver's clock was set back: so watchers see it change.
          known.record = { ...known.record, heartbeatAt: change.at === 0 ? 0 : Math.max(heartbeatAt + 1, change.at) }
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
        const known = entry(card.run)
        known.cards.delete(card.task)
        known.lastCard = ++sequence
        known.cards.set(card.task, { ...card, sequence })
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
        const known = runs.get(change.run)
        if (known?.record?.status !== "running" || known.record.cancel !== undefined) return
        known.record = { ...known.record, cancel: change.request }
        return
      }
      case "Tags": {
        const known = runs.get(change.run)
        if (known?.record === undefined) return
        const kept = known.record.tags.filter((tag) => !change.remove.includes(tag))
        known.record = { ...known.record, tags: sortedTags([...kept, ...change.add]) }
      }
    }
  }

  const tasksOf = (query: TaskQuery): Array<TaskRecord> => {
    if (query.run === undefined && query.key !== undefined) {
      const found = byKey.get(query.key) ?? []
      return found.flatMap(([run, index]) => {
        const tasks = runs.get(run)?.tasks ?? []
        const task = tasks[placeOfTask(tasks, index)]
        return task?.index === index ? [task] : []
      })
    }
    return ids.flatMap((id) => runs.get(id)?.tasks ?? [])
  }

  /** A page of a run's tasks, in time in proportion to the page. */
  const pageOf = (query: TaskQuery & { readonly run: string }, limit: number): Array<TaskRecord> => {
    const tasks = runs.get(query.run)?.tasks ?? []
    const number = query.id === undefined ? undefined : numberIn(query.id)
    const numbered = number === undefined ? undefined : tasks[placeOfTask(tasks, number)]
    if (numbered !== undefined && numbered.id === query.id) return matchesTask(numbered, query) ? [numbered] : []
    const found: Array<TaskRecord> = []
    if (query.changedAfter !== undefined) {
      const { changedAfter } = query
      return tasks
        .filter((task) => (task.places?.at(-1) ?? 0) > changedAfter && matchesTask(task, query))
        .sort((a, b) => (a.places?.at(-1) ?? 0) - (b.places?.at(-1) ?? 0))
        .slice(0, limit)
    }
    for (let at = query.after === undefined ? 0 : placeOfTask(tasks, query.after); at < tasks.length; at++) {
      if (found.length >= limit) break
      const task = tasks[at] as TaskRecord // within bounds
      if (matchesTask(task, query)) found.push(task)
    }
    return found
  }

  return {
    claim: ({ origin, over, run }) =>
      Effect.suspend(() => {
        if (!isFree(run.id, over)) return Effect.fail(Lost.error(run.id, runs.get(run.id)?.record))
        if (origin !== undefined && !holds(origin))
          return Effect.fail(Lost.error(origin.run, runs.get(origin.run)?.record))
        const driver: Driver = { run: run.id, token: Lost.makeToken() }
        writeRun(run)
        setDriver(run.id, driver.token)
        if (origin !== undefined) setDriver(origin.run, driver.token)
        return Effect.succeed(driver)
      }),
    write: (changes, driver) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        if (driver !== undefined && !holds(driver)) {
          return Effect.fail(Lost.error(driver.run, runs.get(driver.run)?.record))
        }
        for (const change of changes) writeOne(change, now)
        return Effect.void
      }),
    runs: (query) =>
      Effect.sync(() => {
        const found: Array<RunRecord> = []
        const limit = query.limit ?? Number.POSITIVE_INFINITY
        if (query.id !== undefined) {
          const record = runs.get(query.id)?.record
          return record !== undefined && limit > 0 && matches(record, query) ? [withResumption(record)] : []
        }
        for (let i = ids.length - 1; i >= 0 && found.length < limit; i--) {
          const record = runs.get(ids[i] as string)?.record // within bounds
          if (record !== undefined && matches(record, query)) found.push(withResumption(record))
        }
        return found
      }),
    tasks: (query) =>
      Effect.sync(() => {
        const { limit, run } = query
        if (run !== undefined && query.flow === undefined) {
          const found = pageOf({ ...query, run }, limit ?? Number.POSITIVE_INFINITY)
          return found.map(partOf(query.refs))
        }
        const cursor = query.before === undefined ? undefined : placeOf(query.before)
        const found = tasksOf(query).filter(
          (task) =>
            matchesTask(task, query) &&
            (cursor === undefined || placeOf(task.run) < cursor) &&
            (query.flow === undefined || runs.get(task.run)?.record?.flow === query.flow)
        )
        const newest = query.order === "newest" ? -1 : 1
        found.sort((a, b) =>
          a.run === b.run ? a.index - b.index : newest * (placeOf(a.run) < placeOf(b.run) ? -1 : 1)
        )
        const limited = limit === undefined ? found : found.slice(0, limit)
        return limited.map(partOf(query.refs))
      }),
    taskCounts: (of) =>
      Effect.sync(() => {
        const counts = new Map<string, { run: string; step: string; status: TaskRecord["status"]; count: number }>()
        for (const run of new Set(of)) {
          for (const { step, status } of runs.get(run)?.tasks ?? []) {
            const key = `${run}/${step}/${status}`
            const known = counts.get(key)
            if (known === undefined) counts.set(key, { run, step, status, count: 1 })
            else known.count++
          }
        }
        return [...counts.values()]
      }),
    logs: (query) =>
      Effect.sync(() => {
        const lines = runs.get(query.run)?.logs ?? []
        const { after = 0, limit = Number.POSITIVE_INFINITY } = query
        const found: Array<LogLine> = []
        let at = search(lines.length, (at) => (lines[at] as LogLine).sequence > after) // within bounds
        for (; at < lines.length && found.length < limit; at++) {
          const line = lines[at] as LogLine // within bounds
          if (matchesLine(line, query)) found.push(line)
        }
        return found
      }),
    metrics: (query) =>
      Effect.sync(() => {
        const { metrics = [], pointPlaces = [] } = runs.get(query.run) ?? {}
        const { after } = query
        const points =
          after === undefined
            ? metrics
            : metrics.flatMap((point, at): ReadonlyArray<MetricLine> => {
                const sequence = pointPlaces[at] as number // one for each point
                return sequence > after ? [{ ...point, sequence }] : []
              })
        return points
          .filter(
            (point) =>
              (query.task === undefined || point.task === query.task) &&
              (query.name === undefined || point.name === query.name)
          )
          .slice(0, query.limit)
      }),
    cards: (query) =>
      Effect.sync(() =>
        [...(runs.get(query.run)?.cards.values() ?? [])].filter(
          (card) =>
            (query.task === undefined || card.task === query.task) &&
            (query.after === undefined || card.sequence > query.after)
        )
      ),
    checkpoints: ({ run, task }) =>
      Effect.sync(() =>
        [...(runs.get(run)?.checkpoints.values() ?? [])].filter((found) => task === undefined || found.task === task)
      ),
    count: Effect.sync(() => [...runs.values()].filter(({ record }) => record !== undefined).length),
    names: Effect.sync(() => {
      const flows = new Set<string>()
      const tags = new Set<string>()
      for (const { record } of runs.values()) {
        if (record === undefined) continue
        flows.add(record.flow)
        for (const tag of record.tags) tags.add(tag)
      }
      return { flows: [...flows].sort().slice(0, 1000), tags: [...tags].sort().slice(0, 1000) }
    }),
    pulse: (run) =>
      Effect.sync(() => {
        const known = runs.get(run)
        return {
          lines: known?.logs.at(-1)?.sequence ?? 0,
          points: known?.metrics.length ?? 0,
          cards: known?.lastCard ?? 0
        }
      }),
    uses: (digest, limit = Number.POSITIVE_INFINITY) =>
      Effect.sync(() => {
        const found: Array<RefUse> = []
        for (let i = ids.length - 1; i >= 0; i--) {
          for (const task of runs.get(ids[i] as string)?.tasks ?? []) {
            for (const use of usesIn(task, digest)) found.push(use)
          }
          if (found.length >= limit) return found.slice(0, limit)
        }
        return found
      }),
    schema: (digest) => Effect.sync(() => schemas.get(digest)),
    verify: Effect.succeed([]),
    remove: (removed, unless) =>
      Effect.sync(() => {
        const stay = unless?.(removed.flatMap((run) => runs.get(run)?.record ?? []))
        const gone = new Set(removed.filter((run) => runs.has(run) && stay?.has(run) !== true))
        const keys = new Set<string>()
        for (const run of gone) {
          const origin = runs.get(run)?.record?.origin
          if (origin !== undefined) resumptions.get(origin)?.delete(run)
          for (const task of runs.get(run)?.tasks ?? []) if (byKey.has(task.key)) keys.add(task.key)
          runs.delete(run)
        }
        for (const key of keys) {
          const places = byKey.get(key)?.filter(([run]) => !gone.has(run)) ?? []
          if (places.length === 0) byKey.delete(key)
          else byKey.set(key, places)
        }
        const left = ids.filter((id) => !gone.has(id))
        ids.length = 0
        for (const id of left) ids.push(id)
        return removed.filter((run) => stay?.has(run) !== true)
      }),
    digests: (except) =>
      Effect.sync(() => {
        const found = new Set<string>()
        for (const [run, { cards, checkpoints, tasks }] of runs) {
          if (except?.has(run) === true) continue
          for (const { digest } of cards.values()) found.add(digest)
          const saved = [...checkpoints.values()].flatMap(({ ref }) => ref ?? [])
          for (const { digest } of References.addressesOf(saved)) found.add(digest)
          for (const { inputs, outputs } of tasks) {
            for (const { digest } of References.addressesOf(inputs)) found.add(digest)
            for (const { digest } of References.addressesOf(outputs)) found.add(digest)
          }
        }
        return found
      })
  }
}

/** The uses of an artifact that a task's record shows, its inputs first. */
export const usesIn = (task: TaskRecord, digest: string): ReadonlyArray<RefUse> => {
  const use = (side: RefUse["side"], refs: ReadonlyArray<RefRecord>): ReadonlyArray<RefUse> =>
    refs.filter((ref) => References.refersTo(ref, digest)).map((ref) => ({ run: task.run, task: task.id, side, ref }))
  return [...use("input", task.inputs), ...use("output", task.outputs)]
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
const placeOfTask = (tasks: ReadonlyArray<TaskRecord>, index: number): number =>
  search(tasks.length, (at) => (tasks[at] as TaskRecord).index >= index) // within bounds

/** The first place that a condition holds at, if it holds from some place on. The end is tried first: most come in order. */
const search = (length: number, holds: (at: number) => boolean): number => {
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

/** The number in a task's id, `3` in `train/3`. */
export const numberIn = (id: string): number | undefined => {
  const digits = /\/(\d{1,9})$/.exec(id)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** What a query asks for of a task. */
const partOf =
  (refs: TaskQuery["refs"]) =>
  (task: TaskRecord): TaskRecord =>
    refs === false ? { ...task, inputs: [], outputs: [] } : refs === "outputs" ? { ...task, inputs: [] } : task

const matchesRun = (run: RunRecord, query: RunQuery): boolean =>
  (query.flow === undefined || run.flow === query.flow) &&
  (query.status === undefined ||
    (typeof query.status === "string" ? run.status === query.status : query.status.includes(run.status))) &&
  (query.tags === undefined || query.tags.every((tag) => run.tags.includes(tag))) &&
  (query.since === undefined || run.startedAt >= query.since) &&
  (query.until === undefined || run.startedAt < query.until) &&
  (query.idPrefix === undefined || run.id.startsWith(query.idPrefix)) &&
  (query.parent === undefined || run.parent === query.parent || run.parent?.startsWith(`${query.parent}/`) === true) &&
  (query.origin === undefined || run.origin === query.origin) &&
  (query.cancelled !== true || run.cancel !== undefined)

const matchesTask = (task: TaskRecord, query: TaskQuery): boolean =>
  (query.step === undefined || task.step === query.step) &&
  (query.id === undefined || task.id === query.id) &&
  (query.key === undefined || task.key === query.key) &&
  (query.status === undefined || task.status === query.status) &&
  (query.how === undefined || task.how === query.how) &&
  (query.after === undefined || task.index > query.after)

const matchesLine = (line: LogLine, query: LogQuery): boolean =>
  (query.task === undefined || line.task === query.task) &&
  (query.step === undefined || line.task.startsWith(`${query.step}/`)) &&
  (query.attempt === undefined || line.attempt === query.attempt)
