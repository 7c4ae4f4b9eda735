/** A JSON value as a collapsible tree. Long lists are expanded in parts. */
import { useState } from "react"
import { count } from "../format.ts"
import { beginning, keyText, quoted } from "../model/jsonText.ts"

const partSize = 100

export const JsonTree = ({ open, value }: { readonly value: unknown; readonly open: number }) => (
  <div className="json">
    <Item value={value} open={open} />
  </div>
)

const Item = ({ name, open, value }: { readonly name?: string; readonly value: unknown; readonly open: number }) => {
  const [shown, setShown] = useState(open > 0)
  const [parts, setParts] = useState(1)
  const label = name === undefined ? null : <span className="json-name">{keyText(name)}: </span>
  if (typeof value !== "object" || value === null) {
    return (
      <div className="json-leaf">
        {label}
        <Scalar value={value} />
      </div>
    )
  }
  const entries: ReadonlyArray<readonly [string, unknown]> = Array.isArray(value)
    ? value.slice(0, parts * partSize).map((item, i) => [String(i), item])
    : Object.entries(value).slice(0, parts * partSize)
  const total = Array.isArray(value) ? value.length : Object.keys(value).length
  const [left, right] = Array.isArray(value) ? ["[", "]"] : ["{", "}"]
  if (total === 0) {
    return (
      <div className="json-leaf">
        {label}
        {left}
        {right}
      </div>
    )
  }
  return (
    <div className="json-node">
      <button type="button" onClick={() => setShown(!shown)} aria-expanded={shown}>
        <svg viewBox="0 0 10 10" width="9" height="9" aria-hidden="true" className={shown ? "open" : ""}>
          <path d="M3 1.5 7 5 3 8.5" fill="none" stroke="currentColor" strokeWidth="1.6" />
        </svg>
        {label}
        <span className="muted">
          {left} {count(total)} {right}
        </span>
      </button>
      {shown ? (
        <div className="json-children">
          {entries.map(([key, item]) => (
            <Item key={key} name={key} value={item} open={open - 1} />
          ))}
          {total > parts * partSize ? (
            <button type="button" className="json-more" onClick={() => setParts(parts + 1)}>
              {count(Math.min(partSize, total - parts * partSize))} more of {count(total - parts * partSize)}
            </button>
          ) : null}
        </div>
      ) : null}
    </div>
  )
}

const Scalar = ({ value }: { readonly value: unknown }) => {
  const [whole, setWhole] = useState(false)
  if (typeof value !== "string")
    return <span className={`json-${value === null ? "null" : typeof value}`}>{String(value)}</span>
  const long = value.length > 400
  return (
    <span className="json-string">
      {quoted(long && !whole ? beginning(value, 400) : value)}
      {long && !whole ? (
        <button type="button" className="json-more" onClick={() => setWhole(true)}>
          {count(value.length - 400)} more letters
        </button>
      ) : null}
    </span>
  )
}
