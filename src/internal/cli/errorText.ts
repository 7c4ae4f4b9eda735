/** How an error that was recorded reads on a terminal: its message, or the stack of a defect, and its causes, a line each. */
import type { ErrorRecord } from "../../RunRecord.ts"
import * as Text from "../text.ts"

const named = ({ message, tag }: { readonly tag: string; readonly message: string }): string =>
  tag === "Error" || message.startsWith(tag) ? message : `${tag}: ${message}`

/** A line for each cause, the nearest first. */
export const causeLines = (error: ErrorRecord | undefined): ReadonlyArray<string> =>
  (error?.causes ?? []).map((cause) => `caused by ${Text.oneLine(Text.printable(named(cause)))}`)

/** An error in full. */
export const errorText = (error: ErrorRecord): string =>
  [Text.printable(Text.ownFrames(error.stack ?? error.message)), ...causeLines(error)].join("\n")
