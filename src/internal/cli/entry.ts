/**
 * Tells whether a call comes from the module that the process was started with. A flow file calls `FlowCli.main` at its
 * end, but it is also imported: by tests, by worker threads that load its steps, by `effect-flow --module`, by other
 * flows. Only the file that was started may start a command line.
 *
 * `main` finds its caller on the call stack. It stops at the first module-loader frame: frames beyond it belong to
 * modules that import this one.
 */
import { fileURLToPath } from "node:url"
import * as util from "node:util"
import { isMainThread } from "node:worker_threads"
import { canonical } from "./program.ts"

/** The path of a call site's file: a path, or a URL to which loaders may have added a query. */
const toPath = (name: string): string | undefined => {
  if (!name.startsWith("file:")) return name.startsWith("node:") || name === "" ? undefined : name
  const [url] = name.split(/[?#]/)
  return fileURLToPath(url ?? name)
}

/**
 * Whether this call comes from the process's entry module.
 *
 * @param module The calling module's `import.meta`. Without it, the caller is found on the call stack.
 */
export const isEntry = (entry: string | undefined, module?: { readonly url: string }): boolean => {
  if (!isMainThread || entry === undefined) return false
  const wanted = canonical(entry)
  if (module !== undefined) return canonical(toPath(module.url) ?? "") === wanted
  for (const { scriptName } of util.getCallSites(64)) {
    if (scriptName.startsWith("node:internal/modules/")) return false
    const path = toPath(scriptName)
    if (path !== undefined && canonical(path) === wanted) return true
  }
  return false
}
