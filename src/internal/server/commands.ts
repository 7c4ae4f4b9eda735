/**
 * The command lines that the page shows for a run. Verbs that read work for every flow. Resuming needs the program that
 * runs the flow: the command line records it in the run's system tags, and the server's own may be it.
 */
import { resolve } from "node:path"
import type { RunRecord } from "../../RunRecord.ts"
import { directoryTag, programTag } from "../run/systemTags.ts"
import type { Commands } from "./shapes.ts"

/** What the server knows about command lines. */
export interface CommandLine {
  /** The command line for the store: a program, and the flags that select the store. */
  readonly command: string
  /** The flow that the program runs. Absent for the package's own command line. */
  readonly flow?: string
  /** The flags that select the store, from any directory. */
  readonly storeFlags?: string
}

const quote = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)

const join = (...words: ReadonlyArray<string | undefined>): string =>
  words.filter((word) => word !== undefined && word !== "").join(" ")

/** The command lines for a run. */
export const of = (line: CommandLine, run: RunRecord): Commands => {
  // A flow's own command line finds runs of other flows only by ids that the library made.
  const read =
    line.flow === undefined || line.flow === run.flow ? line.command : join("npx effect-flow", line.storeFlags)
  const program = run.systemTags[programTag]
  const directory = run.systemTags[directoryTag]
  if (line.flow === run.flow) return { read, resume: line.command }
  if (program === undefined || run.parent !== undefined) return { read }
  const isElsewhere = directory !== undefined && resolve(directory) !== process.cwd()
  const resume = join(program, line.storeFlags)
  return { read, resume: isElsewhere ? `cd ${quote(directory)} && ${resume}` : resume }
}
