/** Basic components: links, times, commands to copy, errors, empty states. */
import { type ReactNode, useState } from "react"
import type { ApiError } from "../api.ts"
import { absolute, ago, duration } from "../format.ts"
import { useNow } from "../hooks.ts"
import { follow } from "../router.ts"

export const Link = ({
  children,
  className,
  label,
  title,
  to
}: {
  readonly to: string
  /** What it is called by a screen reader, where it shows no text. */
  readonly label?: string
  readonly children: ReactNode
  readonly className?: string
  readonly title?: string
}) => (
  <a href={to} onClick={follow} className={className} title={title} aria-label={label}>
    {children}
  </a>
)

export const Ago = ({ at }: { readonly at: number }) => {
  const now = useNow()
  return (
    <time dateTime={new Date(at).toISOString()} title={absolute(at)}>
      {ago(at, now)}
    </time>
  )
}

/** The duration from a start to an end, or until now. */
export const Took = ({
  from,
  to,
  going
}: {
  readonly from: number
  readonly to: number | undefined
  readonly going: boolean
}) => {
  const now = useNow(going)
  if (to === undefined && !going) return <span className="muted">–</span>
  return <span className="tabular">{duration((to ?? now) - from)}</span>
}

/** Puts a text on the clipboard. */
export const copyText = async (text: string): Promise<void> => {
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    // Without TLS, browsers offer the clipboard API on loopback only. Elsewhere, copy a selection instead.
    const area = document.createElement("textarea")
    area.value = text
    document.body.append(area)
    area.select()
    document.execCommand("copy")
    area.remove()
  }
}

/** A button that copies a text, or what a function makes when it is pressed. */
export const Copy = ({ text, label = "Copy" }: { readonly text: string | (() => string); readonly label?: string }) => {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    await copyText(typeof text === "string" ? text : text())
    setCopied(true)
    setTimeout(() => setCopied(false), 1200)
  }
  return (
    <button
      type="button"
      className="copy"
      onClick={copy}
      aria-label={typeof text === "string" ? `${label}: ${text}` : label}
      title={label}
    >
      {copied ? "copied" : <CopyMark />}
    </button>
  )
}

const CopyMark = () => (
  <svg viewBox="0 0 16 16" width="13" height="13" aria-hidden="true" className="line-mark">
    <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
    <path d="M3.5 10.5h-1v-8h8v1" />
  </svg>
)

/** A command line related to the view, with a button to copy it. */
export const Command = ({ children, says }: { readonly children: string; readonly says?: string }) => (
  <div className="command">
    {says === undefined ? null : <span className="says">{says}</span>}
    <code>{children}</code>
    <Copy text={children} label="Copy the command" />
  </div>
)

export const Failure = ({ error, retry }: { readonly error: ApiError; readonly retry?: () => void }) => (
  <div className="notice bad" role="alert">
    <p>{error.message}</p>
    {retry === undefined ? null : (
      <button type="button" onClick={retry}>
        Try again
      </button>
    )}
  </div>
)

export const Empty = ({ children, title }: { readonly title: string; readonly children?: ReactNode }) => (
  <div className="empty">
    <h2>{title}</h2>
    {children}
  </div>
)

export const Loading = ({ what }: { readonly what: string }) => (
  <div className="loading" role="status">
    Reading {what}…
  </div>
)

export const Tags = ({ tags }: { readonly tags: ReadonlyArray<string> }) =>
  tags.length === 0 ? null : (
    <span className="tags">
      {tags.map((tag) => (
        <span key={tag} className="badge tag">
          {tag}
        </span>
      ))}
    </span>
  )

export const Section = ({
  actions,
  children,
  className,
  count,
  id,
  title
}: {
  readonly title: string
  readonly children: ReactNode
  readonly actions?: ReactNode
  readonly className?: string
  readonly count?: number
  readonly id?: string
}) => (
  <section className={`section ${className ?? ""}`} id={id} aria-label={title}>
    <header>
      <h2>
        {title}
        {count === undefined ? null : <span className="count">{count}</span>}
      </h2>
      {actions}
    </header>
    {children}
  </section>
)
