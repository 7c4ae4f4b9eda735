/**
 * Artifacts read without the types of the flow that wrote them, for tools: by their format alone. A JSON value is what its
 * bytes say, a table its columns as the file has them, tensors are tensors.
 */
import * as Effect from "effect/Effect"
import * as Artifact from "../../Artifact.ts"
import { ArtifactStore } from "../../ArtifactStore.ts"
import * as Parquet from "../../Parquet.ts"
import type { RefRecord } from "../../RunRecord.ts"
import { messageOf } from "../cause.ts"

import * as Description from "../schema/description.ts"
import { read } from "./values.ts"

/** An artifact of a record's format, that reads whatever was stored. Tables and JSON values can't be written with it. */
export const genericArtifact = (record: RefRecord): Artifact.Any => {
  switch (record.format) {
    case "table":
      return table
    case "tensors":
      return Artifact.tensors()
    case "text":
      return Artifact.text(record.mediaType)
    case "file":
      return Artifact.file(record.mediaType)
    case "dataset": // the list of its parts
    case "json":
      return json
    default:
      return Artifact.bytes(record.mediaType)
  }
}

/**
 * The value of a stored artifact, read by its format: a JSON value, `{ numRows, columns }` of a table, the
 * list of a dataset's parts, `{ tensors,
 * metadata }`, a text, bytes, or the path of a file.
 *
 * @example
 * ```ts
 * const task = yield* Run.task("latest", "train")
 * const values = yield* Effect.forEach(task.outputs, Run.readUntyped)
 * ```
 */
export const readUntyped = (record: RefRecord) =>
  Effect.flatMap(
    ArtifactStore,
    (store) => read(store, genericArtifact(record) as Artifact.Artifact<unknown>, record) // whatever it holds
  )

const readOnly = () => Effect.fail(new Artifact.CodecError({ message: "an artifact of unknown type can only be read" }))

const json = Artifact.make<unknown>({
  format: "json",
  mediaType: "application/json",
  description: Description.lazy(() => Description.make({ format: "json", untyped: true })),
  encode: readOnly,
  decode: (stored) =>
    Effect.flatMap(stored.bytes, (bytes) =>
      Effect.try({
        try: () => JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown,
        catch: (cause) =>
          new Artifact.CodecError({ message: `the stored bytes are not valid JSON: ${messageOf(cause)}` })
      })
    )
})

const table = Artifact.make<unknown>({
  format: "table",
  mediaType: "application/vnd.apache.parquet",
  description: Description.lazy(() => Description.make({ format: "table", untyped: true })),
  encode: readOnly,
  decode: (stored) =>
    Effect.flatMap(stored.path, (path) =>
      Effect.mapBoth(Parquet.readAny(path), {
        onFailure: ({ message }) => new Artifact.CodecError({ message: message.replace(`${path}: `, "") }),
        onSuccess: ({ columns, numRows }) => ({ numRows, columns })
      })
    )
})
