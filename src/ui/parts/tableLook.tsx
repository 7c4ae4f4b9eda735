/** What a column holds at a glance: frequent values, or a histogram. */
import type * as Api from "../api.ts"
import { number } from "../format.ts"
import { Histogram } from "./histogram.tsx"

export const Look = ({ look, of }: { readonly look: Api.ColumnView | undefined; readonly of: number }) => {
  if (look === undefined) return <span className="look" />
  const nulls =
    look.nulls === 0 ? null : (
      <span title={`${look.nulls} of ${of} rows`}>{Math.round((look.nulls / Math.max(1, of)) * 100)}% null</span>
    )
  if (look.top !== undefined) {
    return (
      <span className="look">
        {look.top.slice(0, 2).map(({ count: times, value }) => (
          <span key={value} className="look-top" title={`${times} times`}>
            {value === "" ? "(empty)" : value} <i>{Math.round((times / Math.max(1, of)) * 100)}%</i>
          </span>
        ))}
        {nulls}
      </span>
    )
  }
  const time = look.kind === "time" || look.kind === "date"
  return (
    <span className="look">
      {look.histogram === undefined ? null : (
        <Histogram
          histogram={look.histogram}
          format={
            time
              ? (at) => new Date(at).toISOString().slice(0, 10)
              : look.kind === "text"
                ? (letters) => `${number(letters)} letters`
                : number
          }
        />
      )}
      {nulls}
    </span>
  )
}
