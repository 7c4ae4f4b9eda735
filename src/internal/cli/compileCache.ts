/**
 * Keeps compiled code from one start of a command line to the next: the library's own and TensorFlow.js's, which take a
 * tenth of a second to compile. It counts for what is loaded afterwards. Node keeps the code where it would with
 * `NODE_COMPILE_CACHE=1`, in the directory for temporary files, and goes without what is damaged or can't be written.
 */
import { mkdirSync } from "node:fs"
import * as Module from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Turns the cache on, unless code coverage is being measured, which would be blurred. */
export const keepCompiledCode = (): void => {
  if (process.env.NODE_V8_COVERAGE !== undefined) return
  const directory = join(tmpdir(), "node-compile-cache")
  try {
    mkdirSync(directory) // in some directories that can't be written, Node would try forever
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") return
  }
  Module.enableCompileCache?.(directory)
}
