/** A log in memory: its lines in order, filters, and search. */
import type { LogView } from "../../internal/server/shapes.ts"

export const levels = ["Trace", "Debug", "Info", "Warn", "Error", "Fatal"] as const

/** The rank of a level. Unknown levels are treated as Info. */
export const rank = (level: string): number => {
  const at = levels.findIndex((known) => known.toLowerCase() === level.toLowerCase())
  return at === -1 ? 2 : at
}

/** The number of lines that a page keeps, to bound the browser's memory. */
export const linesLimit = 500_000

/** The indices of the lines that pass the filters. */
export const shownLines = (
  lines: ReadonlyArray<LogView>,
  minRank: number,
  attempt: number | undefined,
  filter: string
): ReadonlyArray<number> => {
  const found: Array<number> = []
  const wanted = filter.toLowerCase()
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]
    if (line === undefined || rank(line.level) < minRank) continue
    if (attempt !== undefined && line.attempt !== attempt) continue
    if (wanted !== "" && !line.message.toLowerCase().includes(wanted)) continue
    found.push(i)
  }
  return found
}

/** The positions among the shown lines at which a text occurs. */
export const hits = (
  lines: ReadonlyArray<LogView>,
  shown: ReadonlyArray<number>,
  text: string
): ReadonlyArray<number> => {
  if (text === "") return []
  const wanted = text.toLowerCase()
  const found: Array<number> = []
  for (let i = 0; i < shown.length; i++) {
    if (lines[shown[i] ?? -1]?.message.toLowerCase().includes(wanted)) found.push(i)
  }
  return found
}

/** Splits a message at the search text: every other piece is a match. */
export const pieces = (message: string, text: string): ReadonlyArray<string> => {
  if (text === "") return [message]
  const lower = message.toLowerCase()
  const wanted = text.toLowerCase()
  // Some letters change their length with their case. Then positions can't be mapped back, so nothing is marked.
  if (lower.length !== message.length) return [message]
  const found: Array<string> = []
  let at = 0
  for (;;) {
    const next = lower.indexOf(wanted, at)
    if (next === -1) break
    found.push(message.slice(at, next), message.slice(next, next + wanted.length))
    at = next + wanted.length
  }
  found.push(message.slice(at))
  return found
}
