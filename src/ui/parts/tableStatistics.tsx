/** Statistics of a table's columns over all of its rows. */
import * as Api from "../api.ts"
import { count, number } from "../format.ts"
import { Failure, Loading } from "./basic.tsx"
import { Histogram } from "./histogram.tsx"

const isTime = (kind: string): boolean => kind === "time" || kind === "date"

export const TableStatistics = ({ digest }: { readonly digest: string }) => {
  const result = Api.useQuery(`statistics ${digest}`, (signal) => Api.statistics(digest, signal))
  if (result.error !== undefined) return <Failure error={result.error} retry={result.reload} />
  if (result.data === undefined) return <Loading what="all rows" />
  const { columns, rows } = result.data
  return (
    <section className="statistics" aria-label="Statistics over all rows" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {["Column", "Null", "Distinct", "Min", "Mean", "Deviation", "Max", "Values"].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {columns.map((column) => {
            const show = (value: number | undefined) =>
              value === undefined
                ? "–"
                : isTime(column.kind)
                  ? new Date(value).toISOString().slice(0, 19).replace("T", " ")
                  : number(value)
            return (
              <tr key={column.name}>
                <th scope="row">{column.name}</th>
                <td className="right tabular">{count(column.nulls)}</td>
                <td className="right tabular">{column.distinct === undefined ? "many" : count(column.distinct)}</td>
                <td className="right tabular">{show(column.min)}</td>
                <td className="right tabular">{show(column.mean)}</td>
                <td className="right tabular">
                  {column.deviation === undefined || isTime(column.kind) ? "–" : number(column.deviation)}
                </td>
                <td className="right tabular">{show(column.max)}</td>
                <td>
                  {column.histogram === undefined ? null : <Histogram histogram={column.histogram} format={show} />}
                  {column.top?.map(({ count: times, value }) => (
                    <span key={value} className="look-top">
                      {value === "" ? "(empty)" : value} <i>{count(times)}</i>
                    </span>
                  ))}
                  {column.nonFinite === undefined || column.nonFinite === 0 ? null : (
                    <span className="bad-text">{count(column.nonFinite)} not finite</span>
                  )}
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
      <p className="viewer-note">Over all {count(rows)} rows.</p>
    </section>
  )
}
