/** The verb `logs`: prints what the tasks of a run logged, as it was printed live, and why tasks failed. */
import * as Effect from "effect/Effect"
import type { TaskRecord } from "../../../RunRecord.ts"
import type { LogLine } from "../../../RunStore.ts"
import * as Reading from "../../history/reading.ts"
import * as Cli from "../cli.ts"
import { errorText } from "../errorText.ts"
import * as Lines from "../live/lines.ts"
import { withExistingStore } from "../store.ts"
import { styleFor } from "../style.ts"
import * as Target from "../target.ts"

/** Which lines, and how. */
export interface Options {
  readonly follow: boolean
  readonly attempt: number | undefined
  readonly json: boolean
}

/** How many lines are read and printed at a time. */
const page = 5000

/** With `--follow`, how often new lines are looked for, in milliseconds. */
const pollIntervalMs = 150

/** Prints the lines of a target. */
export const logs = (cli: Cli.Cli, chosen: Cli.Chosen, text: string, options: Options) =>
  withExistingStore(cli, chosen, show(cli, chosen, text, options))

const show = Effect.fnUntraced(function* (cli: Cli.Cli, chosen: Cli.Chosen, text: string, options: Options) {
  const target = yield* Target.parse(chosen, text)
  const style = styleFor(cli.stdout, cli.environment)
  let after: number | undefined
  const print = (lines: ReadonlyArray<LogLine>) => {
    if (lines.length === 0) return
    const text = options.json
      ? lines.map((line) => JSON.stringify(line))
      : lines.flatMap((line) => Lines.stamp(line.at, line.task || "flow", Lines.message(line, style), style))
    Cli.print(cli, text.join("\n"))
  }
  const rest = Effect.gen(function* () {
    while (true) {
      // The lines of a step may come from several runs: its tasks are looked up once for all lines, not once a page.
      const isWhole = target.step !== undefined
      const lines = yield* Reading.logs(target.run, {
        ...(isWhole ? undefined : { limit: page }),
        ...(target.task === undefined ? undefined : { task: target.task }),
        ...(target.step === undefined || target.task !== undefined ? undefined : { step: target.step }),
        ...(options.attempt === undefined ? undefined : { attempt: options.attempt }),
        ...(after === undefined ? undefined : { after })
      })
      for (let at = 0; at < lines.length; at += page) print(lines.slice(at, at + page))
      after = lines.at(-1)?.sequence ?? after
      if (isWhole || lines.length < page) return
    }
  })
  if (options.follow) {
    while (true) {
      // Asked before the lines are read: what was logged before a run's end is there when its end is.
      const status = yield* Effect.flatMap(Reading.get(target.run.id), Reading.status)
      yield* rest
      if (status === "crashed") Cli.say(cli, `The process of run ${target.run.id} is gone: it crashed.`)
      if (status !== "running") break
      yield* Effect.sleep(pollIntervalMs)
    }
  } else yield* rest
  if (options.json) return
  // A task or step that is not there is said here; of the others, the errors with what a log has no line for.
  const tasks = yield* target.step === undefined
    ? Reading.tasks(target.run, { status: "failed", refs: false })
    : Target.tasks(target)
  for (const task of tasks) {
    const lines = failure(task)
    if (lines.length > 0)
      Cli.print(cli, Lines.stamp(task.finishedAt ?? task.startedAt, task.id, lines, style).join("\n"))
  }
  if (after === undefined && tasks.every((task) => task.error === undefined)) Cli.say(cli, "Nothing was logged.")
})

/** Why a task failed, with the stack where it was no failure that a type announced. */
const failure = (task: TaskRecord): ReadonlyArray<string> =>
  task.error === undefined ? [] : `${task.status}: ${errorText(task.error)}`.split("\n")
