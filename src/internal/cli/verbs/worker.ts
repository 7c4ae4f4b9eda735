/** The verb `worker`: executes tasks for the runs of a cluster, until it is stopped. */
import * as Worker from "../../../Worker.ts"
import * as Cli from "../cli.ts"
import { withStore } from "../store.ts"
import * as Telemetry from "../telemetry.ts"

/** The worker's flags. They override the environment. */
export interface Options {
  readonly size: number | undefined
  readonly group: string | undefined
  readonly host: string | undefined
  readonly port: number | undefined
}

/** Runs the worker until it is stopped. */
export const worker = (
  cli: Cli.Cli,
  chosen: Cli.Chosen,
  subject: Cli.Subject,
  options: Options,
  { sync }: { readonly sync: boolean }
) => {
  cli.state.service = true
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  Cli.say(cli, `Working on ${subject.flow.flowName} for ${Cli.storeName(chosen.store)}. Press Ctrl-C to stop.`)
  const work = Telemetry.observed(cli, subject.flow.flowName)(Worker.run({ module: subject.module, ...given }))
  return withStore(chosen, work, { sync })
}
