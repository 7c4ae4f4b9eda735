/** The inputs or outputs of a task: each artifact with its format and size, small values in full, others on demand. */
import { useState } from "react"
import type { RefRecord } from "../../RunRecord.ts"
import * as Api from "../api.ts"
import { count, shortDigest, size } from "../format.ts"
import { toArtifactOf, toWriter } from "../router.ts"
import { Link } from "./basic.tsx"
import { Boundary, lazyPart } from "./boundary.tsx"
import "../styles/artifact.css"

const Preview = lazyPart(async () => ({ default: (await import("./viewer.tsx")).Preview }), "the artifact")

/** JSON values up to this size are shown immediately. */
const inlineLimitBytes = 2048
const first = 60

export const Refs = ({
  none,
  refs,
  run,
  task
}: {
  readonly refs: ReadonlyArray<RefRecord>
  readonly run: string
  readonly task: string
  readonly none: string
}) => {
  const [all, setAll] = useState(false)
  if (refs.length === 0) return <p className="body muted">{none}</p>
  const shown = all ? refs : refs.slice(0, first)
  return (
    <ul className="refs">
      {shown.map((ref) => (
        <RefRow key={ref.name} artifact={ref} run={run} task={task} />
      ))}
      {shown.length < refs.length ? (
        <li>
          <button type="button" className="quiet" onClick={() => setAll(true)}>
            Show all {count(refs.length)}
          </button>
        </li>
      ) : null}
    </ul>
  )
}

const RefRow = ({
  artifact,
  run,
  task
}: {
  readonly artifact: RefRecord
  readonly run: string
  readonly task: string
}) => {
  const [open, setOpen] = useState(false)
  const shown = artifact.format === "json" && artifact.size <= inlineLimitBytes
  return (
    <li className={open ? "open" : ""}>
      <div className="ref">
        {shown ? (
          <span className="ref-toggle" />
        ) : (
          <button
            type="button"
            className="ref-toggle"
            onClick={() => setOpen(!open)}
            aria-expanded={open}
            aria-label={`Preview of ${artifact.name}`}
          >
            <svg viewBox="0 0 10 10" width="9" height="9" aria-hidden="true" className={open ? "open" : ""}>
              <path d="M3 1.5 7 5 3 8.5" fill="none" stroke="currentColor" strokeWidth="1.6" />
            </svg>
          </button>
        )}
        <Link to={toArtifactOf(run, task, artifact.name)} className="ref-name">
          {artifact.name}
        </Link>
        <span className="ref-value">{shown ? <SmallValue digest={artifact.digest} /> : null}</span>
        <span className="badge">{artifact.format}</span>
        <span className="muted tabular ref-size">{size(artifact.size)}</span>
        <code className="muted" title={artifact.digest}>
          {shortDigest(artifact.digest)}
        </code>
        <span className="ref-writer">
          {artifact.writer === undefined ? (
            <span className="muted">literal</span>
          ) : (
            <Link to={toWriter(artifact.writer)} title={artifact.writer}>
              {artifact.writer.split("/").slice(1).join("/")}
            </Link>
          )}
        </span>
      </div>
      {open ? (
        <Boundary place={artifact.digest}>
          <Preview artifact={artifact} />
        </Boundary>
      ) : null}
    </li>
  )
}

const decoder = new TextDecoder()

const SmallValue = ({ digest }: { readonly digest: string }) => {
  const text = Api.useQuery(`small ${digest}`, async (signal) =>
    decoder.decode(await Api.bytes(digest, 0, inlineLimitBytes, signal))
  )
  if (text.error !== undefined) return <span className="bad-text">{text.error.message}</span>
  return <code title={text.data}>{text.data ?? ""}</code>
}
