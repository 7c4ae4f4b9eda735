/**
 * The page's ear: one stream of events for what is on the screen. It reconnects by itself, says whether it hears, and is
 * quiet while the page is hidden, so that many open tabs cost a browser's few connections and the server nothing.
 */
import { useEffect, useRef, useSyncExternalStore } from "react"
import type { LiveEvent } from "../internal/server/shapes.ts"

/** `lost` since when. */
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

/** The server sends something every five seconds. */
const silence = 12_000
const hiddenFor = 20_000

export interface Listener {
  /** The stream is open, again perhaps: what is on the screen may be old, so ask for it. */
  readonly onOpen: () => void
  readonly onEvent: (event: LiveEvent) => void
}

/** Listens to `/api/live`, or to a run's own stream, while the page is seen. */
export const useLive = (address: string | undefined, listener: Listener): void => {
  const latest = useRef(listener)
  latest.current = listener
  useEffect(() => {
    if (address === undefined) return
    let source: EventSource | undefined
    let retry: ReturnType<typeof setTimeout> | undefined
    let watchdog: ReturnType<typeof setTimeout> | undefined
    let hide: ReturnType<typeof setTimeout> | undefined
    let pause = 250
    let ended = false

    const close = () => {
      source?.close()
      source = undefined
      clearTimeout(retry)
      clearTimeout(watchdog)
    }
    const lose = () => {
      close()
      if (ended) return
      setConnection({ state: "lost", since: Date.now() })
      retry = setTimeout(open, pause)
      pause = Math.min(pause * 2, 4000)
    }
    const hear = () => {
      clearTimeout(watchdog)
      watchdog = setTimeout(lose, silence)
    }
    const open = () => {
      close()
      const opened = new EventSource(address)
      source = opened
      opened.onopen = () => {
        pause = 250
        setConnection({ state: "open" })
        hear()
        latest.current.onOpen()
      }
      opened.onmessage = (message) => {
        hear()
        const event: LiveEvent = JSON.parse(message.data)
        if (event._tag !== "Beat") latest.current.onEvent(event)
      }
      opened.onerror = lose
      watchdog = setTimeout(lose, silence)
    }
    const onVisibility = () => {
      clearTimeout(hide)
      if (document.hidden) hide = setTimeout(close, hiddenFor)
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
