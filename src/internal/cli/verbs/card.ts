/** The verb `card`: writes the cards of a run's tasks as one self-contained HTML file. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ArtifactStore } from "../../../ArtifactStore.ts"
import { Card, toHtml } from "../../../Card.ts"
import { RunStore } from "../../../RunStore.ts"
import * as Reading from "../../history/reading.ts"
import * as Units from "../../units.ts"
import * as WholeFile from "../../wholeFile.ts"
import * as Cli from "../cli.ts"
import { withExistingStore } from "../store.ts"
import * as Target from "../target.ts"

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Card))

/** Writes the cards of a target to a file, or to stdout. */
export const card = (cli: Cli.Cli, chosen: Cli.Chosen, text: string, out: string | undefined) =>
  withExistingStore(
    cli,
    chosen,
    Effect.gen(function* () {
      const target = yield* Target.parse(chosen, text)
      const runs = yield* RunStore
      const artifacts = yield* ArtifactStore
      // The card of a task that was taken over belongs to the task that was executed.
      const places = (yield* Target.tasks(target)).map(({ id, run, source }) => ({
        title: id,
        ...(source === undefined ? { run, task: id } : Reading.placeOf(source))
      }))
      const decoded: Array<{ readonly title: string; readonly card: Card }> = []
      for (const [run, ofRun] of Map.groupBy(places, ({ run }) => run)) {
        const cards = yield* runs.cards({ run })
        for (const { task, title } of ofRun) {
          const last = cards.findLast((card) => card.task === task)
          if (last === undefined) continue
          const bytes = yield* artifacts.get(last.digest)
          decoded.push({ title, card: yield* decode(new TextDecoder().decode(bytes)) })
        }
      }
      if (decoded.length === 0) {
        return yield* new Cli.Exit({
          code: Cli.exitCodes.failed,
          message: `No task of ${text} has a card. A step makes one with yield* Card.append(Card.markdown("…")).`
        })
      }
      const { run } = target
      const subtitle = `${run.flow} · run ${run.id} · ${Units.dateTime(run.startedAt)}`
      const html = toHtml(decoded, { title: `${run.flow} ${text}`, subtitle })
      if (out === undefined || out === "-") return void cli.stdout.write(html)
      yield* WholeFile.write(out, Cli.unwritable(out), (append) => append(new TextEncoder().encode(html)))
      Cli.say(cli, `${out}: ${Units.plural(decoded.length, "card")}`)
    })
  )
