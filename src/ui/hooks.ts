/** React hooks that several views share. */
import { useEffect, useRef, useState, useSyncExternalStore } from "react"

let now = Date.now()
let timer: ReturnType<typeof setInterval> | undefined
const waiting = new Set<() => void>()

const tick = (listener: () => void) => {
  waiting.add(listener)
  timer ??= setInterval(() => {
    now = Date.now()
    for (const notify of waiting) notify()
  }, 1000)
  return () => {
    waiting.delete(listener)
    if (waiting.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}
const neverTick = () => () => {}

/** The current time, updated once a second by one timer for the whole page, which stops while nothing uses it. */
export const useNow = (ticking = true): number => {
  // After a pause, the first reader updates the time. A render may be repeated, so the time never moves back.
  if (timer === undefined && Date.now() - now > 1000) now = Date.now()
  return useSyncExternalStore(ticking ? tick : neverTick, () => now)
}

export type Keys = Readonly<Record<string, ((event: KeyboardEvent) => void) | undefined>>

/** Handles keyboard shortcuts, except while the user types in a field and with modifiers other than shift. */
export const useKeys = (keys: Keys, active = true): void => {
  const latest = useRef(keys)
  latest.current = keys
  useEffect(() => {
    if (!active) return
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return
      const target = event.target
      if (
        target instanceof HTMLElement &&
        target.closest("input, textarea, select, dialog, [contenteditable]") !== null
      )
        return
      const act = latest.current[event.key]
      if (act === undefined) return
      event.preventDefault()
      act(event)
    }
    window.addEventListener("keydown", onKey)
    return () => window.removeEventListener("keydown", onKey)
  }, [active])
}

/** Sets the title of the tab. */
export const useTitle = (title: string): void => {
  useEffect(() => {
    document.title = title === "" ? "effect-flow" : `${title} · effect-flow`
  }, [title])
}

/** The width of an element as it changes. */
export const useSize = <E extends HTMLElement>(): readonly [(element: E | null) => void, number] => {
  const [element, setElement] = useState<E | null>(null)
  const [width, setWidth] = useState(0)
  useEffect(() => {
    if (element === null) return
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setWidth(Math.floor(entry.contentRect.width))
    })
    observer.observe(element)
    return () => observer.disconnect()
  }, [element])
  return [setElement, width]
}
