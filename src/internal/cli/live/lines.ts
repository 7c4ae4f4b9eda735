/**
 * Renders the events of a run as log lines: `16:05:09.120 [start/1] started`. The verb `logs` renders stored lines in
 * the same way, so its output matches the live log.
 */
import type { RunEvent } from "../../../RunObserver.ts"
import { beganAt, type LogRecord, type RunRecord, type TaskRecord } from "../../../RunRecord.ts"
import * as Text from "../../text.ts"
import * as Units from "../../units.ts"
import type { Style } from "../style.ts"

/** Renders a message without its time, as one or more lines. */
export const message = (line: Pick<LogRecord, "level" | "message">, style: Style): ReadonlyArray<string> => {
  // Keep the step's own colours, but reset them at the end of each line.
  const text = Text.printable(line.message)
    .split("\n")
    .map((part) => (part.includes("\x1b[") ? `${part}\x1b[0m` : part))
  const mark = line.level === "Info" ? undefined : line.level.toUpperCase()
  if (mark === undefined) return text
  const paint = /^(ERROR|FATAL)$/.test(mark) ? style.red : mark === "WARN" ? style.yellow : style.dim
  return text.map((part) => `${paint(mark)} ${part}`)
}

/** Prefixes each line with its time and label. */
export const stamp = (at: number, label: string, texts: ReadonlyArray<string>, style: Style): ReadonlyArray<string> => {
  const head = `${style.dim(Units.clock(at))} ${style.label(`[${label}]`, label)}`
  return texts.map((text) => `${head} ${text}`)
}

/** How a task ended: executed, taken over, cached, failed. */
export const outcome = (task: TaskRecord, style: Style): string => {
  if (task.how === "takenOver") return `${style.green("taken over")} from ${task.source}`
  if (task.how === "cached") return `${style.green("cached")} from ${task.source}`
  const duration = Units.duration((task.finishedAt ?? beganAt(task)) - beganAt(task))
  switch (task.status) {
    case "succeeded":
      return `${style.green("succeeded")} in ${duration}`
    case "failed":
      return `${style.red("failed")} in ${duration}: ${Text.printable(task.error?.message ?? "unknown error")}`
    default:
      return `${style.yellow(task.status)} after ${duration}`
  }
}

/** `BranchNLPFlow · run 01k9…`, with the run that it resumes. */
export const header = (run: RunRecord, style: Style): string =>
  `${style.bold(run.flow)} · run ${run.id}${run.origin === undefined ? "" : ` · resumes ${run.origin}`}`

/** `succeeded in 3.2 s · artifacts in .effect-flow · 5 tasks`. */
export const closing = (run: RunRecord, store: string, tasks: number, style: Style): string => {
  const duration = Units.duration((run.finishedAt ?? run.startedAt) - run.startedAt)
  const status =
    run.status === "succeeded"
      ? `${style.green("succeeded")} in ${duration}`
      : run.status === "failed"
        ? `${style.red("failed")} in ${duration}`
        : `${style.yellow(run.status)} after ${duration}`
  return `${status} · artifacts in ${store} · ${Units.plural(tasks, "task")}`
}

/** The events that a log has. That a task waits is only shown. */
export type ToldEvent = Exclude<RunEvent, { readonly _tag: "TaskWaiting" }>

/**
 * The lines of an event. Empty for the start and end of the outermost run, which `header` and `closing` render.
 *
 * @param childFlow The flow of a called run, which is part of its tasks' labels.
 */
export const ofEvent = (
  event: ToldEvent,
  childFlow: (run: string) => string | undefined,
  style: Style
): ReadonlyArray<string> => {
  switch (event._tag) {
    case "RunStarted":
    case "RunFinished": {
      const { run } = event
      const flow = childFlow(run.id)
      if (flow === undefined) return []
      if (event._tag === "RunStarted") return stamp(run.startedAt, flow, [`run ${run.id} started`], style)
      const at = run.finishedAt ?? run.startedAt
      return stamp(at, flow, [`run ${run.id} ${run.status} in ${Units.duration(at - run.startedAt)}`], style)
    }
    case "TaskStarted": {
      const { attempts, id, run } = event.task
      const last = attempts.at(-1)
      const before = attempts.at(-2)
      const label = labelOf(run, id, childFlow)
      if (last === undefined || before === undefined) return stamp(beganAt(event.task), label, ["started"], style)
      const failed = `attempt ${before.number} ${style.red("failed")}: ${Text.printable(before.error?.message ?? "")}`
      return [
        ...stamp(before.finishedAt ?? last.startedAt, label, failed.split("\n"), style),
        ...stamp(beganAt(last), label, [`attempt ${last.number} started`], style)
      ]
    }
    case "TaskFinished": {
      const { task } = event
      const label = labelOf(task.run, task.id, childFlow)
      return stamp(task.finishedAt ?? task.startedAt, label, outcome(task, style).split("\n"), style)
    }
    case "Logged": {
      const { line } = event
      return stamp(line.at, labelOf(line.run, line.task, childFlow), message(line, style), style)
    }
  }
}

const labelOf = (run: string, task: string, childFlow: (run: string) => string | undefined): string => {
  const flow = childFlow(run)
  return flow === undefined ? (task === "" ? "flow" : task) : task === "" ? flow : `${flow}/${task}`
}
