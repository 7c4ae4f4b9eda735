/** Renders a recorded error for a terminal: its message, or the stack of a defect, and one line for each cause. */
import type { ErrorRecord } from "../../RunRecord.ts"
import * as Text from "../text.ts"

const nameAndMessage = ({ message, tag }: { readonly tag: string; readonly message: string }): string =>
  tag === "Error" || message.startsWith(tag) ? message : `${tag}: ${message}`

/** One line for each cause, the direct cause first. */
export const causeLines = (error: ErrorRecord | undefined): ReadonlyArray<string> =>
  (error?.causes ?? []).map((cause) => `caused by ${Text.oneLine(Text.printable(nameAndMessage(cause)))}`)

/** The error with its causes. */
export const errorText = (error: ErrorRecord): string =>
  [Text.printable(Text.ownFrames(error.stack ?? error.message)), ...causeLines(error)].join("\n")
