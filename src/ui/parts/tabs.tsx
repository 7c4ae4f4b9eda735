/** Tabs, selected by a click or by the arrow keys, Home and End. */
import { type KeyboardEvent, type ReactNode, useRef } from "react"

export const Tabs = <Name extends string>({
  label,
  panel,
  select,
  selected,
  tabs
}: {
  readonly label: string
  /** The id of the panel. The tabs' ids begin with it. */
  readonly panel: string
  readonly tabs: ReadonlyArray<{ readonly name: Name; readonly text: ReactNode }>
  readonly selected: Name
  readonly select: (name: Name) => void
}) => {
  const list = useRef<HTMLDivElement>(null)
  const onKeyDown = (event: KeyboardEvent) => {
    const at = tabs.findIndex(({ name }) => name === selected)
    const next =
      event.key === "ArrowRight"
        ? (at + 1) % tabs.length
        : event.key === "ArrowLeft"
          ? (at + tabs.length - 1) % tabs.length
          : event.key === "Home"
            ? 0
            : event.key === "End"
              ? tabs.length - 1
              : undefined
    const tab = next === undefined ? undefined : tabs[next]
    if (tab === undefined) return
    event.preventDefault()
    select(tab.name)
    list.current?.querySelectorAll<HTMLElement>("[role=tab]")[next ?? 0]?.focus()
  }
  return (
    <div ref={list} className="tabs" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
      {tabs.map(({ name, text }) => (
        <button
          type="button"
          role="tab"
          key={name}
          id={`${panel}-${name}`}
          aria-selected={selected === name}
          aria-controls={panel}
          tabIndex={selected === name ? 0 : -1}
          onClick={() => select(name)}
        >
          {text}
        </button>
      ))}
    </div>
  )
}
