/** Shows an error: its message, its causes, and what to do next. */
import type { ReactNode } from "react"
import { useState } from "react"
import type { ErrorRecord } from "../../RunRecord.ts"
import { LongText } from "./longText.tsx"

export const Trouble = ({
  children,
  error,
  kind = "",
  title
}: {
  readonly title: ReactNode
  readonly error: ErrorRecord | undefined
  readonly kind?: string
  readonly children?: ReactNode
}) => {
  const [shown, setShown] = useState(false)
  return (
    <section className={`trouble ${kind}`} aria-label="What went wrong">
      <div>
        <strong>{title}</strong>
        {error === undefined ? null : <span className="kind"> {error.tag}</span>}
      </div>
      {error === undefined ? null : <LongText text={error.message} className="sentence" />}
      {error?.causes === undefined ? null : (
        <ol aria-label="Causes">
          {error.causes.map(({ message, tag }, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: causes have no other identity than their order
            <li key={i}>
              because {message} <span className="kind">{tag}</span>
            </li>
          ))}
        </ol>
      )}
      {error?.stack === undefined ? null : (
        <div>
          <button type="button" className="quiet" onClick={() => setShown(!shown)} aria-expanded={shown}>
            {shown ? "Hide the stack" : "Show the stack"}
          </button>
          {shown ? <pre>{error.stack}</pre> : null}
        </div>
      )}
      {children}
    </section>
  )
}
