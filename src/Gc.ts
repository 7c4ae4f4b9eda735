/**
 * Takes away old runs, and then the artifacts that no run refers to any more. It is safe beside running flows: a run that
 * is running stays, and so does an artifact that was put or touched in the last hour, because a task may be about to refer
 * to it.
 *
 * A run that stays keeps what it stands on: the runs that it called, and the runs whose tasks it took over or found in the
 * cache, with what those logged. So what a run says of itself stays true; nothing has to be followed by hand.
 */
import * as Os from "node:os"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type ArtifactError, ArtifactStore } from "./ArtifactStore.ts"
import { isCrashed, placeOf } from "./internal/history/reading.ts"
import { bytes as bytesText, plural } from "./internal/units.ts"
import type { RunRecord } from "./RunRecord.ts"
import { RunStore, type StoreError } from "./RunStore.ts"

/**
 * Which runs stay; each condition keeps runs of its own, and without any all runs stay, so that only artifacts that no run
 * refers to go.
 */
export interface Options {
  /** The newest runs of each flow. */
  readonly keepRuns?: number | undefined
  /** Runs that started in the last days. */
  readonly keepDays?: number | undefined
  /** Runs that have one of these tags. */
  readonly keepTags?: ReadonlyArray<string> | undefined
  /** Only runs of this flow may go. */
  readonly flow?: string | undefined
  /** Removes nothing, and says what it would. */
  readonly dryRun?: boolean | undefined
  /** How long an artifact stays that no run refers to. Default: an hour, or a minute where no run is running. */
  readonly grace?: Duration.Input | undefined
}

/** What was removed, or would be. */
export interface Collected {
  /** Ids of runs, newest first. */
  readonly runs: ReadonlyArray<string>
  /** Runs that no condition keeps, and that stay because a run that stays took tasks over from them. */
  readonly needed: ReadonlyArray<string>
  /** How many runs stay. */
  readonly kept: number
  readonly artifacts: number
  /** Bytes of the artifacts. */
  readonly bytes: number
  readonly dryRun: boolean
}

/** A run that missed its heartbeats may only be suspended: unless its process is seen to be gone, it is waited for longer. */
const longestSilence = Duration.toMillis("1 hour")

/**
 * Removes the runs that the options do not keep, and the artifacts that no remaining run refers to. A run that is going on
 * is never removed. Fails with `StoreError` or `ArtifactError` if the store can't be read or written.
 *
 * @param options Which runs to keep; without a condition, all runs stay and only unreferenced artifacts are removed.
 *
 * @example
 * ```ts
 * const collected = yield* Gc.collect({ keepRuns: 10, keepTags: ["release"], dryRun: true })
 * ```
 */
export const collect = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<Collected, StoreError | ArtifactError, RunStore | ArtifactStore> {
  const store = yield* RunStore
  const artifacts = yield* ArtifactStore
  const now = yield* Clock.currentTimeMillis
  const host = Os.hostname()
  const dryRun = options.dryRun === true

  const all = yield* store.runs({})
  // On this host only whether the process exists counts: the clock may just have been set forward.
  const isLive = (run: RunRecord): boolean =>
    run.status === "running" &&
    (run.host === host || now - run.heartbeatAt < longestSilence) &&
    !isCrashed({ ...run, heartbeatAt: now }, { now, host }) // as if it had just been heard of
  const kept = keptBy(all, options, now, isLive)
  const needed = yield* neededBy(store, all, kept)
  const runs = all.filter((run) => !kept.has(run.id) && !needed.has(run.id)).map(({ id }) => id)

  if (!dryRun) yield* store.remove(runs)
  const keep = yield* store.digests(new Set(runs))
  const grace = Duration.toMillis(options.grace ?? (all.some(isLive) ? "1 hour" : "1 minute"))
  const swept = yield* artifacts.sweep({ keep, before: now - grace, dryRun })
  return { runs, needed: [...needed], kept: all.length - runs.length, ...swept, dryRun }
})

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
      run.tags.some((tag) => keepTags.includes(tag))
    ) {
      kept.add(run.id)
    }
  }
  // Oldest first: who called comes before whom it called.
  for (const run of all.toReversed()) {
    const caller = callerOf(run)
    if (caller !== undefined && kept.has(caller)) kept.add(run.id)
  }
  return kept
}

/** The other runs whose tasks those of kept runs stand for. A source is where a task really ran, so there are no chains. */
const neededBy = Effect.fnUntraced(function* (
  store: RunStore["Service"],
  all: ReadonlyArray<RunRecord>,
  kept: ReadonlySet<string>
) {
  const needed = new Set<string>()
  if (all.length === kept.size) return needed
  const others = new Set(all.flatMap(({ id }) => (kept.has(id) ? [] : [id])))
  const flows = new Set(all.flatMap((run) => (kept.has(run.id) ? [run.flow] : [])))
  for (const flow of flows) {
    for (const how of ["takenOver", "cached"] as const) {
      for (const { run, source } of yield* store.tasks({ flow, how, refs: false })) {
        const from = source === undefined ? undefined : placeOf(source).run
        if (from !== undefined && kept.has(run) && others.has(from)) needed.add(from)
      }
    }
  }
  return needed
})

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
      : ` ${plural(needed.length, "older run")} ${needed.length === 1 ? "stays" : "stay"}, because ${needed.length === 1 ? "its" : "their"} tasks stand for those of kept runs.`
  return `${verb} ${plural(runs.length, "run")} and ${plural(artifacts, "artifact")} (${bytesText(bytes)}); ${plural(kept, "run")} kept.${stay}`
}
