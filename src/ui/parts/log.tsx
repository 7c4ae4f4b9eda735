/** A live log of any length: filters, search with counts, a link for each line, copy and download. */
import { useVirtualizer } from "@tanstack/react-virtual"
import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react"
import * as Api from "../api.ts"
import { count, plural } from "../format.ts"
import { useKeys } from "../hooks.ts"
import { hits, levels, linesLimit, lineText, rank, shownLines } from "../model/log.ts"
import { addressWith, setParameters, useParameter } from "../router.ts"
import { Copy } from "./basic.tsx"
import { LogLine } from "./logLine.tsx"
import type { LogState } from "./useLog.ts"
import "../styles/log.css"

export { useLog } from "./useLog.ts"

const copyLimit = 20_000

/** The filters of a log, which are part of the address. */
const useLogFilters = () => {
  const [level] = useParameter("level")
  const [attempt] = useParameter("attempt")
  const [task] = useParameter("task")
  const [line] = useParameter("line")
  const [text] = useParameter("search")
  const [only] = useParameter("only")
  const [search, setSearch] = useState(text ?? "")
  // Typing changes the address once it pauses, because browsers limit how often that may happen.
  useEffect(() => {
    if (search === (text ?? "")) return
    const timer = setTimeout(() => setParameters({ search }), 300)
    return () => clearTimeout(timer)
  }, [search, text])
  return {
    least: level === undefined ? 0 : rank(level),
    attempt: attempt === undefined || !/^\d+$/.test(attempt) ? undefined : Number(attempt),
    task: task ?? "",
    line: line === undefined || !/^\d+$/.test(line) ? undefined : Number(line),
    only: only === "1",
    search,
    setSearch
  }
}

export const Log = ({
  attempts,
  going,
  log,
  run,
  task
}: {
  readonly log: LogState
  readonly run: string
  readonly task: string | undefined
  readonly going: boolean
  readonly attempts?: number
}) => {
  const { lines, version } = log
  const filters = useLogFilters()
  const { attempt, least, line: linked, only, search, setSearch } = filters
  const [at, setAt] = useState(-1) // no hit was gone to yet
  const [follow, setFollow] = useState(going && linked === undefined)
  const field = useRef<HTMLInputElement>(null)
  const scroll = useRef<HTMLDivElement>(null)
  const wanted = useDeferredValue(search)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list is changed in place, and its version counts the changes
  const shown = useMemo(
    () => shownLines(lines, least, attempt, only ? wanted : "", filters.task),
    [version, least, attempt, only, wanted, filters.task]
  )
  const positions = useMemo(() => hits(lines, shown, wanted), [lines, shown, wanted])
  // biome-ignore lint/correctness/useExhaustiveDependencies: as above
  const offered = useMemo(() => {
    const tasks = new Set<string>()
    let most = attempts ?? 1
    for (const line of lines) {
      if (line.task !== "" && tasks.size < 2000) tasks.add(line.task)
      if (line.attempt > most) most = line.attempt
    }
    const steps = new Set([...tasks].map((id) => id.slice(0, id.lastIndexOf("/"))))
    return { attempts: most, tasks: [...steps, ...tasks] }
  }, [version, attempts])
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => 20,
    overscan: 20,
    getItemKey: (index) => shown[index] ?? index
  })

  useEffect(() => {
    if (follow && shown.length > 0) virtual.scrollToIndex(shown.length - 1, { align: "end" })
  }, [follow, shown.length, virtual])

  // Goes to the line that the address names, once it is loaded.
  const gone = useRef<number>(undefined)
  useEffect(() => {
    if (linked === undefined || gone.current === linked) return
    const index = shown.findIndex((place) => lines[place]?.sequence === linked)
    if (index === -1) return
    gone.current = linked
    setFollow(false)
    virtual.scrollToIndex(index, { align: "center" })
  }, [linked, shown, lines, virtual])

  const go = (to: number) => {
    if (positions.length === 0) return
    const next = (to + positions.length) % positions.length
    setAt(next)
    setFollow(false)
    virtual.scrollToIndex(positions[next] ?? 0, { align: "center" })
  }
  useKeys({
    s: () => field.current?.focus(),
    n: () => go(at + 1),
    N: () => go(Math.max(at, 0) - 1),
    End: () => setFollow(true)
  })
  const current = positions[at]

  return (
    <section className="log" aria-label="Log">
      <div className="log-tools">
        <label>
          <span>From</span>
          <select
            value={levels[least] ?? levels[0]}
            onChange={(event) =>
              setParameters({ level: rank(event.target.value) === 0 ? undefined : event.target.value })
            }
            aria-label="Least level"
          >
            <option value={levels[0]}>all levels</option>
            {levels.slice(1, 5).map((level) => (
              <option key={level} value={level}>
                {level.toLowerCase()}
              </option>
            ))}
          </select>
        </label>
        {task !== undefined || offered.tasks.length < 2 ? null : (
          <label>
            <span>Task</span>
            <input
              key={filters.task}
              className="log-task"
              defaultValue={filters.task}
              list="log-tasks"
              placeholder="all"
              aria-label="Task or step"
              onBlur={(event) => setParameters({ task: event.target.value.trim() })}
              onKeyDown={(event) => {
                if (event.key === "Enter") setParameters({ task: event.currentTarget.value.trim() })
              }}
            />
            <datalist id="log-tasks">
              {offered.tasks.map((name) => (
                <option key={name} value={name} />
              ))}
            </datalist>
          </label>
        )}
        {offered.attempts < 2 ? null : (
          <label>
            <span>Attempt</span>
            <select value={attempt ?? ""} onChange={(event) => setParameters({ attempt: event.target.value })}>
              <option value="">all</option>
              {Array.from({ length: offered.attempts }, (_, i) => i + 1).map((number) => (
                <option key={number} value={number}>
                  {number}
                </option>
              ))}
            </select>
          </label>
        )}
        <input
          ref={field}
          className="log-search"
          value={search}
          placeholder="Search (s)"
          aria-label="Search the log"
          spellCheck={false}
          onChange={(event) => {
            setSearch(event.target.value)
            setAt(-1)
          }}
          onKeyDown={(event) => {
            if (event.key === "Enter") go(event.shiftKey ? Math.max(at, 0) - 1 : at + 1)
            if (event.key === "Escape") {
              setSearch("")
              event.currentTarget.blur()
            }
          }}
        />
        {search === "" ? null : (
          <>
            <span className="muted tabular" role="status">
              {positions.length === 0
                ? "nothing"
                : at < 0
                  ? plural(positions.length, "hit")
                  : `${count(Math.min(at + 1, positions.length))} of ${count(positions.length)}`}
            </span>
            <label>
              <input
                type="checkbox"
                checked={only}
                onChange={(event) => setParameters({ only: event.target.checked ? "1" : undefined })}
              />
              <span>only these</span>
            </label>
          </>
        )}
        <span className="grow" />
        <span className="muted tabular">
          {shown.length === lines.length ? "" : `${count(shown.length)} of `}
          {count(lines.length)} lines{log.complete ? "" : "…"}
        </span>
        <Copy
          text={() =>
            shown
              .slice(-copyLimit)
              .flatMap((place) => {
                const line = lines[place]
                return line === undefined ? [] : [lineText(line)]
              })
              .join("\n")
          }
          label="Copy the log as it is shown"
        />
        <a href={Api.logUrl(run, task)} download>
          Download
        </a>
        <button
          type="button"
          aria-pressed={follow}
          className={follow ? "pressed" : ""}
          onClick={() => setFollow(!follow)}
        >
          Follow
        </button>
      </div>
      {log.error === undefined ? null : <p className="notice bad">{log.error.message}</p>}
      {lines.length >= linesLimit ? (
        <p className="notice warn">The first {count(linesLimit)} lines are shown. The download has all of them.</p>
      ) : null}
      {linked !== undefined && log.complete && !lines.some(({ sequence }) => sequence === linked) ? (
        <p className="notice warn">This log has no line {count(linked)}.</p>
      ) : null}
      <div
        className="log-scroll"
        ref={scroll}
        tabIndex={0}
        role="log"
        aria-label="Lines"
        aria-live="off"
        onScroll={(event) => {
          const { clientHeight, scrollHeight, scrollTop } = event.currentTarget
          // Scrolling up stops following new lines.
          if (follow && scrollTop + clientHeight < scrollHeight - 60) setFollow(false)
        }}
      >
        {shown.length === 0 && log.complete ? (
          <p className="log-empty">
            {lines.length > 0
              ? "No lines match the filters."
              : going
                ? "Nothing yet. Lines appear when the task logs them with Effect.log."
                : "No log lines."}
          </p>
        ) : null}
        {shown.length === 0 && !log.complete && log.error === undefined ? (
          <p className="log-empty" role="status">
            Reading the log…
          </p>
        ) : null}
        <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {virtual.getVirtualItems().map((item) => {
            const line = lines[shown[item.index] ?? -1]
            return line === undefined ? null : (
              <LogLine
                key={item.key}
                line={line}
                index={item.index}
                top={item.start}
                measure={virtual.measureElement}
                search={wanted}
                current={(item.index === current && wanted !== "") || line.sequence === linked}
                link={addressWith({ line: String(line.sequence) })}
                run={task === undefined ? run : undefined}
              />
            )
          })}
        </div>
      </div>
    </section>
  )
}
