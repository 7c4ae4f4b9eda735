/**
 * Where the package's own files are: the program of a worker thread, the built page. They are found from this module, or
 * from the chunk that has it: chunks lie in `dist/node/internal`, with the programs below them. In an application's bundle
 * they are not there.
 */

/** The address of this file, or of the chunk or bundle that has it. Undefined in a bundle that is CommonJS. */
export const self: string | undefined = import.meta.url

/** Whether this is the source, and not a build of it. */
const isSource = self?.endsWith(".ts") === true

/** Whether this is the chunk that Node loads: not the source, and not an application's bundle. */
export const isChunk: boolean = self?.endsWith("/dist/node/internal/library.js") === true

const at = (path: string): URL => {
  if (self === undefined) throw new Error(`effect-flow is part of a CommonJS bundle, which does not have ${path}`)
  return new URL(path, self)
}

/**
 * The address of a program of the package, which runs in a thread or process of its own. In a bundle there is no such
 * file; if the bundle is CommonJS, this throws.
 *
 * @param module A module of `src/internal`, without its extension: `workers/thread/worker`.
 */
export const programAt = (module: string): URL => at(`./${module}${isSource ? ".ts" : ".js"}`)

/** The address of the directory with the built page. Fails like `programAt`. */
export const pageDirectory = (): URL => at(isSource ? "../../dist/ui/" : isChunk ? "../../ui/" : "../ui/")
