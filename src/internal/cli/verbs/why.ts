/** The verb `why`: explains why each task was executed, taken over or cached. */
import * as Effect from "effect/Effect"
import * as Why from "../../../Why.ts"
import * as Cli from "../cli.ts"
import { withExistingStore } from "../store.ts"
import * as Target from "../target.ts"

/** Prints the reasons. */
export const why = (cli: Cli.Cli, chosen: Cli.Chosen, text: string, json: boolean) =>
  withExistingStore(
    cli,
    chosen,
    Effect.gen(function* () {
      const target = yield* Target.parse(chosen, text)
      const { run, step, task } = target
      const explained = yield* Why.explain(run, task ?? step)
      if (!json) {
        Cli.print(cli, Why.toText(explained))
        return yield* Target.sayCalled(cli, target, "tasks")
      }
      const tasks = explained.tasks.map(({ codeChanged, reason, task }) => ({
        task: task.id,
        how: task.how,
        reason,
        codeChanged
      }))
      Cli.printJson(cli, { run: explained.run.id, tasks })
    })
  )
