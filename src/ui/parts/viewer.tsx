/** Shows an artifact by its format. Its bytes are always shown as data: text, cells, numbers, an image. */
import * as Api from "../api.ts"
import { Failure, Loading } from "./basic.tsx"
import { Boundary, lazyPart } from "./boundary.tsx"
import { HexViewer } from "./hexViewer.tsx"
import type { ArtifactOf } from "./imageViewer.tsx"
import "../styles/artifact.css"

const TableViewer = lazyPart(() => import("./table.tsx"), "the table")
const TensorsViewer = lazyPart(() => import("./tensors.tsx"), "the tensors")
const JsonViewer = lazyPart(() => import("./jsonViewer.tsx"), "the value")
const TextViewer = lazyPart(() => import("./textViewer.tsx"), "the text")
const DatasetViewer = lazyPart(() => import("./dataset.tsx"), "the dataset")
const ImageViewer = lazyPart(() => import("./imageViewer.tsx"), "the image")
const ModelViewer = lazyPart(() => import("./nbowModel.tsx"), "the model")

/** A viewer for an artifact of a task. It first loads what the store knows of it. */
export const Preview = ({ artifact }: { readonly artifact: Api.Looked }) => {
  const result = Api.useQuery(Api.keyOf(artifact), (signal) => Api.artifact(artifact, signal))
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
  if (ref.size === 0) return <p className="viewer-note">It is empty: it has no bytes.</p>
  // A media type and the beginning of a file are promises. Where the bytes break them, they are shown as what they are.
  const bytes = <HexViewer digest={ref.digest} bytes={ref.size} />
  return (
    <Boundary place={ref.digest}>
      {viewer === "table" ? (
        <TableViewer digest={ref.digest} compact={compact} otherwise={bytes} />
      ) : viewer === "tensors" ? (
        <TensorsViewer digest={ref.digest} compact={compact} />
      ) : viewer === "image" ? (
        <ImageViewer artifact={ref} of={of} otherwise={bytes} />
      ) : viewer === "json" ? (
        <JsonViewer digest={ref.digest} compact={compact} otherwise={<TextViewer artifact={ref} />} />
      ) : viewer === "text" ? (
        <TextViewer artifact={ref} />
      ) : viewer === "dataset" ? (
        <DatasetViewer digest={ref.digest} bytes={ref.size} compact={compact} />
      ) : viewer === "model" ? (
        <ModelViewer digest={ref.digest} compact={compact} />
      ) : (
        bytes
      )}
    </Boundary>
  )
}
