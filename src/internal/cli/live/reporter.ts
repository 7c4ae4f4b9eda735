/**
 * Shows a run on stderr while it runs: a live table with the log above it on a terminal, plain lines elsewhere, a line
 * of JSON for every event with `--log json`, nothing with `--quiet`. It is a `RunObserver`, so it can't affect the run.
 */
import type { RunEvent } from "../../../RunObserver.ts"
import { beganAt, type RunRecord } from "../../../RunRecord.ts"
import { type Style, styleFor } from "../style.ts"
import * as Lines from "./lines.ts"
import * as Progress from "./progress.ts"
import * as Table from "./table.ts"

/** The ways to show a run. */
export type Mode = "table" | "lines" | "json" | "quiet"

/** Shows a run. */
export interface Reporter {
  readonly observe: (event: RunEvent) => void
  /** The progress so far. */
  readonly progress: Progress.Progress
  readonly style: Style
  /** Prints a message of the program itself above the table. */
  readonly note: (line: string) => void
  /** Removes the table. Further output is written below the log. */
  readonly close: () => void
}

/** The stream that a reporter writes to. */
export interface Stream extends Table.Screen {
  readonly isTTY?: boolean
}

/** The mode for a stream and flags. */
export const modeFor = (
  stream: Stream,
  flags: { readonly quiet: boolean; readonly log: "text" | "json" },
  environment: { readonly [name: string]: string | undefined }
): Mode => {
  if (flags.quiet) return "quiet"
  if (flags.log === "json") return "json"
  return stream.isTTY === true && environment.TERM !== "dumb" && environment.CI === undefined ? "table" : "lines"
}

/**
 * A reporter.
 *
 * @param options.store The store's name in the closing line.
 * @param options.now The current time in milliseconds, for tasks that are still running.
 */
export const make = (options: {
  readonly mode: Mode
  readonly stream: Stream
  readonly environment: { readonly [name: string]: string | undefined }
  readonly store: string
  readonly now: () => number
}): Reporter => {
  const { mode, stream } = options
  const style = styleFor(stream, options.environment)
  const progress = Progress.make()
  const table = mode === "table" ? Table.show(stream, progress, style, options.now) : undefined
  const write = (lines: ReadonlyArray<string>) => {
    if (lines.length === 0) return
    if (table === undefined) stream.write(`${lines.join("\n")}\n`)
    else table.log(lines)
  }
  return {
    observe: (event) => {
      const outermost = progress.run() === undefined
      progress.observe(event)
      if (mode === "quiet") return
      if (event._tag === "TaskWaiting") return table?.touch() // no line says so
      if (mode === "json") return void stream.write(`${JSON.stringify(toJson(event))}\n`)
      if (event._tag === "RunStarted" && outermost) return write([Lines.header(event.run, style)])
      if (event._tag === "RunFinished" && event.run.id === progress.run()?.id) {
        write([Lines.closing(event.run, options.store, progress.counts().total, style)])
        return table?.close()
      }
      write(Lines.ofEvent(event, progress.childFlow, style))
      table?.touch()
    },
    progress,
    style,
    note: (line) => write([line]),
    close: () => table?.close()
  }
}

/** An event as data. `--log json` prints one such object per line. */
export const toJson = (event: Lines.ToldEvent): object => {
  switch (event._tag) {
    case "RunStarted":
    case "RunFinished": {
      const { run } = event
      const ended = event._tag === "RunFinished"
      return {
        time: time(ended ? (run.finishedAt ?? run.startedAt) : run.startedAt),
        event: ended ? "run-finished" : "run-started",
        run: run.id,
        flow: run.flow,
        ...(run.parent === undefined ? undefined : { parent: run.parent }),
        ...(run.origin === undefined ? undefined : { origin: run.origin }),
        ...(ended ? { status: run.status, milliseconds: lasted(run), ...errorOf(run) } : { parameters: run.parameters })
      }
    }
    case "TaskStarted": {
      const { attempts, id, run, startedAt } = event.task
      const attempt = attempts.at(-1)
      return {
        time: time(attempt === undefined ? startedAt : beganAt(attempt)),
        event: "task-started",
        run,
        task: id,
        attempt: attempt?.number ?? 1
      }
    }
    case "TaskFinished": {
      const { task } = event
      return {
        time: time(task.finishedAt ?? task.startedAt),
        event: "task-finished",
        run: task.run,
        task: task.id,
        status: task.status,
        how: task.how,
        ...(task.source === undefined ? undefined : { source: task.source }),
        attempts: task.attempts.length,
        milliseconds: (task.finishedAt ?? beganAt(task)) - beganAt(task),
        bytes: task.outputs.reduce((sum, output) => sum + output.size, 0),
        ...errorOf(task)
      }
    }
    case "Logged": {
      const { at, attempt, level, message, run, task } = event.line
      return { time: time(at), event: "log", run, task, attempt, level, message }
    }
  }
}

/** A message of the program itself, as an event. */
export const messageJson = (at: number, message: string): string =>
  JSON.stringify({ time: time(at), event: "message", message })

const time = (at: number) => new Date(at).toISOString()
const lasted = (record: { readonly startedAt: number; readonly finishedAt?: number }) =>
  (record.finishedAt ?? record.startedAt) - record.startedAt
const errorOf = (record: Pick<RunRecord, "error">) =>
  record.error === undefined ? undefined : { error: { tag: record.error.tag, message: record.error.message } }
