/**
 * Node's own SQLite, loaded when a store is opened and not before. Releases in which it is still experimental say so on
 * stderr when it is loaded; that one warning is left out, every other goes its way.
 */
import type * as Sqlite from "node:sqlite"

/** The module, or none where this Node has none. */
export const load = (): typeof Sqlite | undefined => {
  const emitWarning = process.emitWarning
  process.emitWarning = function (this: unknown, ...args: ReadonlyArray<unknown>) {
    if (String(args[0]).includes("SQLite is an experimental feature")) return
    return Reflect.apply(emitWarning, process, args)
  } as typeof process.emitWarning // an overloaded function can't be written as one expression
  try {
    return process.getBuiltinModule("node:sqlite")
  } finally {
    process.emitWarning = emitWarning
  }
}
