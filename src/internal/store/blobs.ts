/**
 * What an artifact store needs of the place where it keeps large artifacts, a directory or a bucket, and of the local
 * files that it hands out.
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Address, ArtifactError } from "./artifactError.ts"
import type { Owners } from "./owners.ts"

/** Bytes from `start` to before `end`. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** A stored artifact, and when it was last put or touched, in milliseconds since the epoch. */
export interface Aged extends Address {
  readonly touchedAt: number
}

/** A stored artifact that was read and checked. */
export interface Checked {
  readonly digest: string
  /** A path, or the address of an object. */
  readonly path: string
  readonly size: number
  readonly intact: boolean
  /** Where it lies: where readers look, in `damaged/`, or in the place of another digest. */
  readonly place: "right" | "apart" | "wrong"
  /** Why it could not be read. */
  readonly error?: string
}

/** Local files of artifacts. */
export interface LocalFiles {
  /** Whether there is one without asking for it. */
  readonly has: (digest: string) => Effect.Effect<boolean, ArtifactError>
  readonly put: (chunks: ReadonlyArray<Uint8Array>, address?: Address) => Effect.Effect<Address, ArtifactError>
  /** The path of the file, once it is verified. It is fetched if need be. */
  readonly path: (digest: string) => Effect.Effect<string, ArtifactError>
  /**
   * A second name of a file, which ends in an extension: a symbolic link in `named/`, which lasts as long as the file.
   * None where it can't be made.
   */
  readonly name: (digest: string, extension: string) => Effect.Effect<string | undefined>
}

/** Where large artifacts are. */
export interface Blobs {
  readonly put: (chunks: ReadonlyArray<Uint8Array>, address?: Address) => Effect.Effect<Address, ArtifactError>
  readonly putFile: (path: string) => Effect.Effect<Address, ArtifactError>
  readonly get: (digest: string) => Effect.Effect<Uint8Array, ArtifactError>
  /** @param options.reuse Whether a part may be written over as soon as the next one is asked for. */
  readonly stream: (
    digest: string,
    range?: Range,
    options?: { readonly reuse?: boolean }
  ) => Stream.Stream<Uint8Array, ArtifactError>
  /**
   * Starts the age of artifacts anew. Yields those that are intact: one of another size, or changed from outside, is
   * not.
   */
  readonly touch: (artifacts: ReadonlyArray<string | Address>) => Effect.Effect<ReadonlySet<string>, ArtifactError>
  /** What was last touched before a time. */
  readonly old: (before: number) => Effect.Effect<ReadonlyArray<Aged>, ArtifactError>
  /** Removes artifacts unless they were touched since; yields those it removed. */
  readonly remove: (
    artifacts: ReadonlyArray<Address>,
    before: number
  ) => Effect.Effect<ReadonlyArray<Address>, ArtifactError>
  /**
   * Removes what a killed process left half written before a time, and what was set apart as damaged before it. A
   * damaged file that is the only copy of an artifact in `keep` stays for a week longer, so that it can be examined.
   */
  readonly tidy: (before: number, keep: ReadonlySet<string>) => Effect.Effect<void, ArtifactError>
  /** Checks every artifact against its name, including those that were set apart. */
  readonly verify: (each: (checked: Checked) => void) => Effect.Effect<void, ArtifactError>
  /** Moves an intact artifact from a wrong place to its own, unless there is one already. Says whether it did. */
  readonly restore: (digest: string, from: string) => Effect.Effect<boolean, ArtifactError>
  /** Makes a damaged artifact count as missing. */
  readonly setApart: (digest: string) => Effect.Effect<void, ArtifactError>
  /** Removes an artifact from a wrong place. */
  readonly discard: (path: string) => Effect.Effect<void, ArtifactError>
  /** Which run databases keep artifacts here. None for a directory that belongs to the database. */
  readonly owners?: Owners
  readonly local: LocalFiles
  /** Whether small files are better kept in the database than here. */
  readonly isRemote: boolean
}
