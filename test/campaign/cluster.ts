/**
 * A cluster under fire. Runs are driven by processes of their own while random events hit them: workers and drivers are
 * killed, stopped, suspended or cut off the network, workers are replaced by another version, and the database restarts, takes
 * no writes or has a full disk. All processes are 15 ms away from the database. Two versions of the flow and a worker of
 * another flow share the group. The checker then looks at every run: it succeeded with the right result, each task ran in the
 * run's version and has one recorded success, nothing is left running, and a body that began more than once did so because
 * of an event.
 *
 * `node test/campaign/cluster.ts [runs] [events] [seed] [pattern of events]` prints figures, and exits with 1 where something did not hold. It
 * needs the binaries of a Postgres. The full disk and the network need root and Debian's `iproute2`; without them these
 * events are left out, and it says so. With `CAMPAIGN_LOGS=DIRECTORY` it keeps what the processes printed.
 */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { RunStore } from "../../src/RunStore.ts"
import * as Storage from "../../src/Storage.ts"
import { type Beginning, timedBeginnings } from "../cluster/counted.ts"
import * as Postgres from "../cluster/postgres.ts"
import { temporaryDirectory } from "../support/directory.ts"
import * as Events from "./clusterEvents.ts"
import { type Kind, kinds } from "./clusterEvents.ts"
import * as Machines from "./machines.ts"

interface Options {
  readonly runs: number
  readonly events: number
  readonly seed: number
  /** Default: all. */
  readonly kinds?: ReadonlyArray<Kind>
  /** Default: 15. */
  readonly delayMs?: number
  readonly workers?: number
  readonly tasks?: number
  /** How long each task takes. */
  readonly milliseconds?: number
  /** Whether half of the workers and runs have another version, and a worker of another flow shares the group. Default: yes. */
  readonly mixed?: boolean
  /** A server that is up, for events that leave it alone. Default: one of the campaign's own. */
  readonly postgres?: Postgres.Postgres
  readonly say?: (line: string) => void
}

/** What a campaign found. */
export interface Outcome {
  readonly problems: ReadonlyArray<string>
  readonly events: Readonly<Record<string, number>>
  /** How many bodies began more than once, each because of an event. */
  readonly repeated: number
  /** How many of them because this machine was too slow: a worker could not confirm its locks in time, and said so. */
  readonly tooSlow: number
}

/** Mulberry32: the same seed gives the same events. Source: Tommy Ettinger, public domain. */
const random = (seed: number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const runLimitMs = Number(process.env.CAMPAIGN_LIMIT ?? 240_000)

/** An event, and the processes that it hit: milliseconds since the epoch. */
interface Hit {
  readonly kind: Kind
  readonly pids: ReadonlyArray<number> | "all"
  readonly from: number
  readonly to: number
}

/** How long a worker may need to find its feet after an event: it joins again, and its share comes back to it. */
const recoveryMs = 15_000

/** Whether an event is why a body began again: it hit the first process, or the second that did not know of the first. */
const explains = ({ from, pids, to }: Hit, first: Beginning, second: Beginning): boolean =>
  (pids === "all" || pids.includes(first.pid) || pids.includes(second.pid)) &&
  from <= second.at &&
  to + recoveryMs >= first.at

/**
 * When a worker said that it could not confirm its locks (milliseconds since the epoch). Without an event, that means that
 * this machine is too busy: what the worker executed was interrupted, and begins again.
 */
const uncertainAt = (output: string): ReadonlyArray<number> =>
  [...output.matchAll(/^\[(\d\d:\d\d:\d\d\.\d+)\] ERROR .*Shard lock storage is unhealthy: Operation timed out/gm)].map(
    ([, time]) => {
      const now = new Date()
      const at = Date.parse(`${now.toISOString().slice(0, 10)}T${time}Z`)
      return at > now.getTime() ? at - 24 * 3_600_000 : at // the line is from before midnight
    }
  )

/** Runs a campaign. */
export const campaign = Effect.fnUntraced(function* (options: Options) {
  const { delayMs = 15, tasks: count = 40, workers: size = 4 } = options
  const milliseconds = options.milliseconds ?? 800
  const next = random(options.seed)
  const pick = <A>(from: ReadonlyArray<A>): A => from[Math.floor(next() * from.length)] as A // none of them is empty
  const problems: Array<string> = []
  const tally: Record<string, number> = {}
  const hits: Array<Hit> = []
  const drivers = new Map<number, string>()
  let repeated = 0
  let tooSlow = 0

  const wanted = options.kinds ?? kinds
  const isRoot = process.getuid?.() === 0
  const needsNetwork = wanted.some((kind) => kind.startsWith("unplug"))
  const network = isRoot && needsNetwork && (yield* Machines.isPossible) ? yield* Machines.make : undefined
  const chosen = wanted.filter((kind) =>
    kind.startsWith("unplug") ? network !== undefined : kind.startsWith("fill") ? isRoot : true
  )
  const skipped = wanted.filter((kind) => !chosen.includes(kind))
  if (skipped.length > 0) options.say?.(`Skipped, for want of root or of \`ip netns\`: ${skipped.join("; ")}.`)
  const postgres =
    options.postgres ??
    (yield* Postgres.make(chosen.some((kind) => kind.startsWith("fill")) ? { diskMegabytes: 160 } : {}))
  const blobs = yield* temporaryDirectory
  const context = yield* Layer.build(Storage.layerPostgres({ url: postgres.url, blobs }))
  const isMixed = options.mixed !== false
  const versionOf = (number: number): Events.Version => (isMixed && number % 2 === 0 ? "2" : "1")
  const { drive, happen, outputs } = yield* Events.make({
    postgres,
    blobs,
    delayMs,
    versions: Array.from({ length: size }, (_, index) => versionOf(index + 1)),
    mixed: isMixed,
    network,
    next
  })

  /** Keeps what the processes have printed so far, and what happened. */
  const keepLogs = Effect.promise(async () => {
    const logs = process.env.CAMPAIGN_LOGS
    if (logs === undefined) return
    await mkdir(logs, { recursive: true })
    for (const [number, output] of drivers) await writeFile(join(logs, `run-${number}.log`), output)
    for (const [pid, output] of outputs()) await writeFile(join(logs, `${pid}.log`), output)
    await writeFile(join(logs, "events.json"), JSON.stringify(hits))
  })

  const round = Effect.fnUntraced(function* (number: number, events: number) {
    const store = yield* RunStore
    const file = join(blobs, `counted-${number}`)
    const version = versionOf(number)
    const driver = yield* drive(version, { count, milliseconds, file })
    yield* driver.prints(`finished counted/${1 + Math.floor(next() * 4)}`)
    const id = /run (\S+)/.exec(driver.output())?.[1] ?? ""
    const happened: Array<string> = []
    // Events overlap: a worker may be suspended while the database restarts.
    const fire = Effect.forEach(
      Array.from({ length: events }, () => ({ kind: pick(chosen), pauseMs: next() * 1500 })),
      Effect.fnUntraced(function* ({ kind, pauseMs }) {
        yield* Effect.sleep(pauseMs)
        tally[kind] = (tally[kind] ?? 0) + 1
        happened.push(kind)
        const from = Date.now()
        return yield* Effect.forkChild(
          Effect.map(happen(kind, driver), (pids) => hits.push({ kind, pids, from, to: Date.now() }))
        )
      })
    ).pipe(Effect.flatMap((fibers) => Effect.forEach(fibers, (fiber) => Fiber.join(fiber), { discard: true })))
    const firing = yield* Effect.forkChild(fire)
    const from = performance.now()
    const find = Effect.orElseSucceed(
      Effect.map(store.runs({ idPrefix: id, limit: 1 }), ([run]) => run),
      () => undefined
    )
    let run = yield* find
    while ((run === undefined || run.status === "running") && performance.now() - from < runLimitMs) {
      yield* Effect.sleep(200)
      run = yield* find
    }
    const seconds = (performance.now() - from) / 1000
    yield* Fiber.join(firing)
    const where = `run ${number} (${id}, version ${version}: ${happened.join(", ")})`
    const check = (holds: boolean, what: string) => {
      if (holds) return
      problems.push(`${where}: ${what}`)
      options.say?.(`problem: ${what}`)
    }
    check(run?.status === "succeeded", `it ended as ${run?.status}: ${run?.error?.message}`)
    check(JSON.stringify(run?.output) === JSON.stringify({ sum: (count * (count - 1)) / 2 }), "the result is wrong")
    const tasks = yield* store.tasks({ run: id, refs: false })
    check(tasks.length === count + 1, `it has ${tasks.length} tasks`)
    for (const task of tasks) {
      const succeeded = task.attempts.filter(({ status }) => status === "succeeded").length
      check(task.status === "succeeded" && succeeded === 1, `${task.id} is ${task.status}, with ${succeeded} successes`)
      if (task.step === "counted") check(task.version === version, `${task.id} ran in version "${task.version}"`)
      check(!task.attempts.some(({ status }) => status === "running"), `an attempt at ${task.id} is left running`)
    }
    for (const [index, begun] of timedBeginnings(file)) {
      for (const [before, first] of begun.entries()) {
        const second = begun[before + 1]
        if (second === undefined) break
        repeated++
        const isExplained = hits.some((hit) => explains(hit, first, second))
        const isUncertain =
          !isExplained && uncertainAt(outputs().get(first.pid) ?? "").some((at) => at >= first.at && at <= second.at)
        if (isUncertain) tooSlow++
        check(
          isExplained || isUncertain,
          `task ${index} began at process ${first.pid}, began again ${second.at - first.at} ms later at process ${second.pid}, and no event explains it`
        )
      }
    }
    options.say?.(`${where}: ended after ${seconds.toFixed(1)} s`)
    drivers.set(number, driver.output())
    yield* keepLogs
  })

  const perRun = options.events / options.runs
  yield* Effect.provideContext(
    Effect.forEach(
      Array.from({ length: options.runs }, (_, index) => index + 1),
      (number) => Effect.scoped(round(number, Math.round(number * perRun) - Math.round((number - 1) * perRun))),
      { discard: true }
    ),
    context
  )
  return { problems, events: tally, repeated, tooSlow } satisfies Outcome
}, Effect.scoped)

if (process.argv[1] === import.meta.filename && Postgres.binaries !== undefined) {
  const [runs = 30, events = 200, seed = 1] = process.argv.slice(2, 5).map(Number)
  const pattern = new RegExp(process.argv[5] ?? "")
  NodeRuntime.runMain(
    campaign({
      runs,
      events,
      seed,
      kinds: kinds.filter((kind) => pattern.test(kind)),
      say: (line) => console.log(line)
    }).pipe(
      Effect.provide(Logger.layer([])),
      Effect.tap((outcome) =>
        Effect.sync(() => {
          for (const problem of outcome.problems) console.error(problem)
          console.log(outcome.events)
          console.log(
            `${outcome.repeated} bodies began again; ${outcome.tooSlow} of them because this machine was too busy to confirm a worker's locks in time, the others after an event that explains it.`
          )
          console.log(
            outcome.problems.length === 0
              ? `${runs} runs under ${events} events held.`
              : `${outcome.problems.length} problems.`
          )
          if (outcome.problems.length > 0) process.exitCode = 1
        })
      )
    )
  )
}
