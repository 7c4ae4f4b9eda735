/**
 * What the run database knows of the objects in a bucket: when each was last wanted, how the server named its contents,
 * and whether it is being removed. A bucket can't answer the first, and without the last, garbage collection could remove
 * an object that a writer has just found to be there.
 *
 * The protocol: a writer claims a digest before it looks for the object or writes it. Garbage collection marks the rows
 * of objects as leaving, unless they were claimed since, removes the objects, and then the rows. A writer that meets a
 * leaving row waits until it is gone, and writes the object anew.
 */
import type * as Effect from "effect/Effect"
import type { ArtifactError } from "./artifactError.ts"
import type { Aged } from "./blobs.ts"

/** What is known of an object. */
export interface Entry extends Aged {
  /** The server's name for its contents; empty if it is not known, and `damaged` where the object is. */
  readonly etag: string
}

/** The etag of an object that was found not to have its digest. */
export const damaged = "damaged"

/** A digest that is wanted, with what its first writer knows of it. */
export interface Claim {
  readonly digest: string
  /** In bytes; -1 if it is not known. */
  readonly size: number
  readonly etag: string
}

export interface Ledger {
  /** Starts the age of objects anew. Yields what is known of each, and nothing of those that are being removed. */
  readonly claim: (
    claims: ReadonlyArray<Claim>,
    now: number
  ) => Effect.Effect<ReadonlyMap<string, Entry>, ArtifactError>
  /** Records what the server calls the contents of an object. */
  readonly settle: (digest: string, size: number, etag: string) => Effect.Effect<void, ArtifactError>
  /** What is known of digests after one, up to and including another; of all that follow, if that is undefined. */
  readonly between: (after: string, last: string | undefined) => Effect.Effect<ReadonlyArray<Entry>, ArtifactError>
  /**
   * Marks objects as leaving, unless they were claimed since a time or a run refers to them. Yields those it marked.
   * An object of which nothing was known is marked too.
   */
  readonly leave: (
    objects: ReadonlyArray<{ readonly digest: string; readonly size: number }>,
    before: number
  ) => Effect.Effect<ReadonlyArray<string>, ArtifactError>
  /** Forgets objects that are removed. */
  readonly left: (digests: ReadonlyArray<string>) => Effect.Effect<void, ArtifactError>
  /** Forgets objects that were never written, or are lost, unless they were claimed since a time. */
  readonly forget: (digests: ReadonlyArray<string>, before: number) => Effect.Effect<void, ArtifactError>
}
