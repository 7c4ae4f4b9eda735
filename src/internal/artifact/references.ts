/**
 * What records refer to: an artifact each, and the parts of those that are datasets. Garbage collection,
 * verification and resuming all ask here.
 */
import type { RefRecord } from "../../RunRecord.ts"
import type { PartAddress } from "./artifact.ts"

/** All artifacts that records refer to, each once. */
export const addressesOf = (records: Iterable<RefRecord>): ReadonlyArray<PartAddress> => {
  const addresses = new Map<string, PartAddress>()
  for (const record of records) {
    addresses.set(record.digest, record)
    for (const part of record.parts ?? []) addresses.set(part.digest, part)
  }
  return [...addresses.values()]
}

/** Whether all that a record refers to is in a set. */
export const isWithin = ({ digest, parts = [] }: RefRecord, digests: ReadonlySet<string>): boolean =>
  digests.has(digest) && parts.every((part) => digests.has(part.digest))

/** Whether a record refers to an artifact, by itself or as a part. */
export const refersTo = ({ digest, parts = [] }: RefRecord, wanted: string): boolean =>
  digest === wanted || parts.some((part) => part.digest === wanted)
