/** The verb `copy`: copies runs, with all that is kept of them, to another store. */
import * as Effect from "effect/Effect"
import * as Copy from "../../../Copy.ts"
import * as Cli from "../cli.ts"
import { layerOf, storeNamed, unansweredChange, withExistingStore } from "../store.ts"
import * as Target from "../target.ts"

/** Which runs are copied, and where to. */
export interface Options {
  readonly runs: ReadonlyArray<string>
  readonly to: string
  readonly toBlobs: string | undefined
  readonly json: boolean
}

/** Copies runs, and prints a line for each one as it is done. */
export const copy = (cli: Cli.Cli, chosen: Cli.Chosen, { json, runs, to, toBlobs }: Options) =>
  Effect.gen(function* () {
    const target = yield* storeNamed(cli, to, toBlobs, { directory: "--to", blobs: "--to-blobs" })
    if (Cli.storeName(target) === Cli.storeName(chosen.store)) {
      return yield* new Cli.Exit({
        code: Cli.exitCodes.usage,
        message: `${Cli.storeName(target)} is the store that the runs are in. Name another one with --to.`
      })
    }
    const layer = yield* layerOf(target)
    cli.state.leave = () => unansweredChange
    const all: Array<Copy.CopiedRun> = []
    const onRun = (run: Copy.CopiedRun) => {
      all.push(run)
      if (!json) Cli.print(cli, Copy.toText([run]))
    }
    yield* withExistingStore(
      cli,
      chosen,
      Effect.forEach(
        runs,
        (name) => Effect.flatMap(Target.run(chosen, name), (run) => Copy.run(run, { to: layer, onRun })),
        { discard: true }
      )
    )
    if (json) Cli.print(cli, JSON.stringify(all, undefined, 2))
  })
