/**
 * Remembers where Node found the modules that the processes of a test run import. The tests start about a hundred
 * processes and threads, each of them imports five hundred modules, and finding these took a third of the time until they
 * were loaded. Processes import this file first (`NODE_OPTIONS`, set by `sharedServer.ts`), read what was found so far, and
 * add what they had to look for. What is imported is the same: modules, their addresses and their order.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs"
import { registerHooks } from "node:module"
import { threadId } from "node:worker_threads"

/** `NODE_OPTIONS` for a process under tsx, whose own hooks depend on being the first. */
export const optionsForTsx = (process.env.NODE_OPTIONS ?? "").replace(/--import=\S*resolutions\.ts/, "").trim()

/** By the module that imports and by what it imports: the address and the format of what was found. */
type Resolutions = Record<string, Record<string, readonly [url: string, format: string]>>

const file = process.env.EFFECT_FLOW_TEST_RESOLUTIONS
// What lies elsewhere may come and go during a run.
const root = new URL("../../", import.meta.url).href

/** Whether a flag changes where modules are found, or what they become: tsx's does, for example. */
const isLoading = (flag: string) =>
  /^(?:--import|--require|-r|--loader|--experimental-loader|--conditions|-C)\b/.test(flag)

const read = (path: string): Resolutions => {
  try {
    return JSON.parse(readFileSync(path, "utf8"))
  } catch {
    return {} // none was written yet, or this process may not read it
  }
}

if (file !== undefined && !process.execArgv.some(isLoading)) {
  const resolutions = read(file)
  let isNew = false
  registerHooks({
    resolve: (specifier, context, next) => {
      const { conditions, parentURL } = context
      if (parentURL === undefined || specifier.startsWith("node:") || conditions.includes("require")) {
        return next(specifier, context)
      }
      const remembered = resolutions[parentURL]?.[specifier]
      if (remembered !== undefined) return { url: remembered[0], format: remembered[1], shortCircuit: true }
      const resolved = next(specifier, context)
      const { format, url } = resolved
      if (typeof format === "string" && url.startsWith(root) && parentURL.startsWith(root)) {
        const ofParent = resolutions[parentURL] ?? {}
        ofParent[specifier] = [url, format]
        resolutions[parentURL] = ofParent
        isNew = true
      }
      return resolved
    }
  })
  process.once("exit", () => {
    if (!isNew) return
    const whole = `${file}.${process.pid}.${threadId}`
    try {
      writeFileSync(whole, JSON.stringify(resolutions))
      renameSync(whole, file)
    } catch {
      // The run's folder is gone, or this process may not write to it.
    }
  })
}
