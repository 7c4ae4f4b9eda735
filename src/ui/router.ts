/** Maps addresses to routes and back. Every view has its own address, so that it can be shared. */
import { type MouseEvent, useCallback, useMemo, useSyncExternalStore } from "react"
import * as Scroll from "./scroll.ts"

export type Route =
  | { readonly view: "runs" }
  | { readonly view: "run"; readonly run: string }
  | { readonly view: "task"; readonly run: string; readonly step: string; readonly index: string }
  | {
      readonly view: "artifact"
      readonly digest?: string
      readonly of?: { readonly run: string; readonly step: string; readonly index: string; readonly name: string }
    }
  | { readonly view: "compare"; readonly left: string; readonly right: string }
  | { readonly view: "workers" }
  | { readonly view: "missing"; readonly path: string }

const path = (...parts: ReadonlyArray<string>): string => `/${parts.map(encodeURIComponent).join("/")}`

export const toRuns = (): string => "/"
export const toWorkers = (): string => "/workers"
export const toRun = (run: string): string => path("runs", run)
/** `task` is an id within the run, `train/3`. */
export const toTask = (run: string, task: string): string => path("runs", run, ...splitTask(task))
export const toArtifact = (digest: string): string => path("artifacts", digest)
export const toArtifactOf = (run: string, task: string, name: string): string =>
  path("runs", run, ...splitTask(task), name)
export const toCompare = (left: string, right: string): string => path("compare", left, right)

/** `RUN/train/3`, the form in which refs name their writers. */
export const toWriter = (writer: string): string => {
  const [run = "", ...rest] = writer.split("/")
  return toTask(run, rest.join("/"))
}

/** A step's name may contain slashes. The number after the last one is the task's. */
export const splitTask = (task: string): readonly [step: string, index: string] => {
  const at = task.lastIndexOf("/")
  return [task.slice(0, at), task.slice(at + 1)]
}

export const parse = (pathname: string): Route => {
  const missing: Route = { view: "missing", path: pathname }
  let parts: ReadonlyArray<string>
  try {
    parts = pathname.split("/").filter(Boolean).map(decodeURIComponent)
  } catch {
    return missing
  }
  const [first, a, b, c, d] = parts
  if (first === undefined || (first === "runs" && a === undefined)) return { view: "runs" }
  if (first === "runs" && a !== undefined) {
    if (b === undefined) return { view: "run", run: a }
    if (c !== undefined && d === undefined) return { view: "task", run: a, step: b, index: c }
    if (c !== undefined && d !== undefined && parts.length === 5) {
      return { view: "artifact", of: { run: a, step: b, index: c, name: d } }
    }
  }
  if (first === "artifacts" && a !== undefined && parts.length === 2) return { view: "artifact", digest: a }
  if (first === "compare" && a !== undefined && b !== undefined && parts.length === 3) {
    return { view: "compare", left: a, right: b }
  }
  if (first === "workers" && a === undefined) return { view: "workers" }
  return missing
}

const listeners = new Set<() => void>()
const subscribe = (listener: () => void) => {
  listeners.add(listener)
  window.addEventListener("popstate", listener)
  return () => {
    listeners.delete(listener)
    window.removeEventListener("popstate", listener)
  }
}

export const navigate = (url: string, options?: { readonly replace?: boolean }): void => {
  if (options?.replace) history.replaceState(history.state, "", url)
  else {
    Scroll.remember()
    history.pushState(null, "", url)
    Scroll.reset()
  }
  for (const listener of listeners) listener()
}

export const useAddress = (): string => useSyncExternalStore(subscribe, () => location.pathname + location.search)

/** A query parameter of the address, and a function that sets it. */
export const useParameter = (name: string): readonly [string | undefined, (value: string | undefined) => void] => {
  const address = useAddress()
  const value = new URLSearchParams(address.split("?")[1] ?? "").get(name) ?? undefined
  const set = useCallback((next: string | undefined) => setParameters({ [name]: next }), [name])
  return [value, set]
}

/** The current address with other parameters. */
export const addressWith = (changes: Readonly<Record<string, string | undefined>>): string => {
  const query = new URLSearchParams(location.search)
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === "") query.delete(name)
    else query.set(name, value)
  }
  const text = query.toString()
  return location.pathname + (text === "" ? "" : `?${text}`) + location.hash
}

export const setParameters = (changes: Readonly<Record<string, string | undefined>>): void =>
  navigate(addressWith(changes), { replace: true })

/** A query parameter that is a set of names, and a function that adds or removes one. */
export const useNames = (name: string): readonly [ReadonlySet<string>, (one: string) => void] => {
  const [text] = useParameter(name)
  const names = useMemo(() => new Set((text ?? "").split(",").filter(Boolean).map(decode)), [text])
  const toggle = useCallback(
    (one: string) => {
      const next = new Set((new URLSearchParams(location.search).get(name) ?? "").split(",").filter(Boolean))
      const word = encodeURIComponent(one)
      if (!next.delete(word)) next.add(word)
      setParameters({ [name]: [...next].join(",") })
    },
    [name]
  )
  return [names, toggle]
}

const decode = (word: string): string => {
  try {
    return decodeURIComponent(word)
  } catch {
    return word
  }
}

/** Follows a link within the page. Clicks that open a new tab are left to the browser. */
export const follow = (event: MouseEvent<HTMLAnchorElement>): void => {
  if (event.defaultPrevented || event.button !== 0) return
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  event.preventDefault()
  const { hash, pathname, search } = event.currentTarget
  navigate(pathname + search + hash)
}
