/** The verb `logs`: prints the log of a run's tasks as it was printed live, and the errors of failed tasks. */
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

/** Which lines are printed, and how. */
export interface Options {
  readonly follow: boolean
  readonly attempt: number | undefined
  readonly json: boolean
}

/** The number of lines read and printed at a time. */
const pageSize = 5000

/** The interval at which `--follow` looks for new lines. */
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
        ...(isWhole ? undefined : { limit: pageSize }),
        ...(target.task === undefined ? undefined : { task: target.task }),
        ...(target.step === undefined || target.task !== undefined ? undefined : { step: target.step }),
        ...(options.attempt === undefined ? undefined : { attempt: options.attempt }),
        ...(after === undefined ? undefined : { after })
      })
      for (let at = 0; at < lines.length; at += pageSize) print(lines.slice(at, at + pageSize))
      after = lines.at(-1)?.sequence ?? after
      if (isWhole || lines.length < pageSize) return
    }
  })
  if (options.follow) {
    while (true) {
      // The status is read before the lines: once a run has ended, all of its lines are stored.
      const status = yield* Effect.flatMap(Reading.get(target.run.id), Reading.status)
      yield* rest
      if (status === "crashed") Cli.say(cli, `Run ${target.run.id} has crashed: its process no longer exists.`)
      if (status !== "running") break
      yield* Effect.sleep(pollIntervalMs)
    }
  } else yield* rest
  if (options.json) return
  // Reports a missing task or step, and otherwise the errors, because the log has no lines for them.
  const tasks = yield* target.step === undefined
    ? Reading.tasks(target.run, { status: "failed", refs: false })
    : Target.tasks(target)
  for (const task of tasks) {
    const lines = failure(task)
    if (lines.length > 0)
      Cli.print(cli, Lines.stamp(task.finishedAt ?? task.startedAt, task.id, lines, style).join("\n"))
  }
  yield* Target.sayCalled(cli, target, "logs")
  if (after === undefined && tasks.every((task) => task.error === undefined)) Cli.say(cli, "No log lines.")
})

/** Why a task failed, with the stack of an unexpected error. */
const failure = (task: TaskRecord): ReadonlyArray<string> =>
  task.error === undefined ? [] : `${task.status}: ${errorText(task.error)}`.split("\n")
