/**
 * Finds runs: all runs that match a query, or one run by name. A run's name is its id, a unique prefix of its id, or
 * `latest`. Functions that accept a name also accept the run's record, which saves the query.
 */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { hasProperty } from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { RunRecord, RunStatus } from "../../RunRecord.ts"
import { type RunQuery, RunStore, type StoreError } from "../../RunStore.ts"
import * as Tags from "../../Tags.ts"
import * as Checked from "../checked.ts"
import { isAlive } from "../store/processes.ts"

/** No run has this name, or several ids start with it. The message names them. */
export class RunNotFound extends Schema.TaggedError<RunNotFound>()("RunNotFound", {
  run: Schema.String,
  reason: Schema.Literals(["none", "ambiguous"]),
  /** The ids of the newest runs that the name matches. */
  candidates: Schema.Array(Schema.String),
  message: Schema.String
}) {}

/** A run's record, or its name. */
export type Named = string | RunRecord

/** A run's status as a reader sees it. */
export type ShownStatus = RunStatus | "crashed"

/** Which runs; `crashed` may be among the statuses. */
export interface ListQuery extends Omit<RunQuery, "status"> {
  readonly status?: ShownStatus | ReadonlyArray<ShownStatus>
}

/**
 * Runs that match a query, newest first or in the order that `sort` gives. Tags match in any spelling that Unicode takes for the same.
 *
 * @param query.limit How many at most. Default: all.
 * @param query.sort `by` is `started`, `duration`, `status` or `flow`, and `order` is `up` or `down`; runs that have no
 *   duration yet come last in both.
 * @param query.since Only runs that started at this time or later, in milliseconds since the epoch.
 * @param query.until Only runs that started before this time.
 * @param query.status One status or several. `crashed` runs are those whose process is gone and that nobody has resumed
 *   yet; one that was resumed says so in `resumedBy`, and is listed as neither `crashed` nor `running`.
 *
 * @example
 * ```ts
 * const nightly = yield* Run.list({ flow: "BranchNLPFlow", tags: ["nightly"], limit: 10 })
 * ```
 */
export const list = Effect.fnUntraced(function* (
  query: ListQuery = {}
): Effect.fn.Return<ReadonlyArray<RunRecord>, StoreError, RunStore> {
  const store = yield* RunStore
  const { limit, status: wanted, tags, ...others } = Checked.things("The query for runs", query, "an object")
  Checked.strings("`tags` of the query for runs", tags)
  Checked.wholeNumber("`limit` of Run.list", limit, 0)
  Checked.number("`since` of Run.list", others.since)
  Checked.number("`until` of Run.list", others.until)
  const conditions = tags === undefined ? others : { ...others, tags: tags.map(Tags.spelling) }
  const limited = limit === undefined ? {} : { limit }
  if (wanted === undefined) return yield* store.runs({ ...conditions, ...limited })
  const statuses = new Set(typeof wanted === "string" ? [wanted] : wanted)
  const written = [...statuses].filter((status) => status !== "crashed")
  if (!statuses.has("running") && !statuses.has("crashed"))
    return yield* store.runs({ ...conditions, ...limited, status: written })
  // A crash is not recorded anywhere, so every run recorded as running has to be checked.
  const at = { now: yield* Clock.currentTimeMillis, host: Os.hostname() }
  const candidates = yield* store.runs({ ...conditions, status: [...new Set([...written, "running" as const])] })
  return candidates
    .filter((run) => {
      if (run.status !== "running") return true
      // Until another run resumes it, a crashed run is also listed as running, because that is what its record says.
      return isCrashed(run, at) ? run.resumedBy === undefined : statuses.has("running")
    })
    .slice(0, limit)
})

/**
 * Finds a run by name. Fails with `RunNotFound` if no run or more than one matches.
 *
 * @param name The run's id, a prefix that no other id starts with, or `latest`.
 * @param options.flow Only runs of this flow.
 *
 * @example
 * ```ts
 * const run = yield* Run.get("latest", { flow: "BranchNLPFlow" })
 * ```
 */
export const get = Effect.fnUntraced(function* (
  name: string,
  options: { readonly flow?: string | undefined } = {}
): Effect.fn.Return<RunRecord, RunNotFound | StoreError, RunStore> {
  Checked.expect("The run", name, typeof name === "string", 'an id, a unique prefix of one, or "latest"')
  const store = yield* RunStore
  const flow = options.flow === undefined ? {} : { flow: options.flow }
  const among = options.flow === undefined ? "" : ` of flow "${options.flow}"`
  if (name === "latest") {
    const [newest] = yield* store.runs({ ...flow, limit: 1 })
    if (newest !== undefined) return newest
    const message = `There is no run${among} yet.`
    return yield* new RunNotFound({ run: name, reason: "none", candidates: [], message })
  }
  const [exact] = yield* store.runs({ ...flow, id: name })
  if (exact !== undefined) return exact
  const matching = yield* store.runs({ ...flow, idPrefix: name, limit: 6 })
  const [only, ...others] = matching
  if (only === undefined) {
    const [elsewhere] = options.flow === undefined ? [] : yield* store.runs({ idPrefix: name, limit: 1 })
    const message =
      elsewhere === undefined
        ? `There is no run "${name}"${among}.`
        : `Run "${name}" is not a run${among}, but of flow "${elsewhere.flow}".`
    return yield* new RunNotFound({ run: name, reason: "none", candidates: [], message })
  }
  if (others.length === 0) return only
  const candidates = matching.map((run) => run.id)
  const some = candidates.slice(0, 5).join(", ")
  const message = `Several runs${among} start with "${name}": ${some}${candidates.length > 5 ? ", …" : ""}. Use a longer prefix.`
  return yield* new RunNotFound({ run: name, reason: "ambiguous", candidates, message })
})

/**
 * Resolves a run's record or name to its record. Fails with `RunNotFound` if no run or more than one matches the name.
 *
 * @param run A record, an id, a unique prefix of an id, or "latest".
 *
 * @example
 * ```ts
 * const run = yield* Run.named("01k9x")
 * ```
 */
export const named = (run: Named): Effect.Effect<RunRecord, RunNotFound | StoreError, RunStore> =>
  typeof run === "string" ? get(run) : Effect.sync(() => recordOf(run))

const isRecord = (given: unknown): boolean => hasProperty(given, "id") && hasProperty(given, "flow")

const recordOf = (run: RunRecord): RunRecord =>
  Checked.expect("The run", run, isRecord(run), 'an id, a unique prefix of one, "latest", or a run\'s record')

const first = (query: ListQuery, kind: string): Effect.Effect<RunRecord, RunNotFound | StoreError, RunStore> =>
  Effect.flatMap(list({ ...query, limit: 1 }), ([run]) => {
    if (run !== undefined) return Effect.succeed(run)
    const of = query.flow === undefined ? "" : ` of flow "${query.flow}"`
    const tagged = (query.tags ?? []).map((tag) => `"${tag}"`).join(" and ")
    const message = `There is no ${kind}${of}${tagged === "" ? "" : ` tagged ${tagged}`} yet.`
    return Effect.fail(new RunNotFound({ run: "latest", reason: "none", candidates: [], message }))
  })

/** Which runs `latest` and `latestSuccessful` choose from. */
export interface TagOptions {
  /** Only runs that have all of these tags. */
  readonly tags?: ReadonlyArray<string>
}

/**
 * The newest run. Fails with `RunNotFound` if there is none.
 *
 * @param flow Only runs of this flow.
 * @param options.tags Only runs that have all of these tags.
 *
 * @example
 * ```ts
 * const run = yield* Run.latest("BranchNLPFlow", { tags: ["nightly"] })
 * ```
 */
export const latest = (flow?: string, options: TagOptions = {}) =>
  first({ ...(flow === undefined ? {} : { flow }), ...options }, "run")

/**
 * The newest run that succeeded. Fails with `RunNotFound` if there is none.
 *
 * @param flow Only runs of this flow.
 * @param options.tags Only runs that have all of these tags.
 *
 * @example
 * ```ts
 * const run = yield* Run.latestSuccessful("BranchNLPFlow")
 * ```
 */
export const latestSuccessful = (flow?: string, options: TagOptions = {}) =>
  first({ ...(flow === undefined ? {} : { flow }), ...options, status: "succeeded" }, "successful run")

/** A heartbeat is due every 5 seconds. After six missed ones, a process on another host is taken for dead. */
const longestSilenceMs = 30_000

/**
 * Whether a run that is recorded as running has lost its process. On this host the process itself is checked: a live
 * process without heartbeats is computing without yielding. For another host only the heartbeat counts: the run is
 * considered crashed after 30 seconds of silence.
 *
 * @param at.now Milliseconds since the epoch.
 * @param at.host This machine's name.
 *
 * @example
 * ```ts
 * const crashed = Run.isCrashed(yield* Run.get("latest"), { now: Date.now(), host: "build-1" })
 * ```
 */
export const isCrashed = (run: RunRecord, at: { readonly now: number; readonly host: string }): boolean => {
  if (run.status !== "running") return false
  const isSilent = at.now - run.heartbeatAt > longestSilenceMs
  if (run.host !== at.host) return isSilent
  if (!isAlive(run.pid) || isOfEarlierProcess(run, at.now)) return true
  // A run that its process has handed over has no heartbeat, and after a reboot its pid may belong to another process.
  return isSilent && (run.heartbeatAt === 0 || isReused(run))
}

/**
 * Whether a run with this process's number is older than this process. In a container, a program that is started again has
 * the number that it had before. A record without a driver was not claimed by any run of this version, so nothing can be
 * said of it: its process counts as alive.
 */
const isOfEarlierProcess = ({ driver, heartbeatAt, pid }: RunRecord, now: number): boolean => {
  if (pid !== process.pid || driver === undefined) return false
  const realNow = Clock.Clock.defaultValue().currentTimeMillisUnsafe()
  const isRealTime = Math.abs(realNow - now) < 60_000 // else a test has set the clock
  return isRealTime && heartbeatAt < realNow - process.uptime() * 1000 - 1000
}

/** Linux counts the start time of a process in hundredths of a second since boot. */
const ticksPerSecond = 100

/** Whether a process started after the run's last heartbeat, so that it can't be the run's. Only detected on Linux. */
const isReused = ({ heartbeatAt, pid }: RunRecord): boolean => {
  if (pid === process.pid) return false
  try {
    const stat = Fs.readFileSync(`/proc/${pid}/stat`, "latin1")
    // The 22nd field; the second is the program's name, which may have spaces and parentheses.
    const ticks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19])
    const bootedAt = Number(/^btime (\d+)$/m.exec(Fs.readFileSync("/proc/stat", "latin1"))?.[1]) * 1000
    return bootedAt + (ticks / ticksPerSecond) * 1000 > heartbeatAt + 1000 // the boot time has a resolution of one second
  } catch {
    return false
  }
}

/**
 * The status of a run as readers should see it: `crashed` if it is recorded as running but its process is gone.
 *
 * @example
 * ```ts
 * const status = yield* Run.status(yield* Run.get("latest"))
 * ```
 */
export const status = (run: RunRecord): Effect.Effect<RunStatus | "crashed"> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    Checked.expect("The argument of Run.status", run, isRecord(run), "a run's record, such as Run.get gives")
    return isCrashed(run, { now, host: Os.hostname() }) ? "crashed" : run.status
  })
