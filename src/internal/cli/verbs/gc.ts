/** The verb `gc`: removes runs that no rule keeps, and the artifacts that no run refers to any more. */
import * as Effect from "effect/Effect"
import * as Gc from "../../../Gc.ts"
import * as Cli from "../cli.ts"
import { changingStore } from "../store.ts"

/** Which runs are kept, and how the result is printed. */
export interface Options {
  readonly keepRuns: number | undefined
  readonly keepDays: number | undefined
  readonly keepTags: ReadonlyArray<string>
  readonly dryRun: boolean
  readonly json: boolean
}

/** Removes runs and artifacts. A flow's own command line only removes runs of that flow. */
export const gc = (cli: Cli.Cli, chosen: Cli.Chosen, { json, ...options }: Options) =>
  changingStore(
    cli,
    chosen,
    Effect.map(Gc.collect({ ...options, flow: chosen.flow }), (collected) =>
      Cli.print(cli, json ? JSON.stringify(collected, undefined, 2) : Gc.toText(collected))
    )
  )
