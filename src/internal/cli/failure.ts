/**
 * The closing paragraph about a run that did not succeed: which task failed first, why, and the commands that show its
 * log and resume the run. It has no stack: the stack of a defect is in the log.
 */
import type { RunRecord } from "../../RunRecord.ts"
import * as Text from "../text.ts"
import * as Cli from "./cli.ts"
import { causeLines } from "./errorText.ts"
import type { Progress } from "./live/progress.ts"

/** Renders the paragraph. */
export const paragraph = (cli: Cli.Cli, chosen: Cli.Chosen, progress: Progress, run: RunRecord): string => {
  const resume = Cli.command(cli, chosen, "resume", run.id)
  if (run.status === "interrupted") {
    // The user at this terminal knows about an interruption, but not about a cancellation from another process.
    const how =
      run.error?.message.startsWith("It was cancelled") === true
        ? sentence(run.error).slice("It ".length)
        : "was interrupted."
    return `The run ${how} Resume it with: ${resume}`
  }
  const task = progress.failed()
  const error = task?.error ?? run.error
  const log = Cli.command(cli, chosen, "logs", task === undefined ? run.id : `${task.run}/${task.id}`)
  const attempts = task === undefined || task.attempts.length < 2 ? "" : ` after ${task.attempts.length} attempts`
  const reason =
    task === undefined
      ? `The flow's own body failed: ${sentence(error)}`
      : `${task.id} failed${progress.counts().failed > 1 ? " first" : ""}${attempts}: ${sentence(error)}`
  const besides =
    task !== undefined && run.error !== undefined && run.error.message !== error?.message
      ? ` The run itself ended with: ${sentence(run.error)}`
      : ""
  const causes = causeLines(error)
  const next = `Its log: ${log} · Fix the cause, then resume with: ${resume}`
  return causes.length === 0
    ? `${reason}${besides} ${next}`
    : [`${reason}${besides}`, ...causes.map((line) => `  ${line}`), next].join("\n")
}

const sentence = (error: RunRecord["error"]): string => {
  const text = Text.oneLine(Text.printable(error?.message ?? "unknown error")).trim()
  const named =
    error?.stack !== undefined && !text.startsWith(error.tag) && error.tag !== "Error" ? `${error.tag}: ${text}` : text
  return /[.!?…]$/.test(named) ? named : `${named}.`
}
