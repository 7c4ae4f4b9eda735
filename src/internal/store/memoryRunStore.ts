/**
 * A `RunStore` in memory: what a unit test runs on. Records are kept as they were given, under the same rules as in the
 * SQL stores: a `Run` or a `Task` replaces what is there under its id, except that a record that says "running" never
 * replaces one that has ended, and that a run's tags are set by its first record and changed by `Tags` only.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { MetricRecord, RefRecord, RunRecord, TaskRecord } from "../../RunRecord.ts"
import type { CardLine, Change, LogLine, LogQuery, RefUse, RunQuery, RunStore, TaskQuery } from "../../RunStore.ts"

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
  readonly cards: Map<string, CardLine> // by task
}

/** A store of its own, kept as long as it is referred to. */
export const make = (inline?: Inline): RunStore["Service"] => {
  const runs = new Map<string, Entry>()
  const ids: Array<string> = [] // of all entries, sorted
  /** The tasks of cached steps. */
  const byKey = new Map<string, Array<readonly [run: string, index: number]>>()
  const schemas = new Map<string, string>()
  let sequence = 0

  const entry = (run: string): Entry => {
    const known = runs.get(run)
    if (known !== undefined) return known
    const made: Entry = { record: undefined, tasks: [], logs: [], metrics: [], cards: new Map() }
    runs.set(run, made)
    ids.splice(place(ids, run), 0, run)
    return made
  }

  const writeRun = (run: RunRecord): void => {
    const known = entry(run.id)
    if (known.record === undefined) known.record = { ...run, tags: sortedTags(run.tags) }
    else if (run.status === "running" && known.record.status !== "running") return
    else known.record = { ...run, tags: known.record.tags }
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

  const writeOne = (change: Change, now: number): void => {
    switch (change._tag) {
      case "Run":
        writeRun(change.run)
        return
      case "Heartbeat": {
        const known = runs.get(change.run)
        if (known?.record !== undefined) known.record = { ...known.record, heartbeatAt: change.at }
        return
      }
      case "Task":
        writeTask(change, now)
        return
      case "Logs":
        for (const line of change.lines) entry(line.run).logs.push({ ...line, sequence: ++sequence })
        return
      case "Metrics":
        for (const point of change.points) entry(point.run).metrics.push(point)
        return
      case "Card": {
        const { blob, card } = change
        if (blob !== undefined) inline?.put(blob.digest, blob.bytes, now)
        const { cards } = entry(card.run)
        cards.delete(card.task)
        cards.set(card.task, { ...card, sequence: ++sequence })
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
        const task = runs.get(run)?.tasks.find((task) => task.index === index)
        return task === undefined ? [] : [task]
      })
    }
    return query.run !== undefined ? (runs.get(query.run)?.tasks ?? []) : ids.flatMap((id) => runs.get(id)?.tasks ?? [])
  }

  return {
    write: (changes) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        for (const change of changes) writeOne(change, now)
      }),
    runs: (query) =>
      Effect.sync(() => {
        const found: Array<RunRecord> = []
        const limit = query.limit ?? Number.POSITIVE_INFINITY
        for (let i = ids.length - 1; i >= 0 && found.length < limit; i--) {
          const record = runs.get(ids[i] as string)?.record // within bounds
          if (record !== undefined && matchesRun(record, query)) found.push(record)
        }
        return found
      }),
    tasks: (query) =>
      Effect.sync(() => {
        const found = tasksOf(query).filter(
          (task) =>
            matchesTask(task, query) && (query.flow === undefined || runs.get(task.run)?.record?.flow === query.flow)
        )
        const newest = query.order === "newest" ? -1 : 1
        found.sort((a, b) => (a.run === b.run ? a.index - b.index : newest * (a.run < b.run ? -1 : 1)))
        const limited = query.limit === undefined ? found : found.slice(0, query.limit)
        return query.refs === false ? limited.map((task) => ({ ...task, inputs: [], outputs: [] })) : limited
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
        const found = (runs.get(query.run)?.logs ?? []).filter((line) => matchesLine(line, query))
        return query.limit === undefined ? found : found.slice(0, query.limit)
      }),
    metrics: (query) =>
      Effect.sync(() =>
        (runs.get(query.run)?.metrics ?? []).filter(
          (point) =>
            (query.task === undefined || point.task === query.task) &&
            (query.name === undefined || point.name === query.name)
        )
      ),
    cards: (query) =>
      Effect.sync(() =>
        [...(runs.get(query.run)?.cards.values() ?? [])].filter(
          (card) =>
            (query.task === undefined || card.task === query.task) &&
            (query.after === undefined || card.sequence > query.after)
        )
      ),
    pulse: (run) =>
      Effect.sync(() => {
        const known = runs.get(run)
        return {
          lines: known?.logs.at(-1)?.sequence ?? 0,
          points: known?.metrics.length ?? 0,
          cards: [...(known?.cards.values() ?? [])].at(-1)?.sequence ?? 0
        }
      }),
    uses: (digest, limit = Number.POSITIVE_INFINITY) =>
      Effect.sync(() => {
        const found: Array<RefUse> = []
        for (let i = ids.length - 1; i >= 0; i--) {
          for (const task of runs.get(ids[i] as string)?.tasks ?? []) found.push(...usesIn(task, digest))
          if (found.length >= limit) return found.slice(0, limit)
        }
        return found
      }),
    schema: (digest) => Effect.sync(() => schemas.get(digest)),
    remove: (removed) =>
      Effect.sync(() => {
        for (const run of removed) {
          for (const task of runs.get(run)?.tasks ?? []) {
            const places = byKey.get(task.key)?.filter(([of]) => of !== run) ?? []
            if (places.length === 0) byKey.delete(task.key)
            else byKey.set(task.key, places)
          }
          if (runs.delete(run)) ids.splice(place(ids, run), 1)
        }
      }),
    digests: (except) =>
      Effect.sync(() => {
        const found = new Set<string>()
        for (const [run, { cards, tasks }] of runs) {
          if (except?.has(run) === true) continue
          for (const { digest } of cards.values()) found.add(digest)
          for (const { inputs, outputs } of tasks) {
            for (const ref of inputs) found.add(ref.digest)
            for (const ref of outputs) found.add(ref.digest)
          }
        }
        return found
      })
  }
}

/** The uses of an artifact that a task's record shows, its inputs first. */
export const usesIn = (task: TaskRecord, digest: string): ReadonlyArray<RefUse> => {
  const use = (side: RefUse["side"], refs: ReadonlyArray<RefRecord>): ReadonlyArray<RefUse> =>
    refs.filter((ref) => ref.digest === digest).map((ref) => ({ run: task.run, task: task.id, side, ref }))
  return [...use("input", task.inputs), ...use("output", task.outputs)]
}

/** Tags without doubles, sorted by code unit. */
const sortedTags = (tags: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(tags)].sort()

/** Where an id is, or would be, among sorted ones. The newest is looked at first: runs mostly come in order. */
const place = (ids: ReadonlyArray<string>, id: string): number => {
  let at = ids.length
  while (at > 0 && (ids[at - 1] as string) >= id) at-- // within bounds
  return at
}

const placeOfTask = (tasks: ReadonlyArray<TaskRecord>, index: number): number => {
  let at = tasks.length
  while (at > 0 && (tasks[at - 1] as TaskRecord).index >= index) at-- // within bounds
  return at
}

const matchesRun = (run: RunRecord, query: RunQuery): boolean =>
  (query.flow === undefined || run.flow === query.flow) &&
  (query.status === undefined ||
    (typeof query.status === "string" ? run.status === query.status : query.status.includes(run.status))) &&
  (query.tags === undefined || query.tags.every((tag) => run.tags.includes(tag))) &&
  (query.since === undefined || run.startedAt >= query.since) &&
  (query.until === undefined || run.startedAt < query.until) &&
  (query.idPrefix === undefined || run.id.startsWith(query.idPrefix)) &&
  (query.parent === undefined || run.parent === query.parent || run.parent?.startsWith(`${query.parent}/`) === true) &&
  (query.before === undefined || run.id < query.before)

const matchesTask = (task: TaskRecord, query: TaskQuery): boolean =>
  (query.step === undefined || task.step === query.step) &&
  (query.id === undefined || task.id === query.id) &&
  (query.key === undefined || task.key === query.key) &&
  (query.status === undefined || task.status === query.status) &&
  (query.how === undefined || task.how === query.how) &&
  (query.before === undefined || task.run < query.before) &&
  (query.after === undefined || task.index > query.after)

const matchesLine = (line: LogLine, query: LogQuery): boolean =>
  (query.task === undefined || line.task === query.task) &&
  (query.step === undefined || line.task.startsWith(`${query.step}/`)) &&
  (query.attempt === undefined || line.attempt === query.attempt) &&
  (query.after === undefined || line.sequence > query.after)
