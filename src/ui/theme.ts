/** The theme: light, dark, or the system's. It is stored in the browser. */
import { useSyncExternalStore } from "react"

export type Theme = "system" | "light" | "dark"
const order: ReadonlyArray<Theme> = ["system", "light", "dark"]
const key = "effect-flow-theme"
const listeners = new Set<() => void>()
const system = window.matchMedia("(prefers-color-scheme: dark)")

const stored = (): Theme => {
  try {
    const value = localStorage.getItem(key)
    return value === "light" || value === "dark" ? value : "system"
  } catch {
    return "system" // storage may be blocked
  }
}

let theme: Theme = stored()

const apply = (): void => {
  document.documentElement.dataset.theme = theme
  for (const listener of listeners) listener()
}

system.addEventListener("change", apply)
apply()

export const nextTheme = (): void => {
  theme = order[(order.indexOf(theme) + 1) % order.length] ?? "system"
  try {
    if (theme === "system") localStorage.removeItem(key)
    else localStorage.setItem(key, theme)
  } catch {
    // Then the choice lasts until the page is closed.
  }
  apply()
}

const subscribe = (listener: () => void) => {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export const useTheme = (): Theme => useSyncExternalStore(subscribe, () => theme)

/** Whether the page is dark, for charts that are drawn on a canvas. */
export const useDark = (): boolean =>
  useSyncExternalStore(subscribe, () => (theme === "system" ? system.matches : theme === "dark"))

/** The value of a colour in the stylesheet. */
export const color = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
