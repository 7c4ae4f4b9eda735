/**
 * A `RunStore` in memory: what a unit test runs on. Records are kept as they were given, under the same rules as in the
 * SQL stores; `memoryRecords.ts` applies them, and this file answers questions.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { RunRecord, TaskRecord } from "../../RunRecord.ts"
import * as References from "../artifact/references.ts"
import * as Lost from "./lost.ts"
import { matchesLine, matchesRun, matchesTask, numberIn, partOf, usesIn } from "./matching.ts"
import * as MemoryRecords from "./memoryRecords.ts"
import { placeOfTask, search } from "./memoryRecords.ts"
import type { RunPosition, RunSort } from "./runOrder.ts"
import * as RunOrder from "./runOrder.ts"
import type { Driver, LogLine, MetricLine, RefUse, RunQuery, RunStore, TaskQuery } from "./runStore.ts"

/** A store of its own, kept as long as it is referred to. */
export const make = (inline?: MemoryRecords.Inline): RunStore["Service"] => {
  const records = MemoryRecords.make(inline)
  const { byKey, holds, ids, isFree, placeOf, resumptions, runs, schemas, setDriver, withResumption } = records
  const matches = (record: RunRecord, query: RunQuery): boolean =>
    matchesRun(record, query) && (query.before === undefined || placeOf(record.id) < placeOf(query.before))

  const sorted = (query: RunQuery, sort: RunSort): Array<RunRecord> => {
    const positions: Array<readonly [RunRecord, RunPosition]> = []
    for (const { record } of runs.values()) {
      if (record === undefined || !matches(record, query)) continue
      const position = RunOrder.positionOf(record, sort.by)
      if (sort.beyond === undefined || RunOrder.compare(sort.beyond, position, sort) < 0)
        positions.push([record, position])
    }
    return positions.sort(([, a], [, b]) => RunOrder.compare(a, b, sort)).map(([record]) => record)
  }

  const tasksOf = (query: TaskQuery): Array<TaskRecord> => {
    if (query.run === undefined && query.key !== undefined) {
      const places = byKey.get(query.key) ?? []
      return places.flatMap(([run, index]) => {
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
    const page: Array<TaskRecord> = []
    if (query.changedAfter !== undefined) {
      const { changedAfter } = query
      return tasks
        .filter((task) => (task.places?.at(-1) ?? 0) > changedAfter && matchesTask(task, query))
        .sort((a, b) => (a.places?.at(-1) ?? 0) - (b.places?.at(-1) ?? 0))
        .slice(0, limit)
    }
    for (let at = query.after === undefined ? 0 : placeOfTask(tasks, query.after); at < tasks.length; at++) {
      if (page.length >= limit) break
      const task = tasks[at] as TaskRecord // within bounds
      if (matchesTask(task, query)) page.push(task)
    }
    return page
  }

  /** Removes runs and what belongs to them. */
  const drop = (gone: ReadonlySet<string>): void => {
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
  }

  return {
    claim: ({ origin, over, run }) =>
      Effect.suspend(() => {
        if (!isFree(run.id, over)) return Effect.fail(Lost.error(run.id, runs.get(run.id)?.record))
        if (origin !== undefined && !holds(origin))
          return Effect.fail(Lost.error(origin.run, runs.get(origin.run)?.record))
        const driver: Driver = { run: run.id, token: Lost.makeToken() }
        records.writeRun(run)
        setDriver(run.id, driver.token)
        if (origin !== undefined) setDriver(origin.run, driver.token)
        return Effect.succeed(driver)
      }),
    receive: (run) =>
      Effect.flatMap(Clock.currentTimeMillis, (beganAt) => {
        const present = runs.get(run)?.record
        if (present !== undefined) return Effect.fail(Lost.error(run, present))
        drop(new Set([run]))
        const token = Lost.makeToken()
        records.entry(run).copy = { token, beganAt }
        return Effect.succeed({ run, token, isCopy: true })
      }),
    unfinishedCopies: Effect.sync(() =>
      ids.flatMap((run) => {
        const copy = runs.get(run)?.copy
        return copy === undefined ? [] : [{ run, beganAt: copy.beganAt }]
      })
    ),
    write: (changes, driver) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        if (driver !== undefined && !holds(driver)) {
          return Effect.fail(Lost.refusal(driver, runs.get(driver.run)?.record))
        }
        for (const change of changes) records.writeOne(change, now)
        return Effect.void
      }),
    runs: (query) =>
      Effect.sync(() => {
        const page: Array<RunRecord> = []
        const limit = query.limit ?? Number.POSITIVE_INFINITY
        if (query.id !== undefined) {
          const record = runs.get(query.id)?.record
          return record !== undefined && limit > 0 && matches(record, query) ? [withResumption(record)] : []
        }
        if (query.sort !== undefined) return sorted(query, query.sort).slice(0, query.limit).map(withResumption)
        for (let i = ids.length - 1; i >= 0 && page.length < limit; i--) {
          const record = runs.get(ids[i] as string)?.record // within bounds
          if (record !== undefined && matches(record, query)) page.push(withResumption(record))
        }
        return page
      }),
    tasks: (query) =>
      Effect.sync(() => {
        const { limit, run } = query
        if (run !== undefined && query.flow === undefined) {
          const page = pageOf({ ...query, run }, limit ?? Number.POSITIVE_INFINITY)
          return page.map(partOf(query.refs))
        }
        const cursor = query.before === undefined ? undefined : placeOf(query.before)
        const tasks = tasksOf(query).filter(
          (task) =>
            matchesTask(task, query) &&
            (cursor === undefined || placeOf(task.run) < cursor) &&
            (query.flow === undefined || runs.get(task.run)?.record?.flow === query.flow)
        )
        const newest = query.order === "newest" ? -1 : 1
        tasks.sort((a, b) =>
          a.run === b.run ? a.index - b.index : newest * (placeOf(a.run) < placeOf(b.run) ? -1 : 1)
        )
        const limited = limit === undefined ? tasks : tasks.slice(0, limit)
        return limited.map(partOf(query.refs))
      }),
    taskCounts: (of) =>
      Effect.sync(() => {
        const counts = new Map<string, { run: string; step: string; status: TaskRecord["status"]; count: number }>()
        for (const run of new Set(of)) {
          for (const { step, status } of runs.get(run)?.tasks ?? []) {
            const key = `${run}/${step}/${status}`
            const entry = counts.get(key)
            if (entry === undefined) counts.set(key, { run, step, status, count: 1 })
            else entry.count++
          }
        }
        return [...counts.values()]
      }),
    logs: (query) =>
      Effect.sync(() => {
        const lines = runs.get(query.run)?.logs ?? []
        const { after = 0, limit = Number.POSITIVE_INFINITY } = query
        const page: Array<LogLine> = []
        let at = search(lines.length, (at) => (lines[at] as LogLine).sequence > after) // within bounds
        for (; at < lines.length && page.length < limit; at++) {
          const line = lines[at] as LogLine // within bounds
          if (matchesLine(line, query)) page.push(line)
        }
        return page
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
        [...(runs.get(query.run)?.cards?.values() ?? [])].filter(
          (card) =>
            (query.task === undefined || card.task === query.task) &&
            (query.after === undefined || card.sequence > query.after)
        )
      ),
    checkpoints: ({ run, task }) =>
      Effect.sync(() =>
        [...(runs.get(run)?.checkpoints?.values() ?? [])].filter(
          (checkpoint) => task === undefined || checkpoint.task === task
        )
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
        const entry = runs.get(run)
        return {
          lines: entry?.logs.at(-1)?.sequence ?? 0,
          points: entry?.metrics.length ?? 0,
          cards: entry?.lastCard ?? 0
        }
      }),
    uses: (digest, limit = Number.POSITIVE_INFINITY) =>
      Effect.sync(() => {
        const uses: Array<RefUse> = []
        for (let i = ids.length - 1; i >= 0; i--) {
          const entry = runs.get(ids[i] as string)
          for (const task of entry?.copy === undefined ? (entry?.tasks ?? []) : []) {
            for (const use of usesIn(task, digest)) uses.push(use)
          }
          if (uses.length >= limit) return uses.slice(0, limit)
        }
        return uses
      }),
    schema: (digest) => Effect.sync(() => schemas.get(digest)),
    verify: Effect.succeed([]),
    remove: (removed, unless) =>
      Effect.sync(() => {
        const stay = unless?.(removed.flatMap((run) => runs.get(run)?.record ?? []))
        drop(new Set(removed.filter((run) => runs.has(run) && stay?.has(run) !== true)))
        return removed.filter((run) => stay?.has(run) !== true)
      }),
    digests: (except) =>
      Effect.sync(() => {
        const digests = new Set<string>()
        for (const [run, { cards, checkpoints, tasks }] of runs) {
          if (except?.has(run) === true) continue
          for (const { digest } of cards?.values() ?? []) digests.add(digest)
          const saved = [...(checkpoints?.values() ?? [])].flatMap(({ ref }) => ref ?? [])
          for (const { digest } of References.addressesOf(saved)) digests.add(digest)
          for (const { inputs, outputs } of tasks) {
            for (const { digest } of References.addressesOf(inputs)) digests.add(digest)
            for (const { digest } of References.addressesOf(outputs)) digests.add(digest)
          }
        }
        return digests
      })
  }
}
