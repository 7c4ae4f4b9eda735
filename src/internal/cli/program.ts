/**
 * How this program was started, so that what it prints can be typed: `npx tsx examples/branch.ts resume 01k9…` says more
 * than "resume it".
 */
import { realpathSync } from "node:fs"
import { basename, relative } from "node:path"

/** Quotes a word for a shell, where it needs that. */
export const quote = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`

/** The words that start this program, as the user would type them, without verbs and flags. */
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

/** The name under which help is shown: the script's file name. */
export const nameOf = (argv: ReadonlyArray<string>, bin: boolean): string =>
  bin ? "effect-flow" : basename(argv[1] ?? "flow")

/** A path without its extension and without links: what tells a module from another, however it was named. */
export const canonical = (path: string): string => {
  try {
    return strip(realpathSync(path))
  } catch {
    return strip(path) // started without its extension, which the module's own name has
  }
}

const strip = (path: string) => path.replace(/\.[cm]?[jt]sx?$/, "")
