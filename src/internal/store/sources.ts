/**
 * Where artifacts were copied from: which bytes lay at an address in a version. So an object that has not changed is not
 * copied again by the next run. It is a memory, and no record: what it has forgotten is copied once more.
 */
import type * as Effect from "effect/Effect"
import type { Address, ArtifactError } from "./artifactError.ts"

/** How many are remembered; the oldest go. */
export const sourcesKept = 10_000

export interface Sources {
  /** The bytes that were copied from a source, if that is remembered. */
  readonly find: (source: string) => Effect.Effect<Address | undefined, ArtifactError>
  /** Remembers a source. */
  readonly keep: (source: string, address: Address) => Effect.Effect<void, ArtifactError>
}
