/** A log in memory: its lines in order, filters, and search. */
import type { LogView } from "../../internal/server/shapes.ts"
import * as Ansi from "./ansi.ts"

export const levels = ["Trace", "Debug", "Info", "Warn", "Error", "Fatal"] as const

/** The rank of a level. Unknown levels are treated as Info. */
export const rank = (level: string): number => {
  const at = levels.findIndex((candidate) => candidate.toLowerCase() === level.toLowerCase())
  return at === -1 ? 2 : at
}

/** The number of lines that a page keeps, to bound the browser's memory. */
export const linesLimit = 500_000

const stripped = new WeakMap<LogView, string>()

/** A line's text as a terminal shows it. */
export const textOf = (line: LogView): string => {
  if (!Ansi.hasControls(line.message)) return line.message
  const earlier = stripped.get(line)
  if (earlier !== undefined) return earlier
  const text = Ansi.strip(line.message)
  stripped.set(line, text)
  return text
}

/** The indices of the lines that pass the filters. `task` is a task's id, or a step's name for all of its tasks. */
export const shownLines = (
  lines: ReadonlyArray<LogView>,
  minRank: number,
  attempt: number | undefined,
  filter: string,
  task = ""
): ReadonlyArray<number> => {
  const indices: Array<number> = []
  const wanted = filter.toLowerCase()
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]
    if (line === undefined || rank(line.level) < minRank) continue
    if (attempt !== undefined && line.attempt !== attempt) continue
    if (task !== "" && line.task !== task && !line.task.startsWith(`${task}/`)) continue
    if (wanted !== "" && !textOf(line).toLowerCase().includes(wanted)) continue
    indices.push(i)
  }
  return indices
}

/** The positions among the shown lines at which a text occurs. */
export const hits = (
  lines: ReadonlyArray<LogView>,
  shown: ReadonlyArray<number>,
  text: string
): ReadonlyArray<number> => {
  if (text === "") return []
  const wanted = text.toLowerCase()
  const positions: Array<number> = []
  for (let i = 0; i < shown.length; i++) {
    const line = lines[shown[i] ?? -1]
    if (line !== undefined && textOf(line).toLowerCase().includes(wanted)) positions.push(i)
  }
  return positions
}

/** A line as it is copied. */
export const lineText = (line: LogView): string =>
  `${new Date(line.at).toISOString()} ${line.level.toUpperCase().padEnd(5)} ${line.task === "" ? "flow" : line.task} ${textOf(line)}`

/** Splits a message at the search text: every other piece is a match. */
export const pieces = (message: string, text: string): ReadonlyArray<string> => {
  if (text === "") return [message]
  const lower = message.toLowerCase()
  const wanted = text.toLowerCase()
  // Some letters change their length with their case. Then positions can't be mapped back, so nothing is marked.
  if (lower.length !== message.length) return [message]
  const parts: Array<string> = []
  let at = 0
  for (;;) {
    const next = lower.indexOf(wanted, at)
    if (next === -1) break
    parts.push(message.slice(at, next), message.slice(next, next + wanted.length))
    at = next + wanted.length
  }
  parts.push(message.slice(at))
  return parts
}
