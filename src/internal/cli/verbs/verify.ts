/** The verb `verify`: checks the whole store, and with `--repair` repairs what can be repaired. */
import * as Effect from "effect/Effect"
import * as Verify from "../../../Verify.ts"
import * as Cli from "../cli.ts"
import { changingStore, withExistingStore } from "../store.ts"

/** Checks the store. Ends with exit code 1 if damage remains. */
export const verify = (
  cli: Cli.Cli,
  chosen: Cli.Chosen,
  options: { readonly repair: boolean; readonly json: boolean }
) =>
  (options.repair ? changingStore : withExistingStore)(
    cli,
    chosen,
    Effect.flatMap(Verify.check({ repair: options.repair }), (report) => {
      Cli.print(cli, options.json ? JSON.stringify(report, undefined, 2) : Verify.toText(report))
      return report.faults.every(({ repaired }) => repaired)
        ? Effect.void
        : Effect.fail(new Cli.Exit({ code: Cli.exitCodes.failed, message: "" }))
    })
  )
