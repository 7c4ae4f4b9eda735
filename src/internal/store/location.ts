/** What the location of a store says, whichever kind it is. */
import type * as Redacted from "effect/Redacted"
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

/** Where large artifacts are, for messages: a directory, or the address of a bucket. */
export const blobsOf = (location: Location | undefined): string =>
  location === undefined
    ? ""
    : location.kind === "s3"
      ? Address.show({ bucket: location.bucket, key: location.prefix })
      : location.kind === "postgres"
        ? location.blobs
        : location.directory
