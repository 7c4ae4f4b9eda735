/** The verb `ui`: serves the web page over the store until it is interrupted. */
import { resolve } from "node:path"
import * as Ui from "../../../Ui.ts"
import * as Cli from "../cli.ts"
import { quote } from "../program.ts"
import { withExistingStore } from "../store.ts"

/** Where to listen. */
export interface Options {
  readonly port: number | undefined
  readonly host: string | undefined
}

/** Serves the page. */
export const ui = (cli: Cli.Cli, chosen: Cli.Chosen, { host, port }: Options) => {
  cli.state.service = true
  return withExistingStore(
    cli,
    chosen,
    Ui.serve({
      store: chosen.store._tag === "Local" ? resolve(chosen.store.directory) : Cli.storeName(chosen.store),
      command: Cli.command(cli, chosen),
      storeFlags: Cli.storeFlags(chosen.store).map(quote).join(" "),
      ...(cli.subject === undefined || cli.invocation === "npx effect-flow"
        ? undefined
        : { flow: cli.subject.flow.flowName }),
      ...(port === undefined ? undefined : { port }),
      ...(host === undefined ? undefined : { host })
    })
  )
}
