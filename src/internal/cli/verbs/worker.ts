/** The verb `worker`: executes tasks for the runs of a cluster, until it is stopped. */
import * as Worker from "../../../Worker.ts"
import * as Cli from "../cli.ts"
import { withStore } from "../store.ts"

/** What the environment does not say already. */
export interface Options {
  readonly size: number | undefined
  readonly group: string | undefined
  readonly host: string | undefined
  readonly port: number | undefined
}

/** Works. */
export const worker = (
  cli: Cli.Cli,
  chosen: Cli.Chosen,
  subject: Cli.Subject,
  options: Options,
  { sync }: { readonly sync: boolean }
) => {
  cli.state.service = true
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  Cli.say(cli, `Working on ${subject.flow.flowName} for ${Cli.storeName(chosen.store)}. Ctrl-C ends it.`)
  return withStore(chosen, Worker.run({ module: subject.module, ...given }), { sync })
}
