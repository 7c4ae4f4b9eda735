/**
 * A cluster under fire. Runs are driven by processes of their own while random events hit them: workers and drivers are
 * killed, stopped or suspended, a worker loses its database, and the database restarts or takes no writes. The workers are
 * 15 ms away from the database, and one of another version of another flow shares their group. The checker then looks at
 * every run: it succeeded with the right result, each task has one recorded success, nothing is left running, and a body that
 * began more than once did so because of an event.
 *
 * `node test/campaign/cluster.ts [runs] [events] [seed]` prints figures, and exits with 1 where something did not hold. It
 * needs the binaries of a Postgres.
 */
import { join } from "node:path"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { RunStore } from "../../src/RunStore.ts"
import * as Storage from "../../src/Storage.ts"
import { beginnings } from "../cluster/counted.ts"
import * as Postgres from "../cluster/postgres.ts"
import * as Processes from "../cluster/processes.ts"
import { type Proxied, proxied } from "../support/delayed.ts"
import { temporaryDirectory } from "../support/directory.ts"

/** What can happen. */
export const kinds = [
  "kill a worker",
  "stop a worker",
  "suspend a worker for 5 s",
  "suspend a worker for 20 s",
  "cut a worker off the database for 8 s",
  "kill the driver",
  "suspend the driver for 5 s",
  "suspend the driver for 20 s",
  "restart the database",
  "let the database take no writes for 5 s"
] as const
export type Kind = (typeof kinds)[number]

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
  /** Whether a worker of another flow shares the group. Default: it does. */
  readonly mixed?: boolean
  readonly say?: (line: string) => void
}

/** What a campaign found. */
export interface Outcome {
  readonly problems: ReadonlyArray<string>
  readonly events: Readonly<Record<string, number>>
  /** How many bodies began more than once, each because of an event. */
  readonly repeated: number
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

const runLimitMs = 240_000

interface Member {
  readonly process: Processes.Process
  readonly proxy: Proxied
}

/** Runs a campaign. */
export const campaign = Effect.fnUntraced(function* (options: Options) {
  const { delayMs = 15, tasks: count = 40, workers: size = 3 } = options
  const milliseconds = options.milliseconds ?? 800
  const next = random(options.seed)
  const pick = <A>(from: ReadonlyArray<A>): A => from[Math.floor(next() * from.length)] as A // none of them is empty
  const problems: Array<string> = []
  const tally: Record<string, number> = {}
  let repeated = 0

  const postgres = yield* Postgres.make()
  const blobs = yield* temporaryDirectory
  const scope = yield* Effect.scope
  const context = yield* Layer.build(Storage.layerPostgres({ url: postgres.url, blobs }))
  const start = (more: object = {}): Effect.Effect<Member> =>
    Effect.gen(function* () {
      const proxy = yield* proxied(postgres.url, delayMs)
      const process = yield* Processes.worker({ database: proxy.url, blobs, size: 1, ...more })
      return { process, proxy }
    }).pipe(Scope.provide(scope))
  const workers = yield* Effect.all(
    Array.from({ length: size }, () => start()),
    { concurrency: "unbounded" }
  )
  if (options.mixed !== false) {
    yield* start({ module: new URL("../cluster/versioned.ts?version=2", import.meta.url).href })
  }
  const driverProxy = yield* proxied(postgres.url, delayMs)

  /** Only one thing happens to the database at a time. */
  const database = yield* Semaphore.make(1)
  const sql = (statement: string) => Effect.promise(() => postgres.query(statement))

  /** Lets something happen. Yields the processes that it hit; all of them if it hit the database. */
  const happen = Effect.fnUntraced(function* (kind: Kind, driver: Processes.Process) {
    const at = Math.floor(next() * workers.length)
    const member = workers[at]
    if (member === undefined) return []
    const pid = member.process.child.pid ?? 0
    const replace = Effect.map(start(), (fresh) => {
      workers[at] = fresh
    })
    const suspend = (process: Processes.Process, seconds: number) =>
      Effect.andThen(process.kill("SIGSTOP"), Effect.andThen(Effect.sleep(seconds * 1000), process.kill("SIGCONT")))
    switch (kind) {
      case "kill a worker":
        yield* member.process.kill("SIGKILL")
        yield* replace
        return [pid]
      case "stop a worker":
        yield* member.process.kill("SIGTERM")
        yield* replace
        return []
      case "suspend a worker for 5 s":
        yield* suspend(member.process, 5)
        return [pid]
      case "suspend a worker for 20 s":
        yield* suspend(member.process, 20)
        return [pid]
      case "cut a worker off the database for 8 s":
        yield* member.proxy.cut(true)
        yield* Effect.sleep("8 seconds")
        yield* member.proxy.cut(false)
        return [pid]
      case "kill the driver":
        yield* driver.kill("SIGKILL")
        return []
      case "suspend the driver for 5 s":
        yield* suspend(driver, 5)
        return []
      case "suspend the driver for 20 s":
        yield* suspend(driver, 20)
        return []
      case "restart the database":
        yield* database.withPermits(1)(Effect.andThen(postgres.stop, postgres.start))
        return workers.map(({ process }) => process.child.pid ?? 0)
      case "let the database take no writes for 5 s":
        yield* database.withPermits(1)(
          Effect.gen(function* () {
            yield* sql("ALTER SYSTEM SET default_transaction_read_only = on")
            yield* sql("SELECT pg_reload_conf()")
            yield* Effect.sleep("5 seconds")
            yield* sql("ALTER SYSTEM RESET default_transaction_read_only")
            yield* sql("SELECT pg_reload_conf()")
          })
        )
        return workers.map(({ process }) => process.child.pid ?? 0)
    }
  })

  const round = Effect.fnUntraced(function* (number: number, events: number) {
    const store = yield* RunStore
    const file = join(blobs, `counted-${number}`)
    const driver = yield* Processes.start("./driver.ts", {
      database: driverProxy.url,
      blobs,
      parameters: { count, milliseconds, file }
    })
    yield* driver.prints(`finished counted/${1 + Math.floor(next() * 4)}`)
    const id = /run (\S+)/.exec(driver.output())?.[1] ?? ""
    const hit = new Set<number>()
    const happened: Array<string> = []
    // Events overlap: a worker may be suspended while the database restarts.
    const fire = Effect.forEach(
      Array.from({ length: events }, () => ({ kind: pick(options.kinds ?? kinds), pauseMs: next() * 1500 })),
      Effect.fnUntraced(function* ({ kind, pauseMs }) {
        yield* Effect.sleep(pauseMs)
        tally[kind] = (tally[kind] ?? 0) + 1
        happened.push(kind)
        return yield* Effect.forkChild(
          Effect.map(happen(kind, driver), (pids) => {
            for (const pid of pids) hit.add(pid)
          })
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
    const where = `run ${number} (${id}: ${happened.join(", ")})`
    const check = (holds: boolean, what: string) => {
      if (!holds) problems.push(`${where}: ${what}`)
    }
    check(run?.status === "succeeded", `it ended as ${run?.status}: ${run?.error?.message}`)
    check(JSON.stringify(run?.output) === JSON.stringify({ sum: (count * (count - 1)) / 2 }), "the result is wrong")
    const tasks = yield* store.tasks({ run: id, refs: false })
    check(tasks.length === count + 1, `it has ${tasks.length} tasks`)
    for (const task of tasks) {
      const succeeded = task.attempts.filter(({ status }) => status === "succeeded").length
      check(task.status === "succeeded" && succeeded === 1, `${task.id} is ${task.status}, with ${succeeded} successes`)
      check(!task.attempts.some(({ status }) => status === "running"), `an attempt at ${task.id} is left running`)
    }
    for (const [index, pids] of beginnings(file)) {
      if (pids.length === 1) continue
      repeated += pids.length - 1
      // The last one to begin may be any worker. Those before must have been hit.
      check(
        pids.slice(0, -1).every((pid) => hit.has(pid)),
        `task ${index} began ${pids.length} times, and no event explains it`
      )
    }
    options.say?.(`${where}: ended after ${seconds.toFixed(1)} s`)
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
  return { problems, events: tally, repeated } satisfies Outcome
}, Effect.scoped)

if (process.argv[1] === import.meta.filename && Postgres.binaries !== undefined) {
  const [runs = 30, events = 200, seed = 1] = process.argv.slice(2).map(Number)
  NodeRuntime.runMain(
    campaign({ runs, events, seed, say: (line) => console.log(line) }).pipe(
      Effect.provide(Logger.layer([])),
      Effect.tap((outcome) =>
        Effect.sync(() => {
          for (const problem of outcome.problems) console.error(problem)
          console.log(outcome.events)
          console.log(`${outcome.repeated} bodies began again, each after an event that explains it.`)
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
