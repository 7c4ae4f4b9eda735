/**
 * The kinds of `Ref`. A stored ref has bytes in a store. An item is an element of a list of `Step.forEach`: an
 * in-memory value, which is stored when it is passed to a step, as that step declares it. (A plan's symbolic refs are
 * the third kind; they live with the planner.)
 */
import * as Effect from "effect/Effect"
import type { ArtifactError } from "../../ArtifactStore.ts"
import { ArtifactStore } from "../../ArtifactStore.ts"
import * as Ref from "../../Ref.ts"
import { type Internals, RefEffect } from "../artifact/storedRef.ts"
import * as CanonicalJson from "../schema/canonicalJson.ts"
import * as CodecIssue from "../schema/codecIssue.ts"
import * as Digest from "../schema/digest.ts"
import * as TaggedJson from "../schema/taggedJson.ts"

export { RefEffect, StoredRef } from "../artifact/storedRef.ts"

/** A ref of an element of a list. */
export class ItemRef<A> extends RefEffect<A> implements Ref.Ref<A>, Internals {
  readonly [Ref.TypeId]: typeof Ref.TypeId = Ref.TypeId
  readonly value: A
  readonly name: string
  readonly format = "json"
  readonly mediaType = "application/json"
  readonly task: string | undefined
  readonly via: string | undefined
  constructor(value: A, name: string, task: string | undefined, via: string | undefined) {
    super()
    this.value = value
    this.name = name
    this.task = task
    this.via = via
  }
  get digest(): string {
    return Digest.ofChunks([this.#bytes])
  }
  get size(): number {
    return this.#bytes.length
  }
  get identity(): string {
    return this.digest
  }
  get #bytes(): Uint8Array {
    return new TextEncoder().encode(textOf(this.value))
  }
  get path(): Effect.Effect<string, ArtifactError, ArtifactStore> {
    return Effect.flatMap(ArtifactStore, (store) =>
      Effect.flatMap(store.put([this.#bytes]), ({ digest }) => store.path(digest, ".json"))
    )
  }
  override asEffect(): Effect.Effect<A> {
    return Effect.succeed(this.value)
  }
}

/** Equal for equal data, whether JSON has a form for it or not. */
const textOf = (value: unknown): string => {
  try {
    return CanonicalJson.stringify(TaggedJson.encode(value))
  } catch {
    return CodecIssue.valueText(value) // an instance of a class, which has no other identity without its schema
  }
}

/** Equal for two refs of one artifact. */
export const identity = (ref: Ref.Ref<unknown>): string => internals(ref).identity

/** The task of this run that handed a ref on. */
export const via = (ref: Ref.Ref<unknown>): string | undefined => internals(ref).via

const internals = (ref: Ref.Ref<unknown>): Internals => ref as unknown as Internals // every kind of ref has them
