/** The verb `workers`: lists a cluster's workers and queues, and asks workers to drain. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Worker from "../../../Worker.ts"
import * as Text from "../../text.ts"
import * as Units from "../../units.ts"
import * as Cli from "../cli.ts"
import { changingStore, withExistingStore } from "../store.ts"
import { styleFor } from "../style.ts"

/** Which workers. */
export interface Options {
  readonly group: string | undefined
  readonly json: boolean
}

const selection = (group: string | undefined): Worker.Selection => (group === undefined ? {} : { group })

/** Lists the workers that were seen within the last minute, and the tasks that wait. */
export const workers = (cli: Cli.Cli, chosen: Cli.Chosen, { group, json }: Options) =>
  withExistingStore(
    cli,
    chosen,
    Effect.gen(function* () {
      const status = yield* Worker.status(selection(group))
      if (json) return Cli.printJson(cli, { workers: status.workers, queues: status.queues })
      const now = yield* Clock.currentTimeMillis
      if (status.workers.length === 0) {
        Cli.say(
          cli,
          `No worker${group === undefined ? "" : ` of group "${group}"`} was seen in the last minute. Start one: ${Cli.command(cli, chosen, "worker", ...(cli.subject === undefined ? ["--module", "FILE"] : []))}`
        )
      } else {
        const style = styleFor(cli.stdout, cli.environment)
        const heading = ["WORKER", "GROUP", "VERSION", "THREADS", "BUSY", "QUEUED", "SEEN", "FLOWS", ""]
        const rows = status.workers.map((worker) => [
          worker.address,
          worker.group,
          worker.version,
          String(worker.threads),
          String(worker.busy),
          String(worker.queued),
          `${Units.duration(Math.max(0, now - worker.seenAt))} ago`,
          Text.fit(worker.flows.join(", "), 60),
          worker.draining ? "draining" : ""
        ])
        Cli.print(cli, Text.columns([heading.map(style.dim), ...rows], new Set([3, 4, 5])))
      }
      for (const { group, oldestWaitMs, waiting } of status.queues) {
        if (waiting === 0) continue
        Cli.print(
          cli,
          `${Units.plural(waiting, "task")} of group "${group}" ${waiting === 1 ? "waits" : "wait"} for a worker${oldestWaitMs === undefined ? "" : `, the oldest for ${Units.duration(oldestWaitMs)}`}.`
        )
      }
    })
  )

/** Asks one worker or all of them to drain. */
export const drain = (cli: Cli.Cli, chosen: Cli.Chosen, address: string, group: string | undefined) =>
  changingStore(
    cli,
    chosen,
    Effect.gen(function* () {
      const asked = yield* Worker.drain(address, selection(group))
      if (asked.length === 0) {
        const addresses = (yield* Worker.status(selection(group))).workers.map((worker) => worker.address)
        return yield* new Cli.Exit({
          code: Cli.exitCodes.failed,
          message: `There is no worker ${address === "all" ? "to drain" : `at ${address}`}. ${addresses.length === 0 ? "No worker was seen in the last minute." : `The workers: ${addresses.join(", ")}.`}`
        })
      }
      Cli.print(
        cli,
        `Asked ${asked.join(", ")} to drain. ${asked.length === 1 ? "It finishes" : "They finish"} the tasks that have begun, and then ${asked.length === 1 ? "stops" : "stop"}.`
      )
    })
  )
