/** A live log of any length, with filters and search. */
import { useVirtualizer } from "@tanstack/react-virtual"
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react"
import * as Api from "../api.ts"
import { absolute, clock, count, plural } from "../format.ts"
import { useKeys } from "../hooks.ts"
import { hits, levels, linesLimit, pieces, rank, shownLines } from "../model/log.ts"
import { toTask } from "../router.ts"
import { Link } from "./basic.tsx"
import "../styles/log.css"

const page = 10_000

/**
 * The lines of a task or of a whole run, loaded once the log is shown (`active`). They are pushed onto one list, and
 * `version` counts the changes.
 */
export const useLog = (run: string, task: string | undefined, active: boolean) => {
  const lines = useRef<Array<Api.LogView>>([])
  const [state, setState] = useState<{ version: number; complete: boolean; error?: Api.ApiError }>({
    version: 0,
    complete: false
  })
  const busy = useRef(false)
  const again = useRef(false)

  const load = useCallback(async () => {
    if (!active) return
    if (busy.current) {
      again.current = true
      return
    }
    busy.current = true
    try {
      do {
        again.current = false
        for (;;) {
          if (lines.current.length >= linesLimit) break
          const after = lines.current.at(-1)?.sequence
          const answer = await Api.logs(run, { task, after, limit: page })
          for (const line of answer.lines) lines.current.push(line)
          const complete = answer.next === undefined
          if (answer.lines.length > 0 || complete) setState((before) => ({ version: before.version + 1, complete }))
          if (complete) break
        }
      } while (again.current)
    } catch (cause) {
      if (cause instanceof Api.ApiError && cause.status !== 0) setState((before) => ({ ...before, error: cause }))
    } finally {
      busy.current = false
    }
  }, [run, task, active])

  useEffect(() => {
    void load()
  }, [load])

  /** Handles a live event: reloads if it concerns this log. */
  const hear = useCallback(
    (tasks: ReadonlyArray<string>) => {
      if (task === undefined || tasks.includes(task)) void load()
    },
    [load, task]
  )
  return { lines: lines.current, ...state, hear, reload: load }
}

type LogState = ReturnType<typeof useLog>

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
  const [least, setLeast] = useState(0)
  const [attempt, setAttempt] = useState<number>()
  const [search, setSearch] = useState("")
  const [only, setOnly] = useState(false)
  const [at, setAt] = useState(-1) // no hit was gone to yet
  const [follow, setFollow] = useState(going)
  const field = useRef<HTMLInputElement>(null)
  const scroll = useRef<HTMLDivElement>(null)
  const wanted = useDeferredValue(search)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list is changed in place, and its version counts the changes
  const shown = useMemo(
    () => shownLines(lines, least, attempt, only ? wanted : ""),
    [version, least, attempt, only, wanted]
  )
  const found = useMemo(() => hits(lines, shown, wanted), [lines, shown, wanted])
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

  const go = (to: number) => {
    if (found.length === 0) return
    const next = (to + found.length) % found.length
    setAt(next)
    setFollow(false)
    virtual.scrollToIndex(found[next] ?? 0, { align: "center" })
  }
  useKeys({
    s: () => field.current?.focus(),
    n: () => go(at + 1),
    N: () => go(Math.max(at, 0) - 1),
    End: () => setFollow(true)
  })
  const current = found[at]

  return (
    <section className="log" aria-label="Log">
      <div className="log-tools">
        <label>
          <span>From</span>
          <select value={least} onChange={(event) => setLeast(Number(event.target.value))} aria-label="Least level">
            <option value={0}>all levels</option>
            {levels.slice(1, 5).map((level) => (
              <option key={level} value={rank(level)}>
                {level.toLowerCase()}
              </option>
            ))}
          </select>
        </label>
        {attempts === undefined || attempts < 2 ? null : (
          <label>
            <span>Attempt</span>
            <select
              value={attempt ?? ""}
              onChange={(event) => setAttempt(event.target.value === "" ? undefined : Number(event.target.value))}
            >
              <option value="">all</option>
              {Array.from({ length: attempts }, (_, i) => i + 1).map((number) => (
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
              {found.length === 0
                ? "nothing"
                : at < 0
                  ? plural(found.length, "hit")
                  : `${count(Math.min(at + 1, found.length))} of ${count(found.length)}`}
            </span>
            <label>
              <input type="checkbox" checked={only} onChange={(event) => setOnly(event.target.checked)} />
              <span>only these</span>
            </label>
          </>
        )}
        <span className="grow" />
        <span className="muted tabular">
          {shown.length === lines.length ? "" : `${count(shown.length)} of `}
          {count(lines.length)} lines{log.complete ? "" : "…"}
        </span>
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
        <p className="notice warn">
          The first {count(linesLimit)} lines are shown. `logs` on the command line has all of them.
        </p>
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
        <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {virtual.getVirtualItems().map((item) => {
            const line = lines[shown[item.index] ?? -1]
            return line === undefined ? null : (
              <Line
                key={item.key}
                line={line}
                index={item.index}
                top={item.start}
                measure={virtual.measureElement}
                search={wanted}
                current={item.index === current && wanted !== ""}
                run={task === undefined ? run : undefined}
              />
            )
          })}
        </div>
      </div>
    </section>
  )
}

const Line = ({
  current,
  index,
  line,
  measure,
  run,
  search,
  top
}: {
  readonly line: Api.LogView
  readonly index: number
  readonly top: number
  readonly measure: (element: HTMLElement | null) => void
  readonly search: string
  readonly current: boolean
  readonly run: string | undefined
}) => {
  const level = line.level.toLowerCase()
  return (
    <div
      ref={measure}
      data-index={index}
      className={`line ${level} ${current ? "current" : ""}`}
      style={{ transform: `translateY(${top}px)` }}
    >
      <time title={absolute(line.at)}>{clock(line.at)}</time>
      <span className="level">{level === "info" ? "" : level}</span>
      {run === undefined ? null : line.task === "" ? (
        <span className="task">flow</span>
      ) : (
        <Link to={toTask(run, line.task)} className="task">
          {line.task}
        </Link>
      )}
      <span className="message">
        {pieces(line.message, search).map((piece, i) =>
          // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no other identity
          i % 2 === 1 ? <mark key={i}>{piece}</mark> : piece
        )}
      </span>
    </div>
  )
}
