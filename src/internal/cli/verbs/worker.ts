/** The verb `worker`: executes tasks for the runs of a cluster, until it is stopped. */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Worker from "../../../Worker.ts"
import * as Cli from "../cli.ts"
import { withStore } from "../store.ts"
import * as Telemetry from "../telemetry.ts"

/** A line of JSON on stderr for each log line. */
const jsonLines = Logger.layer([Logger.withConsoleError(Logger.formatJson)])

/** The worker's flags. They override the environment. */
export interface Options {
  readonly size: number | undefined
  readonly group: string | undefined
  readonly host: string | undefined
  readonly port: number | undefined
  readonly healthPort: number | undefined
}

/** Runs the worker until it is stopped. */
export const worker = (
  cli: Cli.Cli,
  chosen: Cli.Chosen,
  subject: Cli.Subject,
  options: Options,
  { log, sync }: { readonly sync: boolean; readonly log: "text" | "json" }
) => {
  cli.state.service = true
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const onReady = () => {
    if (log === "text")
      Cli.say(cli, `Working on ${subject.flow.flowName} for ${Cli.storeName(chosen.store)}. Press Ctrl-C to stop.`)
  }
  const work = Telemetry.observed(cli, subject.flow.flowName)(Worker.run({ module: subject.module, onReady, ...given }))
  return withStore(chosen, log === "json" ? Effect.provide(work, jsonLines) : work, { sync })
}
