/** A dataset: its parts with their rows and statistics, and the rows of the part that is picked. */
import { useMemo, useState } from "react"
import * as Api from "../api.ts"
import { count, number, shortDigest, size } from "../format.ts"
import { toArtifact } from "../router.ts"
import { Failure, Link, Loading } from "./basic.tsx"
import TableViewer from "./table.tsx"

interface Known {
  readonly nullCount?: number
  readonly min?: unknown
  readonly max?: unknown
}

interface DatasetPart {
  readonly digest: string
  readonly size: number
  readonly numRows: number
  readonly statistics: Readonly<Record<string, Known>>
}

interface Manifest {
  readonly numRows: number
  readonly parts: ReadonlyArray<DatasetPart>
}

const decoder = new TextDecoder()
const partsAtOnce = 100

/** A bound as the manifest has it: large integers and times are tagged. */
const boundText = (bound: unknown): string => {
  if (typeof bound === "number") return number(bound)
  if (typeof bound === "object" && bound !== null) {
    if ("int" in bound) return String(bound.int)
    if ("date" in bound) return new Date(Number(bound.date)).toISOString().slice(0, 10)
  }
  const text = String(bound)
  return text.length > 24 ? `${text.slice(0, 24)}…` : text
}

const rangeOf = ({ max, min, nullCount }: Known): string =>
  [
    min === undefined ? "" : min === max ? boundText(min) : `${boundText(min)} … ${boundText(max)}`,
    nullCount === undefined || nullCount === 0 ? "" : `${count(nullCount)} null`
  ]
    .filter(Boolean)
    .join(", ")

const DatasetViewer = ({
  bytes,
  compact,
  digest
}: {
  readonly digest: string
  readonly bytes: number
  readonly compact: boolean
}) => {
  const result = Api.useQuery(`dataset ${digest}`, async (signal) => {
    const manifest: Manifest = JSON.parse(decoder.decode(await Api.bytes(digest, 0, bytes, signal)))
    return manifest
  })
  const [picked, setPicked] = useState<string>()
  const [shown, setShown] = useState(partsAtOnce)
  const parts = result.data?.parts ?? noParts
  const columns = useMemo(() => [...new Set(parts.flatMap(({ statistics }) => Object.keys(statistics)))], [parts])
  if (result.error !== undefined) return <Failure error={result.error} retry={result.reload} />
  if (result.data === undefined) return <Loading what="the dataset" />
  const current = picked ?? parts[0]?.digest
  return (
    <div className="dataset">
      <p className="viewer-note">
        {count(result.data.numRows)} rows in {count(parts.length)} {parts.length === 1 ? "part" : "parts"},{" "}
        {size(parts.reduce((sum, part) => sum + part.size, 0))}
      </p>
      <div className="dataset-parts" tabIndex={0} role="group" aria-label="Parts">
        <table>
          <thead>
            <tr>
              {["Part", "Rows", "Size", ...columns, ""].map((title, i) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a column may be called as one of the others
                <th key={i} scope="col">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {parts.slice(0, shown).map((part, i) => (
              <tr key={part.digest} className={part.digest === current ? "picked" : ""}>
                <th scope="row">
                  <button
                    type="button"
                    className="quiet"
                    onClick={() => setPicked(part.digest)}
                    aria-pressed={part.digest === current}
                  >
                    {count(i + 1)}
                  </button>
                </th>
                <td className="right tabular">{count(part.numRows)}</td>
                <td className="right tabular">{size(part.size)}</td>
                {columns.map((name) => (
                  <td key={name} className="mono">
                    {part.statistics[name] === undefined ? "" : rangeOf(part.statistics[name])}
                  </td>
                ))}
                <td>
                  <Link to={toArtifact(part.digest)} className="mono">
                    {shortDigest(part.digest)}
                  </Link>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {parts.length > shown ? (
          <button type="button" className="quiet" onClick={() => setShown(shown + partsAtOnce)}>
            {count(parts.length - shown)} more parts
          </button>
        ) : null}
      </div>
      {current === undefined || compact ? null : <TableViewer key={current} digest={current} compact={false} />}
    </div>
  )
}

export default DatasetViewer

const noParts: Manifest["parts"] = []
