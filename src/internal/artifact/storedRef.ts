/**
 * A ref of stored bytes. It lies beside the formats because one of them, the dataset, has refs in its value: those of its
 * parts.
 */
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import { type ArtifactError, ArtifactStore } from "../../ArtifactStore.ts"
import * as Ref from "../../Ref.ts"
import type { RefRecord } from "../../RunRecord.ts"
import type * as Artifact from "./artifact.ts"
import { pathOf, read } from "./values.ts"

/** Internal properties of every kind of ref. */
export interface Internals {
  /** Equal for two refs of one artifact. */
  readonly identity: string
  /** The task of this run that it comes from: its writer, or the task that took the writer over. */
  readonly via: string | undefined
  /** A local file with its bytes. */
  readonly path: Effect.Effect<string, ArtifactError, ArtifactStore>
}

/** The base class of refs: an effect, with the type requirements of refs. */
export const RefEffect = Effectable.Class as abstract new <A, E = never, R = never>() => Effectable.Class<A, E, R> &
  Ref.Unified

/** A ref of stored bytes. */
export class StoredRef<A> extends RefEffect<A, ArtifactError, ArtifactStore> implements Ref.Ref<A>, Internals {
  readonly [Ref.TypeId]: typeof Ref.TypeId = Ref.TypeId
  readonly record: RefRecord
  readonly artifact: Artifact.Artifact<A>
  readonly via: string | undefined
  constructor(record: RefRecord, artifact: Artifact.Artifact<A>, via: string | undefined) {
    super()
    this.record = record
    this.artifact = artifact
    this.via = via
  }
  get name(): string {
    return this.record.name
  }
  get digest(): string {
    return this.record.digest
  }
  get format(): Artifact.Format {
    return this.record.format as Artifact.Format // written from an artifact's format
  }
  get mediaType(): string {
    return this.record.mediaType
  }
  get size(): number {
    return this.record.size
  }
  get task(): string | undefined {
    return this.record.writer
  }
  get identity(): string {
    return this.record.digest
  }
  get path(): Effect.Effect<string, ArtifactError, ArtifactStore> {
    return Effect.flatMap(ArtifactStore, (store) => pathOf(store, this.record))
  }
  override asEffect(): Effect.Effect<A, ArtifactError, ArtifactStore> {
    return Effect.flatMap(ArtifactStore, (store) => read(store, this.artifact, this.record, this.via))
  }
  override toJSON(): unknown {
    return this.record
  }
}
