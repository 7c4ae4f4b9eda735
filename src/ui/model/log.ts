/** A log in memory: lines in order, which of them are shown, and where a search finds something. */
import type { LogView } from "../../internal/server/shapes.ts"

export const levels = ["Trace", "Debug", "Info", "Warn", "Error", "Fatal"] as const

/** Where a level is among the others; an unknown one is shown like information. */
export const rank = (level: string): number => {
  const at = levels.findIndex((known) => known.toLowerCase() === level.toLowerCase())
  return at === -1 ? 2 : at
}

/** Beyond this a page would hold more than a browser should. */
export const most = 500_000

/** Indices of the lines that are shown. */
export const shownLines = (
  lines: ReadonlyArray<LogView>,
  least: number,
  attempt: number | undefined,
  only: string
): ReadonlyArray<number> => {
  const found: Array<number> = []
  const wanted = only.toLowerCase()
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]
    if (line === undefined || rank(line.level) < least) continue
    if (attempt !== undefined && line.attempt !== attempt) continue
    if (wanted !== "" && !line.message.toLowerCase().includes(wanted)) continue
    found.push(i)
  }
  return found
}

/** Places among the shown lines where a text occurs. */
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

/** A message in pieces, every other of which is what was searched for. */
export const pieces = (message: string, text: string): ReadonlyArray<string> => {
  if (text === "") return [message]
  const lower = message.toLowerCase()
  const wanted = text.toLowerCase()
  // Some letters change their length with their case; their places can't be told then.
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
