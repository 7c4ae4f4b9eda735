/**
 * Reconstructs how this program was started, so that messages can suggest complete commands such as
 * `npx tsx examples/branch.ts resume 01k9…`.
 */
import { realpathSync } from "node:fs"
import { basename, relative } from "node:path"

/** Quotes a word for a shell, if necessary. */
export const quote = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`

/** The command that starts this program, without verbs and flags. */
export const invocation = (options: {
  readonly argv: ReadonlyArray<string>
  readonly execArgv: ReadonlyArray<string>
  readonly cwd: string
  readonly bin: boolean
}): string => {
  if (options.bin) return "npx effect-flow"
  const script = options.argv[1] ?? ""
  const path = relative(options.cwd, script)
  const shown = quote(path === "" || path.startsWith("..") ? script : path)
  return options.execArgv.some((word) => /[\\/]tsx[\\/]|^tsx$/.test(word)) ? `npx tsx ${shown}` : `node ${shown}`
}

/** The program's name in help: the script's file name. */
export const nameOf = (argv: ReadonlyArray<string>, bin: boolean): string =>
  bin ? "effect-flow" : basename(argv[1] ?? "flow")

/** A path without links and extension. It identifies a module however it was named. */
export const canonical = (path: string): string => {
  try {
    return strip(realpathSync(path))
  } catch {
    return strip(path) // the script was named without its extension
  }
}

const strip = (path: string) => path.replace(/\.[cm]?[jt]sx?$/, "")
