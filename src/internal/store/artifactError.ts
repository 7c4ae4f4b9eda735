/** How a store fails, and where it says bytes went: what the stores share with the service that they implement. */
import * as Schema from "effect/Schema"

/**
 * An artifact could not be written or read.
 *
 * `reason` is `missing` (no such bytes in the store), `altered` (bytes that do not fit their digest), `invalid` (a value
 * that its schema rejects), `mismatch` (stored under a schema that the reader's does not accept), `unreadable` or
 * `unwritable` (the store's medium failed).
 */
export class ArtifactError extends Schema.TaggedError<ArtifactError>()("ArtifactError", {
  reason: Schema.Literals(["missing", "altered", "invalid", "mismatch", "unreadable", "unwritable"]),
  message: Schema.String,
  /** The artifact's name, `train/3/model`, where it has one. */
  artifact: Schema.optionalKey(Schema.String),
  digest: Schema.optionalKey(Schema.String)
}) {}

/** Where bytes went. */
export interface Address {
  readonly digest: string
  /** In bytes. */
  readonly size: number
}
