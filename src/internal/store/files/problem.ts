/** What may be wrong with the file of an artifact, as errors with a sentence each. */
import { ArtifactError } from "../artifactError.ts"
import * as Bytes from "../bytes.ts"
import type { Places } from "./places.ts"

/** @param hint Ends the sentence. */
export const missing = ({ pathOf }: Places, digest: string, hint: string): ArtifactError =>
  new ArtifactError({
    reason: "missing",
    digest,
    message: `Artifact ${digest} is not in the store: there is no file ${pathOf(digest)}${hint}`
  })

/** @param isMoved Whether the file was set apart. */
export const altered = ({ damaged, pathOf }: Places, digest: string, isMoved: boolean): ArtifactError =>
  new ArtifactError({
    reason: "altered",
    digest,
    message:
      `Artifact ${digest} was altered: the bytes of ${pathOf(digest)} no longer have this digest` +
      `${isMoved ? `, so the file was moved to ${damaged}` : ""}. ` +
      "Resume the run to execute the task that wrote it again, or restore the file from a copy."
  })

export const gone = ({ directory }: Places, cause: unknown): ArtifactError =>
  Bytes.failed(
    "unwritable",
    `The directory ${directory} of the store is gone: it was deleted, moved or unmounted while the store was in use`,
    cause
  )

export const readOnly = ({ directory }: Places): ArtifactError =>
  new ArtifactError({
    reason: "unwritable",
    message: `An artifact can't be written to ${directory}: the store was opened for reading only.`
  })
