/**
 * One stream of live events for the current view. It reconnects automatically, reports the connection's state, and
 * closes while the page is hidden, so that many open tabs use neither the browser's few connections nor the server.
 */
import { useEffect, useRef, useSyncExternalStore } from "react"
import type { LiveEvent } from "../internal/server/shapes.ts"

/** `since`: when the connection was lost. */
export type Connection = { readonly state: "idle" | "open" } | { readonly state: "lost"; readonly since: number }

let connection: Connection = { state: "idle" }
const listeners = new Set<() => void>()
const setConnection = (next: Connection): void => {
  if (next.state === connection.state) return
  connection = next
  for (const listener of listeners) listener()
}

export const useConnection = (): Connection =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => connection
  )

/** The server sends an event at least every five seconds, so a longer silence means that the connection is lost. */
const silenceLimitMs = 12_000
const closeHiddenAfterMs = 20_000

export interface Listener {
  /** The stream was opened or reopened. The data on the screen may be stale and should be reloaded. */
  readonly onOpen: () => void
  readonly onEvent: (event: LiveEvent) => void
}

/** Listens to `/api/live`, or to a run's own stream, while the page is visible. */
export const useLive = (address: string | undefined, listener: Listener): void => {
  const latest = useRef(listener)
  latest.current = listener
  useEffect(() => {
    if (address === undefined) return
    let source: EventSource | undefined
    let retry: ReturnType<typeof setTimeout> | undefined
    let watchdog: ReturnType<typeof setTimeout> | undefined
    let hide: ReturnType<typeof setTimeout> | undefined
    let retryDelayMs = 250
    let ended = false

    const close = () => {
      source?.close()
      source = undefined
      clearTimeout(retry)
      clearTimeout(watchdog)
    }
    const reconnect = () => {
      close()
      if (ended) return
      setConnection({ state: "lost", since: Date.now() })
      retry = setTimeout(open, retryDelayMs)
      retryDelayMs = Math.min(retryDelayMs * 2, 4000)
    }
    const resetWatchdog = () => {
      clearTimeout(watchdog)
      watchdog = setTimeout(reconnect, silenceLimitMs)
    }
    const open = () => {
      close()
      const opened = new EventSource(address)
      source = opened
      opened.onopen = () => {
        retryDelayMs = 250
        setConnection({ state: "open" })
        resetWatchdog()
        latest.current.onOpen()
      }
      opened.onmessage = (message) => {
        resetWatchdog()
        const event: LiveEvent = JSON.parse(message.data)
        if (event._tag !== "Beat") latest.current.onEvent(event)
      }
      opened.onerror = reconnect
      watchdog = setTimeout(reconnect, silenceLimitMs)
    }
    const onVisibility = () => {
      clearTimeout(hide)
      if (document.hidden) hide = setTimeout(close, closeHiddenAfterMs)
      else if (source === undefined) open()
    }

    open()
    document.addEventListener("visibilitychange", onVisibility)
    return () => {
      ended = true
      clearTimeout(hide)
      close()
      setConnection({ state: "idle" })
      document.removeEventListener("visibilitychange", onVisibility)
    }
  }, [address])
}
