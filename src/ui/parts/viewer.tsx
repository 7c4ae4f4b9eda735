/** Looks into an artifact by its format. Whatever its bytes are, they are shown as data: text, cells, numbers, an image. */
import { lazy, Suspense } from "react"
import * as Api from "../api.ts"
import { size } from "../format.ts"
import { Failure, Loading } from "./basic.tsx"
import { JsonTree } from "./json.tsx"
import "../styles/artifact.css"

const TableViewer = lazy(() => import("./table.tsx"))
const TensorsViewer = lazy(() => import("./tensors.tsx"))

/** Up to this many bytes a JSON value is a tree; beyond, its first part is text. */
const largestTree = 4_000_000
const head = 128 * 1024

/** The viewer for a digest: first it asks what it is. */
export const Preview = ({ digest }: { readonly digest: string }) => {
  const asked = Api.useAsk(digest, (signal) => Api.artifact(digest, signal))
  if (asked.error !== undefined) return <Failure error={asked.error} retry={asked.reload} />
  return asked.data === undefined ? <Loading what="the artifact" /> : <Viewer artifact={asked.data} compact />
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
    <Suspense fallback={<Loading what="the artifact" />}>
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
    </Suspense>
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
  const large = bytes > largestTree
  const asked = Api.useAsk(digest, async (signal) => {
    const text = decoder.decode(await Api.bytes(digest, 0, large ? head : bytes, signal))
    return large ? { text } : { value: JSON.parse(text) as unknown }
  })
  if (asked.error !== undefined) return <Failure error={asked.error} retry={asked.reload} />
  if (asked.data === undefined) return <Loading what="the value" />
  return "text" in asked.data ? (
    <Plain text={asked.data.text ?? ""} rest={bytes - head} />
  ) : (
    <div className="json-viewer">
      <JsonTree value={asked.data.value} open={compact ? 1 : 2} />
    </div>
  )
}

const TextViewer = ({ bytes, digest }: { readonly digest: string; readonly bytes: number }) => {
  const end = Math.min(bytes, head)
  const asked = Api.useAsk(digest, async (signal) => decoder.decode(await Api.bytes(digest, 0, end, signal)))
  if (asked.error !== undefined) return <Failure error={asked.error} retry={asked.reload} />
  return asked.data === undefined ? <Loading what="the text" /> : <Plain text={asked.data} rest={bytes - end} />
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
  const asked = Api.useAsk(digest, async (signal) => hex(await Api.bytes(digest, 0, end, signal)))
  if (asked.error !== undefined) return <Failure error={asked.error} retry={asked.reload} />
  return asked.data === undefined ? <Loading what="the bytes" /> : <Plain text={asked.data} rest={bytes - end} />
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
