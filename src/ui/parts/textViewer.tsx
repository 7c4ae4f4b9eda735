/** A text: Markdown as a document, CSV as a table, code in colours with numbered lines, anything else as it is. */
import { useMemo, useState } from "react"
import * as CardMarkdown from "../../internal/card/markdown.ts"
import type { RefRecord } from "../../RunRecord.ts"
import * as Api from "../api.ts"
import { count, size } from "../format.ts"
import { languageOf, tokens } from "../model/code.ts"
import * as Csv from "../model/csv.ts"
import { Failure, Loading } from "./basic.tsx"
import { Tree } from "./tree.tsx"
import "../styles/card.css"

const headBytes = 512 * 1024
/** Longer texts are shown without colours. */
const colourLimit = 200_000
const csvRowsLimit = 1000

/** Decodes texts of the charset that a media type names; UTF-8 where it names none, or one that is unknown. */
const decoderOf = (mediaType: string): TextDecoder => {
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(mediaType)?.[1]
  try {
    return new TextDecoder(charset)
  } catch {
    return new TextDecoder()
  }
}

type Kind = "markdown" | "csv" | "code" | "plain"

const kindOf = ({ extension = "", mediaType }: RefRecord): Kind => {
  const type = (mediaType.split(";")[0] ?? "").trim().toLowerCase()
  if (type === "text/markdown" || extension === ".md") return "markdown"
  if (type === "text/csv" || type === "text/tab-separated-values" || /^\.[ct]sv$/.test(extension)) return "csv"
  return languageOf(mediaType, extension) === undefined ? "plain" : "code"
}

const TextViewer = ({ artifact }: { readonly artifact: RefRecord }) => {
  const { digest, extension, mediaType } = artifact
  const kind = kindOf(artifact)
  const end = Math.min(artifact.size, headBytes)
  const [isSource, setSource] = useState(false)
  const result = Api.useQuery(`text ${digest} ${mediaType}`, async (signal) =>
    // A letter that is cut at the end is left out.
    decoderOf(mediaType).decode(await Api.bytes(digest, 0, end, signal), { stream: end < artifact.size })
  )
  if (result.error !== undefined) return <Failure error={result.error} retry={result.reload} />
  if (result.data === undefined) return <Loading what="the text" />
  const text = result.data
  const rest = artifact.size - end
  return (
    <>
      {kind === "markdown" || kind === "csv" ? (
        <div className="json-tools">
          <button
            type="button"
            aria-pressed={!isSource}
            className={isSource ? "" : "pressed"}
            onClick={() => setSource(false)}
          >
            {kind === "csv" ? "Table" : "Document"}
          </button>
          <button
            type="button"
            aria-pressed={isSource}
            className={isSource ? "pressed" : ""}
            onClick={() => setSource(true)}
          >
            Source
          </button>
        </div>
      ) : null}
      {kind === "markdown" && !isSource ? (
        <Document text={text} />
      ) : kind === "csv" && !isSource ? (
        <CsvTable text={text} isWhole={rest <= 0} />
      ) : kind === "code" && text.length <= colourLimit ? (
        <Code text={text} language={languageOf(mediaType, extension) ?? ""} />
      ) : (
        <pre className="text-viewer" tabIndex={0}>
          {text}
        </pre>
      )}
      {rest > 0 ? <p className="viewer-note">And {size(rest)} more: download it to see all of it.</p> : null}
    </>
  )
}

export default TextViewer

const Document = ({ text }: { readonly text: string }) => {
  const nodes = useMemo(() => CardMarkdown.parse(text), [text])
  return (
    <div className="card document" tabIndex={0} role="group" aria-label="Document">
      <Tree nodes={nodes} />
    </div>
  )
}

const CsvTable = ({ isWhole, text }: { readonly text: string; readonly isWhole: boolean }) => {
  const rows = useMemo(() => Csv.parse(text, csvRowsLimit + 1), [text])
  const [head = [], ...body] = rows
  return (
    <div className="csv-viewer" tabIndex={0} role="group" aria-label="Rows">
      <table>
        <thead>
          <tr>
            {head.map((name, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: columns have no other identity than their order
              <th key={i} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {body.map((row, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows have no other identity than their order
            <tr key={i}>
              {head.map((_, j) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: as above
                <td key={j} className={/^-?[\d.]+$/.test(row[j] ?? "") ? "right" : ""}>
                  {row[j] ?? ""}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p className="viewer-note">
        {body.length >= csvRowsLimit || !isWhole
          ? `The first ${count(body.length)} rows`
          : `${count(body.length)} rows`}
        , {count(head.length)} columns
      </p>
    </div>
  )
}

const Code = ({ language, text }: { readonly text: string; readonly language: string }) => {
  const pieces = useMemo(() => tokens(text, language), [text, language])
  const lines = useMemo(() => text.split("\n").length, [text])
  return (
    <div className="code-viewer" tabIndex={0} role="group" aria-label="Code">
      <pre className="line-numbers" aria-hidden="true">
        {Array.from({ length: lines }, (_, i) => i + 1).join("\n")}
      </pre>
      <pre>
        {pieces.map(({ kind, text: piece }, i) =>
          kind === "plain" ? (
            piece
          ) : (
            // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no other identity than their order
            <span key={i} className={`code-${kind}`}>
              {piece}
            </span>
          )
        )}
      </pre>
    </div>
  )
}
