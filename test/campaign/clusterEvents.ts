/** A cluster for a campaign, and what can happen to it: see `cluster.ts`. */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type * as Postgres from "../cluster/postgres.ts"
import * as Processes from "../cluster/processes.ts"
import { type Proxied, proxied } from "../support/delayed.ts"
import type * as Machines from "./machines.ts"

/** The events. The database is 15 ms away by a proxy, which can also lose what is sent through it. */
export const kinds = [
  "kill a worker",
  "stop a worker",
  "replace a worker by one of the other version",
  "suspend a worker for 5 s",
  "suspend a worker for 20 s",
  "cut a worker off the database for 8 s",
  "unplug a worker's machine for 10 s",
  "kill the driver",
  "suspend the driver for 5 s",
  "suspend the driver for 20 s",
  "unplug the driver's machine for 10 s",
  "restart the database",
  "let the database take no writes for 5 s",
  "fill the database's disk for 5 s"
] as const
export type Kind = (typeof kinds)[number]

/** A version of the deployed flows. */
export type Version = "1" | "2"

interface Member {
  readonly version: Version
  readonly process: Processes.Process
  readonly proxy: Proxied
  readonly machine: Machines.Machine | undefined
}

/** A cluster, whose parts end with the scope. */
export interface Cluster {
  /** Starts a driver of a run. */
  readonly drive: (version: Version, parameters: object) => Effect.Effect<Processes.Process, never, Scope.Scope>
  /** Lets something happen. Yields the processes that it hit: all if it hit the database, even those that were starting. */
  readonly happen: (kind: Kind, driver: Processes.Process) => Effect.Effect<ReadonlyArray<number> | "all">
  /** What each worker has printed, by its process. */
  readonly outputs: () => ReadonlyMap<number, string>
}

const secret = "a secret of the campaign"

/** How soon a death is noticed. */
const timing = { lockExpiration: "5 seconds", patience: "8 seconds" }

/** Starts a cluster. */
export const make = Effect.fnUntraced(function* (options: {
  readonly postgres: Postgres.Postgres
  readonly blobs: string
  readonly delayMs: number
  /** The versions of the workers. */
  readonly versions: ReadonlyArray<Version>
  /** Whether a worker of another flow shares the group. */
  readonly mixed: boolean
  /** The machines on which it runs. Without a network, all processes are on this one. */
  readonly network: Machines.Network | undefined
  readonly next: () => number
}) {
  const { blobs, delayMs, network, next, postgres } = options
  const scope = yield* Effect.scope
  const place = Effect.gen(function* () {
    const machine = network === undefined ? undefined : yield* network.machine
    const proxy = yield* proxied(postgres.url, delayMs, network?.address)
    const given = { database: proxy.url, blobs, ...timing, ...(machine === undefined ? undefined : { secret }) }
    return { machine, proxy, given }
  })
  const started = new Map<number, Processes.Process>()
  const start = (version: Version, more: object = {}): Effect.Effect<Member> =>
    Effect.gen(function* () {
      const { given, machine, proxy } = yield* place
      const module = new URL(`../executor/flows.ts?version=${version}`, import.meta.url).href
      const process = yield* Processes.worker(
        { size: 1, module, ...given, ...(machine === undefined ? undefined : { host: machine.address }), ...more },
        machine?.command
      )
      started.set(process.child.pid ?? 0, process)
      return { version, process, proxy, machine }
    }).pipe(Scope.provide(scope))

  const workers = yield* Effect.all(
    options.versions.map((version) => start(version)),
    { concurrency: "unbounded" }
  )
  if (options.mixed) {
    yield* start("1", { module: new URL("../cluster/versioned.ts?version=2", import.meta.url).href })
  }
  const driverPlace = yield* place

  /** Only one thing happens to the database, and to the driver's machine, at a time. */
  const database = yield* Semaphore.make(1)
  const plug = yield* Semaphore.make(1)
  const sql = (statement: string) => Effect.promise(() => postgres.query(statement))
  const suspend = (process: Processes.Process, seconds: number) =>
    Effect.andThen(process.kill("SIGSTOP"), Effect.andThen(Effect.sleep(seconds * 1000), process.kill("SIGCONT")))
  const unplug = ({ plugIn, unplug }: Machines.Machine) =>
    Effect.andThen(unplug, Effect.andThen(Effect.sleep("10 seconds"), plugIn))

  const happen = Effect.fnUntraced(function* (
    kind: Kind,
    driver: Processes.Process
  ): Effect.fn.Return<ReadonlyArray<number> | "all"> {
    const at = Math.floor(next() * workers.length)
    const member = workers[at]
    if (member === undefined) return []
    const pid = member.process.child.pid ?? 0
    const replace = (version: Version) =>
      Effect.suspend(() => {
        // At once, for events that overlap: one worker of each version is to stay.
        workers[at] = { ...member, version }
        return Effect.map(start(version), (fresh) => {
          workers[at] = fresh
        })
      })
    switch (kind) {
      case "kill a worker":
        yield* member.process.kill("SIGKILL")
        yield* replace(member.version)
        return [pid]
      case "stop a worker":
        yield* member.process.kill("SIGTERM")
        yield* replace(member.version)
        return []
      case "replace a worker by one of the other version": {
        // One of each version stays.
        const isLast = workers.filter(({ version }) => version === member.version).length === 1
        yield* member.process.kill("SIGTERM")
        yield* replace(isLast ? member.version : member.version === "1" ? "2" : "1")
        return []
      }
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
      case "unplug a worker's machine for 10 s":
        if (member.machine !== undefined) yield* unplug(member.machine)
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
      case "unplug the driver's machine for 10 s":
        if (driverPlace.machine !== undefined) yield* plug.withPermits(1)(unplug(driverPlace.machine))
        return []
      case "restart the database":
        yield* database.withPermits(1)(Effect.andThen(postgres.stop, postgres.start))
        return "all"
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
        return "all"
      case "fill the database's disk for 5 s":
        yield* database.withPermits(1)(
          Effect.andThen(postgres.fillDisk(true), Effect.andThen(Effect.sleep("5 seconds"), postgres.fillDisk(false)))
        )
        return "all"
    }
  })

  return {
    drive: (version, parameters) =>
      Processes.start("./driver.ts", { version, parameters, ...driverPlace.given }, driverPlace.machine?.command),
    happen,
    outputs: () => new Map([...started].map(([pid, process]) => [pid, process.output()]))
  } satisfies Cluster
})
