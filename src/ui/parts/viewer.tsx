/** Shows an artifact by its format. Its bytes are always shown as data: text, cells, numbers, an image. */
import * as Api from "../api.ts"
import { size } from "../format.ts"
import { Failure, Loading } from "./basic.tsx"
import { Boundary, lazyPart } from "./boundary.tsx"
import { JsonTree } from "./json.tsx"
import "../styles/artifact.css"

const TableViewer = lazyPart(() => import("./table.tsx"), "the table")
const TensorsViewer = lazyPart(() => import("./tensors.tsx"), "the tensors")

/** JSON values up to this size are shown as a tree. Of larger values, the beginning is shown as text. */
const treeLimitBytes = 4_000_000
const head = 128 * 1024

/** A viewer for a digest. It first loads the artifact's metadata. */
export const Preview = ({ digest }: { readonly digest: string }) => {
  const result = Api.useQuery(`artifact ${digest}`, (signal) => Api.artifact(digest, signal))
  if (result.error !== undefined) return <Failure error={result.error} retry={result.reload} />
  return result.data === undefined ? <Loading what="the artifact" /> : <Viewer artifact={result.data} compact />
}

export const Viewer = ({
  artifact,
  compact = false
}: {
  readonly artifact: Api.ArtifactView
  readonly compact?: boolean
}) => {
  const { ref, viewer } = artifact
  return (
    <Boundary place={ref.digest}>
      {viewer === "table" ? (
        <TableViewer digest={ref.digest} compact={compact} />
      ) : viewer === "tensors" ? (
        <TensorsViewer digest={ref.digest} compact={compact} />
      ) : viewer === "image" ? (
        <div className="image-viewer">
          <img src={Api.contentUrl(ref.digest)} alt={`The artifact ${ref.name}`} />
        </div>
      ) : viewer === "json" ? (
        <JsonViewer digest={ref.digest} bytes={ref.size} compact={compact} />
      ) : viewer === "text" ? (
        <TextViewer digest={ref.digest} bytes={ref.size} />
      ) : (
        <HexViewer digest={ref.digest} bytes={ref.size} />
      )}
    </Boundary>
  )
}

const decoder = new TextDecoder()

const JsonViewer = ({
  bytes,
  compact,
  digest
}: {
  readonly digest: string
  readonly bytes: number
  readonly compact: boolean
}) => {
  const large = bytes > treeLimitBytes
  const result = Api.useQuery(`json ${digest}`, async (signal) => {
    const text = decoder.decode(await Api.bytes(digest, 0, large ? head : bytes, signal))
    return large ? { text } : { value: JSON.parse(text) as unknown }
  })
  if (result.error !== undefined) return <Failure error={result.error} retry={result.reload} />
  if (result.data === undefined) return <Loading what="the value" />
  return "text" in result.data ? (
    <Plain text={result.data.text ?? ""} rest={bytes - head} />
  ) : (
    <div className="json-viewer">
      <JsonTree value={result.data.value} open={compact ? 1 : 2} />
    </div>
  )
}

const TextViewer = ({ bytes, digest }: { readonly digest: string; readonly bytes: number }) => {
  const end = Math.min(bytes, head)
  const result = Api.useQuery(`text ${digest}`, async (signal) =>
    decoder.decode(await Api.bytes(digest, 0, end, signal))
  )
  if (result.error !== undefined) return <Failure error={result.error} retry={result.reload} />
  return result.data === undefined ? <Loading what="the text" /> : <Plain text={result.data} rest={bytes - end} />
}

const Plain = ({ rest, text }: { readonly text: string; readonly rest: number }) => (
  <>
    <pre className="text-viewer" tabIndex={0}>
      {text}
    </pre>
    {rest > 0 ? <p className="viewer-note">And {size(rest)} more: download it to see all of it.</p> : null}
  </>
)

const HexViewer = ({ bytes, digest }: { readonly digest: string; readonly bytes: number }) => {
  const end = Math.min(bytes, 4096)
  const result = Api.useQuery(`hex ${digest}`, async (signal) => hex(await Api.bytes(digest, 0, end, signal)))
  if (result.error !== undefined) return <Failure error={result.error} retry={result.reload} />
  return result.data === undefined ? <Loading what="the bytes" /> : <Plain text={result.data} rest={bytes - end} />
}

const hex = (bytes: Uint8Array): string => {
  const lines: Array<string> = []
  for (let at = 0; at < bytes.length; at += 16) {
    const row = Array.from(bytes.subarray(at, at + 16))
    const digits = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ")
    const letters = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·")).join("")
    lines.push(`${at.toString(16).padStart(6, "0")}  ${digits.padEnd(47)}  ${letters}`)
  }
  return lines.join("\n")
}
