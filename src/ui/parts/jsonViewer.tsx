/** A JSON artifact of any size as a tree with a search. A worker holds the value, so that the page never stands still. */
import { type ReactNode, useEffect, useMemo, useState } from "react"
import { ApiError, contentUrl } from "../api.ts"
import { count } from "../format.ts"
import { useKeys } from "../hooks.ts"
import type { Part } from "../model/json.worker.ts"
import type { Hits, Path } from "../model/jsonSearch.ts"
import { beginning, keyText, quoted } from "../model/jsonText.ts"
import { type JsonValue, makeJsonValue } from "../model/jsonValue.ts"
import { Copy, Failure, Loading } from "./basic.tsx"

const partSize = 100
/** Lists and objects with more parts than this are closed at first. */
const openLimit = 200

const keyOf = (path: Path): string => JSON.stringify(path)

const JsonViewer = ({
  compact,
  digest,
  otherwise
}: {
  readonly digest: string
  readonly compact: boolean
  /** What is shown of bytes that are not JSON. */
  readonly otherwise: ReactNode
}) => {
  const [value, setValue] = useState<JsonValue>()
  const [root, setRoot] = useState<Part>()
  const [error, setError] = useState<ApiError>()
  const [round, setRound] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another round repeats the request
  useEffect(() => {
    const opening = makeJsonValue()
    let isOver = false
    setError(undefined)
    opening.open(new URL(contentUrl(digest), location.href).href).then(
      (part) => {
        if (isOver) return
        setValue(opening)
        setRoot(part)
      },
      (cause) => {
        if (!isOver) setError(cause instanceof ApiError ? cause : new ApiError(String(cause), 0))
      }
    )
    return () => {
      isOver = true
      opening.close()
    }
  }, [digest, round])
  if (error !== undefined) {
    return (
      <>
        <Failure error={error} retry={() => setRound(round + 1)} />
        {error.status === 200 ? otherwise : null}
      </>
    )
  }
  if (value === undefined || root === undefined) return <Loading what="the value" />
  return <Tree value={value} root={root} depth={compact ? 1 : 2} />
}

export default JsonViewer

/** What all items of a tree share. */
interface Shared {
  readonly value: JsonValue
  readonly depth: number
  /** The hit that was gone to. */
  readonly current: string | undefined
  /** The parts on the way to it, which are open. */
  readonly way: ReadonlySet<string>
  readonly search: string
}

const Tree = ({ depth, root, value }: { readonly value: JsonValue; readonly root: Part; readonly depth: number }) => {
  const [search, setSearch] = useState("")
  const [hits, setHits] = useState<Hits & { readonly text: string }>()
  const [at, setAt] = useState(-1)
  useEffect(() => {
    if (search === "") {
      setHits(undefined)
      return
    }
    let isOver = false
    const timer = setTimeout(() => {
      value.search(search).then(
        (hits) => {
          if (isOver) return
          setHits({ ...hits, text: search })
          setAt(hits.paths.length > 0 ? 0 : -1)
        },
        () => {}
      )
    }, 200)
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }, [search, value])
  const go = (to: number) => {
    const length = hits?.paths.length ?? 0
    if (length > 0) setAt((to + length) % length)
  }
  useKeys({ n: () => go(at + 1), N: () => go(at - 1) })
  const path = hits?.paths[at]
  const shared = useMemo((): Shared => {
    const way = new Set<string>()
    for (let i = 0; path !== undefined && i < path.length; i++) way.add(keyOf(path.slice(0, i)))
    return { value, depth, current: path === undefined ? undefined : keyOf(path), way, search: hits?.text ?? "" }
  }, [value, depth, path, hits])
  return (
    <div className="json-view">
      <div className="json-tools">
        <input
          value={search}
          onChange={(event) => setSearch(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") go(at + (event.shiftKey ? -1 : 1))
            if (event.key === "Escape") setSearch("")
          }}
          placeholder="Search keys and values"
          aria-label="Search keys and values"
          spellCheck={false}
        />
        <span className="muted tabular" role="status">
          {hits === undefined
            ? ""
            : hits.total === 0
              ? "nothing"
              : `${count(at + 1)} of ${count(hits.total)}${hits.total > hits.paths.length ? `, the first ${count(hits.paths.length)} can be gone to` : ""}`}
        </span>
        {path === undefined ? null : (
          <code className="json-path" title={pathText(path)}>
            {pathText(path)}
          </code>
        )}
      </div>
      <div className="json json-viewer">
        <Item part={root} path={[]} shared={shared} />
      </div>
    </div>
  )
}

/** `users[3].name`, as a program would write it. */
const pathText = (path: Path): string =>
  path
    .map((key, i) =>
      /^\d+$/.test(key)
        ? `[${key}]`
        : /^[A-Za-z_$][\w$]*$/.test(key)
          ? `${i === 0 ? "" : "."}${key}`
          : `[${quoted(key)}]`
    )
    .join("") || "(root)"

const Item = ({ part, path, shared }: { readonly part: Part; readonly path: Path; readonly shared: Shared }) => {
  const { current, depth, search, way } = shared
  const key = keyOf(path)
  const isOnWay = way.has(key)
  const [isOpen, setOpen] = useState(path.length < depth && part.size <= openLimit)
  useEffect(() => {
    if (isOnWay) setOpen(true)
  }, [isOnWay])
  const isCurrent = current === key
  const label = path.length === 0 ? null : <span className="json-name">{keyText(part.key)}: </span>
  const reveal = (element: HTMLElement | null) => {
    if (isCurrent) element?.scrollIntoView({ block: "nearest" })
  }
  const className = isCurrent ? "current" : ""
  if (part.kind !== "object" && part.kind !== "array") {
    return (
      <div className={`json-leaf ${className}`} ref={reveal}>
        {label}
        <Scalar part={part} path={path} shared={shared} />
      </div>
    )
  }
  const [left, right] = part.kind === "array" ? ["[", "]"] : ["{", "}"]
  if (part.size === 0) {
    return (
      <div className={`json-leaf ${className}`} ref={reveal}>
        {label}
        {left}
        {right}
      </div>
    )
  }
  return (
    <div className="json-node">
      <button type="button" className={className} ref={reveal} onClick={() => setOpen(!isOpen)} aria-expanded={isOpen}>
        <svg viewBox="0 0 10 10" width="9" height="9" aria-hidden="true" className={isOpen ? "open" : ""}>
          <path d="M3 1.5 7 5 3 8.5" fill="none" stroke="currentColor" strokeWidth="1.6" />
        </svg>
        {label}
        <span className="muted">
          {left} {count(part.size)} {right}
        </span>
      </button>
      {isOpen ? <Parts key={search} part={part} path={path} shared={shared} /> : null}
    </div>
  )
}

const Parts = ({ part, path, shared }: { readonly part: Part; readonly path: Path; readonly shared: Shared }) => {
  const { current, value } = shared
  const [loaded, setLoaded] = useState<ReadonlyArray<Part>>([])
  const [shownCount, setShownCount] = useState(partSize)
  const key = keyOf(path)
  const ownPath = useMemo((): Path => JSON.parse(key), [key]) // equal paths are one
  // The place of the hit in a long list, so that it is among what is shown.
  const next = useMemo(() => {
    const wanted: Path | undefined = current === undefined ? undefined : JSON.parse(current)
    const isBelow =
      wanted !== undefined && wanted.length > ownPath.length && ownPath.every((key, i) => wanted[i] === key)
    return isBelow && part.kind === "array" ? Number(wanted[ownPath.length]) : undefined
  }, [current, ownPath, part.kind])
  const start = next === undefined || next < shownCount ? 0 : Math.floor(next / partSize) * partSize
  const length = Math.min(part.size, shownCount)
  useEffect(() => {
    let isOver = false
    const load = async () => {
      const parts: Array<Part> = []
      for (let from = start; from < start + length && from < part.size; from += partSize) {
        parts.push(...(await value.parts(ownPath, from)))
        if (isOver) return
      }
      setLoaded(parts)
    }
    load().catch(() => {})
    return () => {
      isOver = true
    }
  }, [value, ownPath, start, length, part.size])
  const rest = part.size - start - loaded.length
  return (
    <div className="json-children">
      {start === 0 ? null : <span className="muted">… {count(start)} before</span>}
      {loaded.map((item) => (
        <Item key={item.key} part={item} path={[...ownPath, item.key]} shared={shared} />
      ))}
      {loaded.length > 0 && rest > 0 ? (
        <button type="button" className="json-more" onClick={() => setShownCount(shownCount + partSize)}>
          {count(Math.min(partSize, rest))} more of {count(rest)}
        </button>
      ) : null}
    </div>
  )
}

/** A longer text is opened in parts: a browser that lays out millions of letters stands still meanwhile. */
const lettersAtOnce = 100_000

const Scalar = ({ part, path, shared }: { readonly part: Part; readonly path: Path; readonly shared: Shared }) => {
  const [whole, setWhole] = useState<string>()
  const [length, setLength] = useState(0)
  if (part.kind !== "string") return <span className={`json-${part.kind}`}>{part.text}</span>
  const text = whole === undefined ? part.text : beginning(whole, length)
  const rest = part.size - text.length
  const more = () => {
    setLength(length + lettersAtOnce)
    if (whole === undefined) shared.value.text(path).then(setWhole, () => {})
  }
  return (
    <span className="json-string">
      {quoted(text)}
      {rest > 0 ? (
        <button type="button" className="json-more" onClick={more}>
          {rest > lettersAtOnce
            ? `${count(lettersAtOnce)} more of ${count(rest)} letters`
            : `${count(rest)} more letters`}
        </button>
      ) : null}
      {whole === undefined ? null : <Copy text={() => whole} label="Copy the text" />}
    </span>
  )
}
