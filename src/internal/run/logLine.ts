/** The text that is stored for a log message: the message, its annotations and log spans, and its cause. */
import { inspect } from "node:util"
import * as Cause from "effect/Cause"
import type * as Fiber from "effect/Fiber"
import * as References from "effect/References"

/** The options of a logger that are used. */
interface Logged {
  readonly message: unknown
  readonly cause: Cause.Cause<unknown>
  readonly date: Date
  readonly fiber: Fiber.Fiber<unknown, unknown>
}

/** A message and its cause as text. */
export const format = (message: unknown, cause: Cause.Cause<unknown>): string => withCause(messageText(message), cause)

/** The text of a line, with annotations and log spans: `loaded tenant=acme load=12ms`. */
export const lineText = ({ cause, date, fiber, message }: Logged): string => {
  const words = [messageText(message)]
  for (const [name, value] of Object.entries(fiber.getRef(References.CurrentLogAnnotations))) {
    // The library's own annotations are left out, because the line is stored with its run and task.
    if (name !== "run" && name !== "task") words.push(`${name}=${valueText(value)}`)
  }
  for (const [label, startedAt] of fiber.getRef(References.CurrentLogSpans)) {
    words.push(`${label.replaceAll(/\s+/g, "_")}=${date.getTime() - startedAt}ms`)
  }
  return withCause(words.filter((word) => word !== "").join(" "), cause)
}

const messageText = (message: unknown): string =>
  (Array.isArray(message) ? message : [message])
    .map((part) => (typeof part === "string" ? part : inspect(part, { depth: 4, breakLength: 120 })))
    .join(" ")

const valueText = (value: unknown): string => {
  if (typeof value !== "string") return inspect(value, { depth: 2, breakLength: Number.POSITIVE_INFINITY })
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
}

const withCause = (text: string, cause: Cause.Cause<unknown>): string =>
  cause.reasons.length === 0 ? text : `${text}${text === "" ? "" : "\n"}${Cause.pretty(cause)}`
