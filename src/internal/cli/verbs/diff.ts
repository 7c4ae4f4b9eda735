/** The verb `diff`: compares two runs by parameters, metrics and artifacts. */
import * as Effect from "effect/Effect"
import * as Diff from "../../../Diff.ts"
import * as Cli from "../cli.ts"
import { withExistingStore } from "../store.ts"
import * as Target from "../target.ts"

/** Prints the differences. */
export const diff = (cli: Cli.Cli, chosen: Cli.Chosen, left: string, right: string, json: boolean) =>
  withExistingStore(
    cli,
    chosen,
    Effect.gen(function* () {
      const difference = yield* Diff.runs(yield* Target.run(chosen, left), yield* Target.run(chosen, right))
      Cli.print(cli, json ? JSON.stringify(difference, undefined, 2) : Diff.toText(difference))
    })
  )
