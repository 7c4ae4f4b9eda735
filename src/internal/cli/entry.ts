/**
 * Whether a call comes from the module that the process was started with. A flow file calls `FlowCli.main` at its end, and
 * is also imported: by tests, by worker threads that look for its steps, by `effect-flow --module`, by another flow. Only
 * the first of these may start a command line.
 *
 * Nobody hands `main` its caller, so it looks: the stack holds the file that called it. It stops at the first
 * module-loader frame: frames beyond it belong to modules that import this one.
 */
import { fileURLToPath } from "node:url"
import * as util from "node:util"
import { isMainThread } from "node:worker_threads"
import { canonical } from "./program.ts"

/** A file of a call site: a path, or a URL, to which loaders may have added a query. */
const toPath = (name: string): string | undefined => {
  if (!name.startsWith("file:")) return name.startsWith("node:") || name === "" ? undefined : name
  const [url] = name.split(/[?#]/)
  return fileURLToPath(url ?? name)
}

/**
 * Whether this call comes from the process's entry.
 *
 * @param module The calling module's `import.meta`, where it gave that; else the call stack is asked.
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
