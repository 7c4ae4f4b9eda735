/** What the location of a store says, whichever kind it is. */
import * as Redacted from "effect/Redacted"
import * as Address from "../s3/address.ts"
import type { Location } from "./artifactStore.ts"

/** The URL of the Postgres database that holds the runs, if one does. */
export const databaseUrl = (location: Location | undefined): Redacted.Redacted | undefined =>
  location === undefined || location.kind === "local"
    ? undefined
    : location.kind === "postgres"
      ? location.url
      : location.runs.kind === "postgres"
        ? location.runs.url
        : undefined

/** Whether two stores keep their runs apart and their large artifacts in one place, where each would remove the other's. */
export const sharesBlobs = (one: Location | undefined, other: Location | undefined): boolean => {
  if (one === undefined || other === undefined || one.kind !== other.kind || blobsOf(one) !== blobsOf(other))
    return false
  const [url, otherUrl] = [databaseUrl(one), databaseUrl(other)]
  if (one.kind !== "s3" || other.kind !== "s3") return !isSame(url, otherUrl)
  const directory = one.runs.kind === "local" ? one.runs.directory : ""
  const otherDirectory = other.runs.kind === "local" ? other.runs.directory : ""
  return one.endpoint === other.endpoint && (!isSame(url, otherUrl) || directory !== otherDirectory)
}

const isSame = (url: Redacted.Redacted | undefined, other: Redacted.Redacted | undefined): boolean =>
  url === undefined || other === undefined ? url === other : Redacted.value(url) === Redacted.value(other)

/** Where large artifacts are, for messages: a directory, or the address of a bucket. */
export const blobsOf = (location: Location | undefined): string =>
  location === undefined
    ? ""
    : location.kind === "s3"
      ? Address.show({ bucket: location.bucket, key: location.prefix })
      : location.kind === "postgres"
        ? location.blobs
        : location.directory
