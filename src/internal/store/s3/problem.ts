/** What may go wrong with an artifact in a bucket, as errors with a sentence each. */
import type { S3Error } from "../../s3/failure.ts"
import { ArtifactError } from "../artifactError.ts"
import type { Places } from "./places.ts"

export const missing = ({ keyOf, show }: Places, digest: string): ArtifactError =>
  new ArtifactError({
    reason: "missing",
    digest,
    message: `Artifact ${digest} is not in the store: there is no object ${show(keyOf(digest))}. Was it removed by a lifecycle rule of the bucket, or is it in another bucket?`
  })

export const altered = ({ keyOf, show }: Places, digest: string): ArtifactError =>
  new ArtifactError({
    reason: "altered",
    digest,
    message:
      `Artifact ${digest} was altered: the bytes of ${show(keyOf(digest))} no longer have this digest. ` +
      "Resume the run to execute the task that wrote it again, or restore the object from a copy."
  })

/** The bytes that arrived are not those of the object, which is intact. */
export const garbled = ({ keyOf, show }: Places, digest: string): ArtifactError =>
  new ArtifactError({
    reason: "unreadable",
    digest,
    message: `Artifact ${digest} arrived altered from ${show(keyOf(digest))}, where it is intact: something between this machine and the server changes bytes. Try again.`
  })

export const unreadable = (places: Places, digest: string, error: S3Error): ArtifactError =>
  error.kind === "missing"
    ? missing(places, digest)
    : new ArtifactError({
        reason: "unreadable",
        digest,
        message: `Artifact ${digest} can't be read from ${places.show(places.keyOf(digest))}: ${error.reason}.`
      })

export const unwritable = (places: Places, digest: string, error: S3Error): ArtifactError =>
  new ArtifactError({
    reason: "unwritable",
    digest,
    message: `Artifact ${digest} can't be written to ${places.show(places.keyOf(digest))}: ${error.reason}.`
  })

/** Something about the whole bucket failed. */
export const ofStore = (places: Places, what: string, error: S3Error): ArtifactError =>
  new ArtifactError({
    reason: what === "read" ? "unreadable" : "unwritable",
    message: `The artifacts in ${places.show(places.prefix)} can't be ${what}: ${error.reason}.`
  })

export const readOnly = (places: Places): ArtifactError =>
  new ArtifactError({
    reason: "unwritable",
    message: `An artifact can't be written to ${places.show(places.prefix)}: the store was opened for reading only.`
  })
