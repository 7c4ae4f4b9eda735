/** The verb `tag`: adds, removes, replaces and lists the tags of a run. */
import * as Effect from "effect/Effect"
import * as Reading from "../../history/reading.ts"
import * as Text from "../../text.ts"
import * as Cli from "../cli.ts"
import { changingStore, withExistingStore } from "../store.ts"
import * as Target from "../target.ts"

/** The change to make. */
export type Change =
  | { readonly add: ReadonlyArray<string> }
  | { readonly remove: ReadonlyArray<string> }
  | { readonly replace: ReadonlyArray<string> }

/** Changes tags, and prints the tags that the run has afterwards. */
export const change = (cli: Cli.Cli, chosen: Cli.Chosen, name: string, change: Change) =>
  changingStore(
    cli,
    chosen,
    Effect.gen(function* () {
      const run = yield* Target.run(chosen, name)
      const tags = yield* "add" in change
        ? Reading.addTags(run, change.add)
        : "remove" in change
          ? Reading.removeTags(run, change.remove)
          : Reading.replaceTags(run, change.replace)
      Cli.say(
        cli,
        tags.length === 0 ? `${run.id} has no tags now.` : `${run.id} is tagged ${tags.map(Text.printable).join(", ")}.`
      )
    })
  )

/** Lists a run's own tags, one per line. With `--json`, also the system tags. */
export const list = (cli: Cli.Cli, chosen: Cli.Chosen, name: string, json: boolean) =>
  withExistingStore(
    cli,
    chosen,
    Effect.map(Target.run(chosen, name), (run) => {
      if (json) return Cli.print(cli, JSON.stringify({ tags: run.tags, systemTags: run.systemTags }, undefined, 2))
      for (const tag of run.tags) Cli.print(cli, Text.printable(tag))
      for (const [tag, value] of Object.entries(run.systemTags)) Cli.say(cli, `${tag}: ${Text.printable(value)}`)
    })
  )
