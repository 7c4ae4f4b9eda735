/**
 * A live table of a run's tasks at the bottom of a terminal, with the log running above it. It is redrawn in place: the
 * table is cleared, new log lines are written where it was, and it is drawn again below them, all in one write. Large
 * numbers of lines are written in batches, so that drawing never costs more than the run.
 */

import { beganAt, isWaiting } from "../../../RunRecord.ts"
import * as Text from "../../text.ts"
import * as Units from "../../units.ts"
import type { Style } from "../style.ts"
import type { Progress } from "./progress.ts"

/** The terminal that the table is drawn on. */
export interface Screen {
  readonly columns?: number
  readonly rows?: number
  readonly write: (text: string) => unknown
}

/** The minimum time between two redraws. */
const redrawIntervalMs = 80

/** A live table. */
export interface Table {
  /** Adds lines to the log above the table. */
  readonly log: (lines: ReadonlyArray<string>) => void
  /** Reports a change. The table is redrawn now or soon. */
  readonly touch: () => void
  /** Writes pending lines and removes the table. */
  readonly close: () => void
}

/** Shows a table of a run's progress. */
export const show = (screen: Screen, progress: Progress, style: Style, now: () => number): Table => {
  let pending: Array<string> = []
  let drawn: ReadonlyArray<string> = []
  let lastDrawn = 0
  let timer: NodeJS.Timeout | undefined
  let closed = false

  const clear = (): string => {
    if (drawn.length === 0) return ""
    // A terminal that has become narrower has wrapped the drawn lines.
    const width = columnsOf(screen)
    const height = drawn.reduce((rows, line) => rows + Math.max(1, Math.ceil(Text.width(line) / width)), 0)
    return `\x1b[${height}A\r\x1b[0J`
  }
  const draw = () => {
    if (timer !== undefined) clearTimeout(timer)
    const next = closed ? [] : rows(screen, progress, style, now())
    const text = `${clear()}${pending.map((line) => `${line}\n`).join("")}${next.map((line) => `${line}\n`).join("")}`
    pending = []
    drawn = next
    lastDrawn = now()
    // Terminals with synchronized updates show the whole write at once. Others ignore these escape sequences.
    if (text !== "") screen.write(`\x1b[?2026h${text}\x1b[?2026l`)
    timer = closed ? undefined : setTimeout(draw, redrawIntervalMs)
    timer?.unref()
  }
  const touch = () => {
    if (!closed && now() - lastDrawn >= redrawIntervalMs) draw()
  }
  return {
    log: (lines) => {
      for (const line of lines) pending.push(line)
      if (closed) draw()
      else touch()
    },
    touch,
    close: () => {
      if (closed) return
      closed = true
      draw()
    }
  }
}

/** A terminal of unknown width reports 0. */
const columnsOf = (screen: Screen) => Math.max(20, screen.columns || 80)

const paintState = (style: Style, state: string): string =>
  (state === "running"
    ? style.cyan
    : state === "failed"
      ? style.red
      : state === "waiting"
        ? style.yellow
        : style.green)(state)

/** The table's lines: the running tasks, as many recently finished tasks as fit, and a summary. */
const rows = (screen: Screen, progress: Progress, style: Style, now: number): ReadonlyArray<string> => {
  const run = progress.run()
  if (run === undefined) return []
  const room = Math.max(3, Math.floor((screen.rows || 24) / 3))
  const [running, waiting] = [
    progress.running().filter((task) => !isWaiting(task)),
    progress.running().filter(isWaiting)
  ]
  const going = [...running, ...waiting]
  const shown = going.slice(0, room)
  const left = room - shown.length
  const tasks = left > 0 ? [...progress.finished().slice(-left), ...shown] : shown
  const cells = tasks.map((task) => {
    const flow = progress.childFlow(task.run)
    const state =
      task.how === "takenOver"
        ? "taken over"
        : task.how === "cached"
          ? "cached"
          : isWaiting(task)
            ? "waiting"
            : (task.status as string) // widened
    const attempts = task.attempts.length
    const size = task.outputs.reduce((sum, output) => sum + output.size, 0)
    return [
      `  ${style.label(flow === undefined ? task.id : `${flow}/${task.id}`)}`,
      paintState(style, state),
      attempts > 1 ? `attempt ${attempts}` : "",
      Units.duration((task.finishedAt ?? now) - beganAt(task)),
      task.status === "running" ? "" : Units.bytes(size)
    ]
  })
  const { failed, interrupted, succeeded, total } = progress.counts()
  const parts = [
    Units.plural(total, "task"),
    `${running.length} running`,
    ...(waiting.length > 0 ? [`${waiting.length} waiting`] : []),
    `${succeeded} succeeded`,
    ...(failed > 0 ? [style.red(`${failed} failed`)] : []),
    ...(interrupted > 0 ? [`${interrupted} interrupted`] : []),
    Units.duration(now - run.startedAt),
    Units.bytes(progress.bytes())
  ]
  const width = columnsOf(screen) - 1
  return [
    style.dim("─".repeat(Math.min(width, 60))),
    ...(cells.length === 0 ? [] : Text.columns(cells, new Set([3, 4])).split("\n")),
    ...(going.length > shown.length
      ? [`  … and ${going.length - shown.length} more${waiting.length > 0 ? "" : " running"}`]
      : []),
    `  ${parts.join(" · ")}`
  ].map((line) => (Text.width(line) <= width ? line : Text.fit(Text.uncoloured(line), width)))
}
