/**
 * The service `ArtifactStore`, and what it takes and yields. It is a module of its own, below the stores that implement
 * it; the public module adds a layer to it.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Stream from "effect/Stream"
import type { ValueCache } from "../artifact/valueCache.ts"
import type { Keys, Provider } from "../s3/credentials.ts"
import type { Address, ArtifactError } from "./artifactError.ts"
import type { Sources } from "./sources.ts"

/**
 * How another thread or process opens a store, as data: `local` from the same machine, `postgres` from anywhere that
 * has the database and the directory of the blobs, `s3` from anywhere that has the runs and the bucket.
 */
export type Location = LocalLocation | PostgresLocation | BucketLocation

export interface LocalLocation {
  readonly kind: "local"
  readonly directory: string
  readonly sync: boolean
}

export interface PostgresLocation {
  readonly kind: "postgres"
  readonly url: Redacted.Redacted
  readonly blobs: string
}

/** Large artifacts in a bucket, and runs in Postgres or in a directory. */
export interface BucketLocation {
  readonly kind: "s3"
  readonly bucket: string
  readonly prefix: string
  readonly region?: string | undefined
  readonly endpoint?: string | undefined
  readonly forcePathStyle?: boolean | undefined
  /** Default: as AWS's tools find them. A function can't be handed to another thread. */
  readonly credentials?: Keys | Provider | undefined
  readonly cache: { readonly directory?: string | undefined; readonly limitBytes: number }
  readonly runs: Omit<PostgresLocation, "blobs"> | LocalLocation
}

/** A stored artifact that is not as it should be. */
export interface ArtifactFault {
  readonly digest: string
  /**
   * `altered` (the bytes do not have the digest), `unreadable`, `misplaced` (intact, but where no reader looks), or
   * `size` (intact, but recorded with another size).
   */
  readonly kind: "altered" | "unreadable" | "misplaced" | "size"
  /** Where it is: a path, or the database. */
  readonly where: string
  /** Why it can't be read, if it can't. */
  readonly reason?: string
  /** Whether it is as it should be now. */
  readonly repaired: boolean
}

/** What `verify` found. */
export interface VerifiedArtifacts {
  /** The digests that a reader gets the right bytes for. */
  readonly intact: ReadonlySet<string>
  readonly faults: ReadonlyArray<ArtifactFault>
}

/** The size in bytes up to which the stores of a run database keep an artifact in it. */
export const inlineLimit = 64 * 1024

/** Keeps bytes. Layers: `ArtifactStore.layerMemory`, and the ones in `Storage`. */
export class ArtifactStore extends Context.Service<
  ArtifactStore,
  {
    /** Up to this many bytes an artifact is kept in the run database, together with its task's record. */
    readonly inlineLimit: number
    /**
     * Stores bytes given in parts. The caller does not change them any more; a store that keeps them in memory gives
     * out copies. `address` where the caller has hashed them already.
     */
    readonly put: (chunks: ReadonlyArray<Uint8Array>, address?: Address) => Effect.Effect<Address, ArtifactError>
    /** Stores a file's bytes, without holding them in memory. */
    readonly putFile: (path: string) => Effect.Effect<Address, ArtifactError>
    /** The bytes, verified. They are the caller's own. */
    readonly get: (digest: string) => Effect.Effect<Uint8Array, ArtifactError>
    /**
     * The bytes or a range of them (end exclusive), in parts. Only a whole artifact is verified, at its end.
     *
     * @param options.reuse Whether a part may be written over as soon as the next one is asked for. That saves a store the
     *   memory, and the garbage, of as many arrays as there are parts. Default: false, each part is the caller's own.
     */
    readonly stream: (
      digest: string,
      range?: { readonly start: number; readonly end: number },
      options?: { readonly reuse?: boolean }
    ) => Stream.Stream<Uint8Array, ArtifactError>
    /**
     * A local file that holds the bytes, verified. Not to be written to.
     *
     * @param extension What its name ends in, `.csv`, for a tool that goes by that. Default: nothing in particular.
     */
    readonly path: (digest: string, extension?: string) => Effect.Effect<string, ArtifactError>
    /**
     * Starts the age of artifacts for `sweep` anew, and yields the digests of those that are there and intact. Given
     * with its size, a file of another size is not; small artifacts are hashed, and so is a file that something else
     * has written to.
     */
    readonly touch: (artifacts: ReadonlyArray<string | Address>) => Effect.Effect<ReadonlySet<string>, ArtifactError>
    /** Fails if `sweep` would remove nothing, because others need what it can't see. None for a store that is alone. */
    readonly checkSweep?: Effect.Effect<void, ArtifactError>
    /**
     * Removes artifacts that are not in `keep` and were last put or touched before a time, and yields how many and how
     * large they were. Artifacts in `released`, whose runs were removed, go by a time of their own. A store that shares
     * its database with a `RunStore` keeps what runs refer to in any case; a dry run goes by `keep` alone.
     */
    readonly sweep: (options: {
      readonly keep: ReadonlySet<string>
      readonly before: number
      readonly released?: { readonly digests: ReadonlySet<string>; readonly before: number }
      readonly dryRun?: boolean
    }) => Effect.Effect<{ readonly artifacts: number; readonly bytes: number }, ArtifactError>
    /**
     * Reads every artifact and checks it against its digest. With `repair`, an artifact of which there is another
     * intact copy is repaired from that, and every other damaged one is set apart, so that a resumed run executes its
     * task again.
     */
    readonly verify: (options: { readonly repair: boolean }) => Effect.Effect<VerifiedArtifacts, ArtifactError>
    /** Where artifacts were copied from, which the next run goes by. None for a store that does not remember it. */
    readonly sources?: Sources
    /** What this process remembers of the artifacts that it has written or read. */
    readonly values: ValueCache
    /** Where another thread or process finds the same bytes; none for a store that only this memory holds. */
    readonly location?: Location
  }
>()("effect-flow/ArtifactStore") {}
