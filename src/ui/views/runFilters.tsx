/** The filters above the list of runs. They offer what the store has, not only what is loaded. */
import { useRef } from "react"
import * as Api from "../api.ts"
import { useKeys } from "../hooks.ts"
import { allRuns, useLive } from "../live.ts"
import type { Sort } from "../model/runList.ts"
import { setParameters, useParameter } from "../router.ts"
import { sortBy, statuses } from "./useRunList.ts"

const orders: ReadonlyArray<Sort & { readonly text: string }> = [
  { by: "started", order: "down", text: "newest first" },
  { by: "started", order: "up", text: "oldest first" },
  { by: "duration", order: "down", text: "longest first" },
  { by: "duration", order: "up", text: "shortest first" },
  { by: "status", order: "up", text: "by status" },
  { by: "status", order: "down", text: "by status, Z to A" },
  { by: "flow", order: "up", text: "by flow" },
  { by: "flow", order: "down", text: "by flow, Z to A" }
]

export const FilterBar = ({ sort }: { readonly sort: Sort }) => {
  const [flow] = useParameter("flow")
  const [status] = useParameter("status")
  const [tag] = useParameter("tag")
  const [period] = useParameter("within")
  const first = useRef<HTMLSelectElement>(null)
  useKeys({ f: () => first.current?.focus() })
  const names = Api.useQuery("names", Api.names)
  const offered = useRef(new Set<string>())
  useLive(allRuns, {
    onOpen: () => {},
    onEvent: (event) => {
      if (event._tag === "Removed") names.reload()
      if (event._tag !== "Runs" || names.data === undefined) return
      for (const name of [...names.data.flows, ...names.data.tags]) offered.current.add(name)
      const isNew = (name: string) => !offered.current.has(name)
      if (event.runs.some((run) => isNew(run.flow) || run.tags.some(isNew))) names.reload()
    }
  })
  const flows = withCurrent(names.data?.flows ?? [], flow)
  const tags = names.data?.tags ?? []
  return (
    <form className="filters" aria-label="Filter" onSubmit={(event) => event.preventDefault()}>
      <label>
        <span>Flow</span>
        <select ref={first} value={flow ?? ""} onChange={(event) => setParameters({ flow: event.target.value })}>
          <option value="">any</option>
          {flows.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label>
        <span>Status</span>
        <select value={status ?? ""} onChange={(event) => setParameters({ status: event.target.value })}>
          <option value="">any</option>
          {withCurrent(statuses, status).map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <TagField key={tag ?? ""} tag={tag} tags={tags} />
      <label>
        <span>Started</span>
        <select value={period ?? ""} onChange={(event) => setParameters({ within: event.target.value })}>
          <option value="">any time</option>
          <option value="1h">within an hour</option>
          <option value="24h">within a day</option>
          <option value="7d">within a week</option>
          <option value="30d">within 30 days</option>
        </select>
      </label>
      <span className="sort-field">
        <label htmlFor="order-of-runs">
          <span>Order</span>
        </label>
        <select
          id="order-of-runs"
          value={`${sort.by} ${sort.order}`}
          onChange={(event) => {
            const chosen = orders.find(({ by, order }) => `${by} ${order}` === event.target.value)
            if (chosen !== undefined) sortBy(chosen)
          }}
        >
          {orders.map(({ by, order, text }) => (
            <option key={text} value={`${by} ${order}`}>
              {text}
            </option>
          ))}
        </select>
      </span>
      {(flow ?? status ?? tag ?? period) ? (
        <button
          type="button"
          className="quiet"
          onClick={() => setParameters({ flow: undefined, status: undefined, tag: undefined, within: undefined })}
        >
          Clear
        </button>
      ) : null}
    </form>
  )
}

/** The choices, and what is chosen although it is not among them. */
const withCurrent = (names: ReadonlyArray<string>, current: string | undefined): ReadonlyArray<string> =>
  current === undefined || names.includes(current) ? names : [...names, current]

const TagField = ({ tag, tags }: { readonly tag: string | undefined; readonly tags: ReadonlyArray<string> }) => (
  <label>
    <span>Tag</span>
    <input
      defaultValue={tag ?? ""}
      list="known-tags"
      placeholder="any"
      size={12}
      onBlur={(event) => setParameters({ tag: event.target.value.trim() })}
      onKeyDown={(event) => {
        if (event.key === "Enter") setParameters({ tag: event.currentTarget.value.trim() })
        if (event.key === "Escape") event.currentTarget.blur()
      }}
    />
    <datalist id="known-tags">
      {tags.map((name) => (
        <option key={name} value={name} />
      ))}
    </datalist>
  </label>
)
