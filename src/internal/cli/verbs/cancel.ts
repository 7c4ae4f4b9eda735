/** The verb `cancel`: ends a run, whichever process drives it. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Cancel from "../../life/cancel.ts"
import * as Cli from "../cli.ts"
import { changingStore } from "../store.ts"
import * as Target from "../target.ts"

/** After this time the verb says that it waits. */
const announceAfter = Duration.seconds(2)

/** Cancels a run, and says so when it has ended. */
export const cancel = (cli: Cli.Cli, chosen: Cli.Chosen, name: string, reason: string | undefined) =>
  changingStore(
    cli,
    chosen,
    Effect.gen(function* () {
      const run = yield* Target.run(chosen, name)
      const cancelling = yield* Effect.forkChild(Cancel.cancel(run, reason === undefined ? {} : { reason }))
      const soon = yield* Effect.timeoutOption(Fiber.await(cancelling), announceAfter)
      if (Option.isNone(soon)) {
        Cli.say(
          cli,
          `Run ${run.id} was asked to end. Waiting for it to do so; Ctrl-C stops the waiting, and the request stays.`
        )
      }
      const ended = yield* Fiber.join(cancelling)
      Cli.say(cli, `Run ${ended.id} of flow "${ended.flow}" was cancelled.`)
    })
  )
