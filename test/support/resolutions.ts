/**
 * Remembers where Node found the modules that the processes of a test run import. The tests start about a hundred
 * processes and as many threads, each of them imports five hundred modules, and finding these took a third of the time
 * until they were loaded. Processes and threads import this file first (`NODE_OPTIONS`, set by `sharedServer.ts`), read
 * what was found so far, and add what they had to look for. What is imported is the same: modules, their addresses and
 * their order.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs"
import { registerHooks } from "node:module"
import { isMainThread, threadId } from "node:worker_threads"

/** `NODE_OPTIONS` for a process under tsx, whose own hooks depend on being the first. */
export const optionsForTsx = (process.env.NODE_OPTIONS ?? "").replace(/--import=\S*resolutions\.ts/, "").trim()

/** By the module that imports and by what it imports: the path and the format of what was found. Paths are below `root`. */
type Resolutions = Record<string, Record<string, readonly [path: string, format: string]>>

// What lies elsewhere may come and go during a run.
const root = new URL("../../", import.meta.url).href

/** So long after the last module that had to be looked for, what was found is written: a process may be killed. */
const quietMs = 300

/** A flag, and where it says so in the next word, its value. */
const flags = process.execArgv.map((word, index, words) =>
  /^--?\w[^=]*$/.test(word) ? `${word}=${words[index + 1]}` : word
)

/** The conditions of exports, besides those of `NODE_OPTIONS`: under others, others are found. */
const conditions = flags.flatMap((flag) => /^(?:--conditions|-C)=(.*)$/.exec(flag)?.[1] ?? [])

/**
 * Whether a flag changes what modules become, as tsx's do. A thread of a test worker has that worker's flags, and one of
 * them hides warnings.
 */
const isLoading = (flag: string) =>
  /^(?:--import|--require|-r|--loader|--experimental-loader)\b/.test(flag) &&
  (isMainThread || !flag.endsWith("/vitest/suppress-warnings.cjs"))

const shared = process.env.EFFECT_FLOW_TEST_RESOLUTIONS
const file = shared === undefined || shared === "" ? undefined : [shared, ...conditions].join("-")

const read = (path: string): Resolutions => {
  try {
    return JSON.parse(readFileSync(path, "utf8"))
  } catch {
    return {} // none was written yet, or this process may not read it
  }
}

/** Adds to what other processes have written since this one read it. */
const write = (path: string, found: Resolutions): void => {
  const all = read(path)
  for (const [parent, ofParent] of Object.entries(found)) all[parent] = { ...all[parent], ...ofParent }
  const whole = `${path}.${process.pid}.${threadId}`
  try {
    writeFileSync(whole, JSON.stringify(all))
    renameSync(whole, path)
  } catch {
    // The run's folder is gone, or this process may not write to it.
  }
}

/** From now on, answers imports from what was found before, ahead of hooks that others have registered. */
export const remember = (): void => {
  if (file === undefined) return
  const resolutions = read(file)
  let found: Resolutions = {}
  let timer: NodeJS.Timeout | undefined
  const save = () => {
    if (Object.keys(found).length > 0) write(file, found)
    found = {}
  }
  registerHooks({
    resolve: (specifier, context, next) => {
      const { conditions, parentURL } = context
      if (!parentURL?.startsWith(root) || specifier.startsWith("node:") || conditions.includes("require")) {
        return next(specifier, context)
      }
      const parent = parentURL.slice(root.length)
      const remembered = resolutions[parent]?.[specifier]
      if (remembered !== undefined) return { url: root + remembered[0], format: remembered[1], shortCircuit: true }
      const resolved = next(specifier, context)
      const { format, url } = resolved
      if (typeof format === "string" && url.startsWith(root)) {
        found[parent] = { ...found[parent], [specifier]: [url.slice(root.length), format] }
        timer ??= setTimeout(save, quietMs).unref()
        timer.refresh()
      }
      return resolved
    }
  })
  process.once("exit", save)
}

if (!flags.some(isLoading)) remember()
