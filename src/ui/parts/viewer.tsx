/** Shows an artifact by its format. Its bytes are always shown as data: text, cells, numbers, an image. */
import * as Api from "../api.ts"
import { size } from "../format.ts"
import { Failure, Loading } from "./basic.tsx"
import { Boundary, lazyPart } from "./boundary.tsx"
import type { ArtifactOf } from "./imageViewer.tsx"
import "../styles/artifact.css"

const TableViewer = lazyPart(() => import("./table.tsx"), "the table")
const TensorsViewer = lazyPart(() => import("./tensors.tsx"), "the tensors")
const JsonViewer = lazyPart(() => import("./jsonViewer.tsx"), "the value")
const TextViewer = lazyPart(() => import("./textViewer.tsx"), "the text")
const DatasetViewer = lazyPart(() => import("./dataset.tsx"), "the dataset")
const ImageViewer = lazyPart(() => import("./imageViewer.tsx"), "the image")
const ModelViewer = lazyPart(() => import("./nbowModel.tsx"), "the model")

/** A viewer for a digest. It first loads the artifact's metadata. */
export const Preview = ({ digest }: { readonly digest: string }) => {
  const result = Api.useQuery(`artifact ${digest}`, (signal) => Api.artifact(digest, signal))
  if (result.error !== undefined) return <Failure error={result.error} retry={result.reload} />
  return result.data === undefined ? <Loading what="the artifact" /> : <Viewer artifact={result.data} compact />
}

export const Viewer = ({
  artifact,
  compact = false,
  of
}: {
  readonly artifact: Api.ArtifactView
  readonly compact?: boolean
  /** The task that it is looked at from. */
  readonly of?: ArtifactOf | undefined
}) => {
  const { ref, viewer } = artifact
  return (
    <Boundary place={ref.digest}>
      {viewer === "table" ? (
        <TableViewer digest={ref.digest} compact={compact} />
      ) : viewer === "tensors" ? (
        <TensorsViewer digest={ref.digest} compact={compact} />
      ) : viewer === "image" ? (
        <ImageViewer artifact={ref} of={of} />
      ) : viewer === "json" ? (
        <JsonViewer digest={ref.digest} compact={compact} />
      ) : viewer === "text" ? (
        <TextViewer artifact={ref} />
      ) : viewer === "dataset" ? (
        <DatasetViewer digest={ref.digest} bytes={ref.size} compact={compact} />
      ) : viewer === "model" ? (
        <ModelViewer digest={ref.digest} compact={compact} />
      ) : (
        <HexViewer digest={ref.digest} bytes={ref.size} />
      )}
    </Boundary>
  )
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
