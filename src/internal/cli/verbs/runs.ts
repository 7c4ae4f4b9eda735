/** The verb `runs`: lists runs, newest first. */
import { hostname } from "node:os"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { RunRecord } from "../../../RunRecord.ts"
import { RunStore } from "../../../RunStore.ts"
import * as Reading from "../../history/reading.ts"
import * as Text from "../../text.ts"
import * as Units from "../../units.ts"
import * as Cli from "../cli.ts"
import { withExistingStore } from "../store.ts"
import { paintStatus, type Style, styleFor } from "../style.ts"

/** Which runs are listed. */
export interface Options {
  readonly status: RunRecord["status"] | "crashed" | undefined
  readonly tags: ReadonlyArray<string>
  readonly since: number | undefined
  /** 0 lists all. */
  readonly limit: number
  readonly json: boolean
}

/** Lists runs. */
export const runs = (cli: Cli.Cli, chosen: Cli.Chosen, options: Options) =>
  withExistingStore(cli, chosen, list(cli, chosen, options))

const list = Effect.fnUntraced(function* (cli: Cli.Cli, chosen: Cli.Chosen, options: Options) {
  const store = yield* RunStore
  const now = yield* Clock.currentTimeMillis
  const host = hostname()
  const statusOf = (run: RunRecord) => (Reading.isCrashed(run, { now, host }) ? "crashed" : run.status)
  // A crash is not recorded but inferred here, so all runs recorded as running are checked.
  const inferred = options.status === "crashed" || options.status === "running"
  const limit = options.limit <= 0 ? Number.POSITIVE_INFINITY : options.limit
  const candidates = yield* Reading.list({
    tags: options.tags,
    ...(chosen.flow === undefined ? undefined : { flow: chosen.flow }),
    ...(options.status === undefined
      ? undefined
      : { status: inferred ? "running" : (options.status as RunRecord["status"]) }), // "crashed" is inferred
    ...(options.since === undefined ? undefined : { since: options.since }),
    ...(inferred || limit === Number.POSITIVE_INFINITY ? undefined : { limit })
  })
  const runs = (inferred ? candidates.filter((run) => statusOf(run) === options.status) : candidates).slice(0, limit)
  const counts = new Map<string, number>()
  for (const { count, run } of yield* store.taskCounts(runs.map(({ id }) => id)))
    counts.set(run, (counts.get(run) ?? 0) + count)
  if (options.json) {
    const data = runs.map((run) => ({ ...run, status: statusOf(run), tasks: counts.get(run.id) ?? 0 }))
    return Cli.print(cli, JSON.stringify(data, undefined, 2))
  }
  if (runs.length === 0) {
    const where = Cli.storeName(chosen.store)
    const of = chosen.flow === undefined ? "" : ` of flow "${chosen.flow}"`
    const narrowed = options.status !== undefined || options.tags.length > 0 || options.since !== undefined
    return Cli.say(cli, narrowed ? `There is no such run${of} in ${where}.` : `There is no run${of} in ${where} yet.`)
  }
  const style = styleFor(cli.stdout, cli.environment)
  const heading = [
    "RUN",
    ...(chosen.flow === undefined ? ["FLOW"] : []),
    "STATUS",
    "STARTED",
    "TOOK",
    "TASKS",
    "TAGS",
    ""
  ]
  const rows = runs.map((run) => row(run, statusOf(run), counts.get(run.id) ?? 0, chosen, now, style))
  const right = chosen.flow === undefined ? [4, 5] : [3, 4]
  Cli.print(cli, Text.columns([heading.map(style.dim), ...rows], new Set(right)))
})

const row = (run: RunRecord, status: string, tasks: number, chosen: Cli.Chosen, now: number, style: Style) => [
  run.id,
  ...(chosen.flow === undefined ? [run.flow] : []),
  paintStatus(style, status),
  Units.dateTime(run.startedAt),
  status === "crashed" ? "" : Units.duration((run.finishedAt ?? now) - run.startedAt),
  String(tasks),
  run.tags.map(Text.printable).join(", "),
  run.origin !== undefined
    ? `resumes ${run.origin}`
    : run.parent === undefined
      ? ""
      : `called by ${run.parent.split("/")[0]}`
]
