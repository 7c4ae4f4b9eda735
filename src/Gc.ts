/**
 * Removes old runs, and then the artifacts that no run refers to any more. It is safe beside running flows: a live run
 * stays, and so does everything that it, or a resume of it, may still take over or refer to, however long its steps take.
 *
 * A run that stays keeps what it depends on: the runs that it called, the runs whose tasks it took over or found in the
 * cache, with what those logged, and, unless it succeeded, the runs that it resumed.
 */
import * as Os from "node:os"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type ArtifactError, ArtifactStore } from "./ArtifactStore.ts"
import * as Checked from "./internal/checked.ts"
import { isCrashed, placeOf } from "./internal/history/reading.ts"
import { bytes as bytesText, plural } from "./internal/units.ts"
import type { RunRecord } from "./RunRecord.ts"
import { type Hold, RunStore, type StoreError } from "./RunStore.ts"
import * as Tags from "./Tags.ts"

/**
 * Which runs stay. Each condition keeps the runs it names. Without any condition all runs stay, and only artifacts that no
 * run refers to are removed.
 */
export interface Options {
  /** How many of the newest runs of each flow stay. */
  readonly keepRuns?: number | undefined
  /** Runs that started within this many days stay. */
  readonly keepDays?: number | undefined
  /** Runs with one of these tags stay. */
  readonly keepTags?: ReadonlyArray<string> | undefined
  /** Only runs of this flow are removed. */
  readonly flow?: string | undefined
  /** Removes nothing, and reports what would be removed. */
  readonly dryRun?: boolean | undefined
  /**
   * How long an artifact that no run refers to stays after it was last stored or touched. Default: a minute if no run is
   * live; else an hour, and longer if it may belong to a live run.
   */
  readonly grace?: Duration.Input | undefined
}

/** What was removed, or would be removed. */
export interface Collected {
  /** Ids of runs, newest first. */
  readonly runs: ReadonlyArray<string>
  /** Runs that no condition keeps, but that stay because kept runs reuse their tasks, or may when they are resumed. */
  readonly needed: ReadonlyArray<string>
  /** How many runs stay. */
  readonly kept: number
  readonly artifacts: number
  /** The size of the removed artifacts, in bytes. */
  readonly bytes: number
  readonly dryRun: boolean
}

/** A run without heartbeats may merely be suspended, so it is kept for this long unless its process is known to be gone. */
const longestSilenceMs = Duration.toMillis("1 hour")

/** A resumed run reads its origin before it records its own start: this long before, at most. */
const beforeStartMs = Duration.toMillis("10 minutes")

/** A copy of a run takes its artifacts first, and then this long at most: an older one was cut off. */
const longestCopyMs = Duration.toMillis("1 day")

/**
 * Removes what the options do not keep, and what a copy of a run has left that was cut off a day ago or earlier.
 *
 * A live run may refer to an artifact hours after storing it, because its step takes that long. So while runs are live,
 * artifacts that no run refers to stay if they were stored since the first of those runs started, and go after the grace
 * only if a run that is removed now referred to them. With `grace` set, that alone decides.
 *
 * @returns What was removed. Fails with `StoreError` or `ArtifactError` if the store fails.
 *
 * @example
 * ```ts
 * const collected = yield* Gc.collect({ keepRuns: 10, keepTags: ["release"] })
 * ```
 */
export const collect = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<Collected, StoreError | ArtifactError, RunStore | ArtifactStore> {
  Checked.wholeNumber("`keepRuns` of Gc.collect", options.keepRuns, 0)
  Checked.number("`keepDays` of Gc.collect", options.keepDays, 0)
  const graceMs = Checked.durationOrZeroMs("`grace` of Gc.collect", options.grace)
  const store = yield* RunStore
  const artifacts = yield* ArtifactStore
  const now = yield* Clock.currentTimeMillis
  const host = Os.hostname()
  const dryRun = options.dryRun === true

  // Before runs are removed: what they refer to could not be.
  if (artifacts.checkSweep !== undefined) yield* artifacts.checkSweep
  const all = yield* store.runs({})
  // On this host only whether the process exists counts: the clock may just have been set forward.
  const isLive = (run: RunRecord): boolean =>
    run.status === "running" &&
    (run.host === host || now - run.heartbeatAt < longestSilenceMs) &&
    !isCrashed({ ...run, heartbeatAt: now }, { now, host }) // as if it had just been heard of
  const kept = keptBy(all, options, now, isLive)
  const needed = yield* neededBy(store, all, kept)
  const chosen = all.filter((run) => !kept.has(run.id) && !needed.has(run.id))
  const going = chosen.map(({ id }) => id)
  const leaving = new Set(going)
  const staying = new Set(all.flatMap(({ id }) => (leaving.has(id) ? [] : [id])))
  const released = going.length === 0 ? new Set<string>() : yield* store.digests(staying)
  const runs = dryRun ? going : yield* store.remove(going, claimedSince(all))
  const copies = (yield* store.unfinishedCopies).filter(({ beganAt }) => now - beganAt >= longestCopyMs)
  const cutOff = copies.map(({ run }) => run)
  if (!dryRun) yield* Effect.forEach(cutOff, (run) => removeCopy(store, run), { discard: true })
  const keep = yield* store.digests(new Set(dryRun ? [...runs, ...cutOff] : runs))
  const started = all.reduce((first, run) => (isLive(run) ? Math.min(first, run.startedAt) : first), now)
  const anyLive = all.some(isLive)
  const grace = graceMs ?? Duration.toMillis(anyLive ? "1 hour" : "1 minute")
  const before = now - grace
  const orphansBefore = options.grace === undefined && anyLive ? Math.min(before, started - beforeStartMs) : before
  const swept = yield* artifacts.sweep({ keep, before: orphansBefore, released: { digests: released, before }, dryRun })
  return { runs, needed: [...needed], kept: all.length - runs.length, ...swept, dryRun }
})

/** Removes what a copy that was cut off has left, unless it is done after all. If it goes on, it is refused. */
const removeCopy = (store: RunStore["Service"], run: string): Effect.Effect<void, StoreError> =>
  store.receive(run).pipe(
    Effect.andThen(store.remove([run], (now) => new Set(now.map(({ id }) => id)))),
    Effect.catchIf(
      ({ reason }) => reason === "lost",
      () => Effect.void
    )
  )

/** The runs that a condition keeps, and those that they called. */
const keptBy = (
  all: ReadonlyArray<RunRecord>,
  options: Options,
  now: number,
  isLive: (run: RunRecord) => boolean
): ReadonlySet<string> => {
  const { flow, keepDays, keepRuns, keepTags = [] } = options
  const hasCondition = keepDays !== undefined || keepRuns !== undefined || keepTags.length > 0
  const since = keepDays === undefined ? Number.POSITIVE_INFINITY : now - keepDays * Duration.toMillis("1 day")
  const keptTags = new Set(keepTags.map(Tags.spelling))
  const kept = new Set<string>()
  const seen = new Map<string, number>() // of each flow, how many are newer
  const ids = new Set(all.map(({ id }) => id))
  // A run that another called comes and goes with that one, as long as there is one.
  const callerOf = (run: RunRecord): string | undefined => {
    const caller = run.parent?.split("/")[0]
    return caller !== undefined && ids.has(caller) ? caller : undefined
  }
  // A run from the future was started while the clock was wrong. It is as old as the next newer one by the order of ids,
  // and must not take the place of another run.
  const started = new Map<string, number>()
  let latest = now
  for (const run of all) {
    if (run.startedAt <= now) latest = run.startedAt
    started.set(run.id, latest)
  }
  const order = [...all.filter((run) => run.startedAt <= now), ...all.filter((run) => run.startedAt > now)]
  for (const run of order) {
    if (callerOf(run) !== undefined) {
      if (isLive(run)) kept.add(run.id)
      continue
    }
    const newer = seen.get(run.flow) ?? 0
    seen.set(run.flow, newer + 1)
    if (
      !hasCondition ||
      (flow !== undefined && run.flow !== flow) ||
      isLive(run) ||
      newer < (keepRuns ?? 0) ||
      (started.get(run.id) ?? 0) >= since ||
      run.tags.some((tag) => keptTags.has(tag))
    ) {
      kept.add(run.id)
    }
  }
  // Oldest first: a caller comes before the runs that it called.
  for (const run of all.toReversed()) {
    const caller = callerOf(run)
    if (caller !== undefined && kept.has(caller)) kept.add(run.id)
  }
  return kept
}

/**
 * The other runs that kept runs depend on: those whose tasks theirs stand for, and those that they, or their resumes, may
 * still take tasks over from. A source is where a task was really executed, so sources form no chains; origins do.
 */
const neededBy = Effect.fnUntraced(function* (
  store: RunStore["Service"],
  all: ReadonlyArray<RunRecord>,
  kept: ReadonlySet<string>
) {
  const needed = new Set<string>()
  if (all.length === kept.size) return needed
  const resumable = all.filter((run) => kept.has(run.id) && run.status !== "succeeded")
  for (const id of resumedBy(all, resumable)) if (!kept.has(id)) needed.add(id)
  const standing = new Set([...kept, ...needed])
  const flows = new Set(all.flatMap((run) => (standing.has(run.id) ? [run.flow] : [])))
  const ids = new Set(all.map(({ id }) => id))
  for (const flow of flows) {
    for (const how of ["takenOver", "cached"] as const) {
      for (const { run, source } of yield* store.tasks({ flow, how, refs: false })) {
        const from = source === undefined ? undefined : placeOf(source).run
        if (from !== undefined && standing.has(run) && ids.has(from) && !kept.has(from)) needed.add(from)
      }
    }
  }
  return needed
})

/**
 * Which of the runs that are about to be removed stay: those that another process has claimed since they were read, to
 * take them over or to resume them, and what those depend on. It is asked newest runs first, so that a run is asked for
 * before its origins.
 */
const claimedSince = (all: ReadonlyArray<RunRecord>): ((now: ReadonlyArray<Hold>) => ReadonlySet<string>) => {
  const byId = new Map(all.map((run) => [run.id, run]))
  const claimed = new Set<string>()
  return (now) => {
    for (const { driver, id, status } of now) {
      const before = byId.get(id)
      if (before === undefined || (before.driver === driver && before.status === status)) continue
      for (const run of resumedBy(all, [{ ...before, id: "", origin: id, status: "running" }])) claimed.add(run)
    }
    return claimed
  }
}

/** The origins of runs, as far back as a resume goes, and the runs that those origins called with their own origins. */
const resumedBy = (all: ReadonlyArray<RunRecord>, runs: ReadonlyArray<RunRecord>): ReadonlySet<string> => {
  const byId = new Map(all.map((run) => [run.id, run]))
  const called = Map.groupBy(all, (run) => run.parent?.split("/")[0])
  const found = new Set<string>()
  const pending = [...runs]
  for (let run = pending.pop(); run !== undefined; run = pending.pop()) {
    // A run that succeeded has all that its own origin had.
    const origin = run.status === "succeeded" || run.origin === undefined ? undefined : byId.get(run.origin)
    const next = found.has(run.id) ? [...(called.get(run.id) ?? [])] : []
    if (origin !== undefined) next.push(origin)
    for (const other of next) {
      if (found.has(other.id)) continue
      found.add(other.id)
      pending.push(other)
    }
  }
  return found
}

/**
 * What was removed, in a sentence or two.
 *
 * @example
 * ```ts
 * yield* Console.log(Gc.toText(yield* Gc.collect({ keepDays: 30 })))
 * ```
 */
export const toText = ({ artifacts, bytes, dryRun, kept, needed, runs }: Collected): string => {
  const verb = dryRun ? "Would remove" : "Removed"
  const stay =
    needed.length === 0
      ? ""
      : ` ${plural(needed.length, "older run")} ${needed.length === 1 ? "stays" : "stay"}, because kept runs reuse ${needed.length === 1 ? "its" : "their"} tasks.`
  return `${verb} ${plural(runs.length, "run")} and ${plural(artifacts, "artifact")} (${bytesText(bytes)}); ${plural(kept, "run")} kept.${stay}`
}
