/**
 * Live events for the views of this tab, over the hub that all tabs share. A tab that is hidden for a while leaves the
 * hub, so that it costs neither the browser's few connections nor the server's time.
 */
import { useEffect, useRef, useSyncExternalStore } from "react"
import type { LiveEvent } from "../internal/server/shapes.ts"
import { type Connection, type FromTab, hereIntervalMs, makeHub, type ToTab } from "./live/hub.ts"

/** The channel of the list of runs. Each run has a channel named by its id. */
export const allRuns = "*"

const leaveHiddenAfterMs = 5000

export interface Listener {
  /** From now on events arrive. The data on the screen may be stale and should be reloaded. */
  readonly onOpen: () => void
  readonly onEvent: (event: LiveEvent) => void
}

let connection: Connection = { state: "idle" }
const connectionListeners = new Set<() => void>()
const listeners = new Map<string, Set<{ readonly current: Listener }>>()

const take = (message: ToTab): void => {
  switch (message._tag) {
    case "Connection":
      connection = message.connection
      for (const listener of [...connectionListeners]) listener()
      return
    case "Opened":
      for (const channel of message.channels) {
        for (const listener of [...(listeners.get(channel) ?? [])]) listener.current.onOpen()
      }
      return
    case "Event":
      for (const listener of [...(listeners.get(message.channel) ?? [])]) listener.current.onEvent(message.event)
  }
}

/** Connects to the shared hub. Where there are no shared workers, this tab has a hub of its own. */
const attach = (): ((message: FromTab) => void) => {
  if (typeof SharedWorker === "undefined") return makeHub()(take)
  const worker = new SharedWorker(new URL("./live/hub.worker.ts", import.meta.url), { type: "module" })
  let send = (message: FromTab) => worker.port.postMessage(message)
  worker.onerror = () => {
    send = makeHub()(take)
    update()
  }
  worker.port.onmessage = ({ data }: MessageEvent<ToTab>) => take(data)
  return (message) => send(message)
}

let toHub: ((message: FromTab) => void) | undefined
let hasLeft = false
let isScheduled = false
let leaving: ReturnType<typeof setTimeout> | undefined

/** Tells the hub what this tab listens to, once for several changes. */
const update = (): void => {
  if (isScheduled) return
  isScheduled = true
  queueMicrotask(() => {
    isScheduled = false
    if (!hasLeft) toHub?.({ _tag: "Listen", channels: [...listeners.keys()] })
  })
}

const leave = (): void => {
  hasLeft = true
  toHub?.({ _tag: "Leave" })
}

const comeBack = (): void => {
  clearTimeout(leaving)
  hasLeft = false
  update()
}

/** Starts listening for this tab. Called once, when the page starts. */
export const startLive = (): void => {
  toHub = attach()
  const onVisibility = () => {
    if (document.hidden) leaving = setTimeout(leave, leaveHiddenAfterMs)
    else comeBack()
  }
  document.addEventListener("visibilitychange", onVisibility)
  window.addEventListener("pagehide", leave)
  window.addEventListener("pageshow", comeBack)
  setInterval(update, hereIntervalMs)
  if (document.hidden) onVisibility()
  update()
}

const subscribe = (listener: () => void): (() => void) => {
  connectionListeners.add(listener)
  return () => connectionListeners.delete(listener)
}

export const useConnection = (): Connection => useSyncExternalStore(subscribe, () => connection)

/** Calls back whenever the server can be reached again. */
export const onConnected = (act: () => void): (() => void) => {
  let before = connection.state
  return subscribe(() => {
    const isBack = connection.state === "open" && before === "lost"
    before = connection.state
    if (isBack) act()
  })
}

/** Listens to a run's channel, or to `allRuns`. */
export const useLive = (channel: string | undefined, listener: Listener): void => {
  const latest = useRef(listener)
  latest.current = listener
  useEffect(() => {
    if (channel === undefined) return
    const others = listeners.get(channel) ?? new Set()
    listeners.set(channel, others)
    others.add(latest)
    update()
    return () => {
      others.delete(latest)
      if (others.size === 0) listeners.delete(channel)
      update()
    }
  }, [channel])
}
