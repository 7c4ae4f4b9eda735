/**
 * A ref is the typed address of a stored artifact, and itself an `Effect` that yields the value. A flow's body works with
 * refs, so that it never loads an artifact that it does not need: `yield* data.df` loads one, while passing `data.df` to
 * a step loads nothing here.
 *
 * There are three kinds behind one interface: a stored ref (bytes in a store), an item of a `Step.forEach` (a value that
 * the step it is passed to stores), and a symbolic ref, which stands for an artifact of a plan and has no value.
 */
import * as Effect from "effect/Effect"
import { hasProperty } from "effect/Predicate"
import type * as Unify from "effect/Unify"
import { type ArtifactError, ArtifactStore } from "./ArtifactStore.ts"
import type { Format } from "./internal/artifact/artifact.ts"
import * as Values from "./internal/artifact/values.ts"
import type { RefRecord } from "./RunRecord.ts"

/** @internal */
export const TypeId: unique symbol = Symbol.for("effect-flow/Ref")

/**
 * What `Effect` declares as optional, and no effect has at run time. Refs require it in their types, because under
 * `exactOptionalPropertyTypes` the compiler would otherwise end every message about two refs with advice about `undefined`.
 */
export interface Unified {
  readonly [Unify.typeSymbol]: unknown
  readonly [Unify.unifySymbol]: Effect.EffectUnify<this>
  readonly [Unify.ignoreSymbol]: {}
}

/**
 * The typed address of an artifact.
 *
 * @example
 * ```ts
 * const data = yield* start({ trainFile, validFile })
 * const reviews = yield* data.df // loads and decodes the table
 * ```
 */
export interface Ref<out A> extends Effect.Effect<A, ArtifactError, ArtifactStore> {
  readonly [TypeId]: typeof TypeId
  readonly [Unify.typeSymbol]: unknown
  readonly [Unify.unifySymbol]: Effect.EffectUnify<this>
  readonly [Unify.ignoreSymbol]: {}
  /** The artifact's name in the task that wrote it. */
  readonly name: string
  /** SHA-256 of the stored bytes, in hexadecimal. */
  readonly digest: string
  readonly format: Format
  readonly mediaType: string
  /** The size of the stored bytes. */
  readonly size: number
  /** The task that wrote it, `RUN/train/3`; missing for a literal that was passed to a step. */
  readonly task: string | undefined
}

/**
 * Whether a value is a `Ref`.
 *
 * @example
 * ```ts
 * if (Ref.isRef(u)) console.log(u.name, u.digest)
 * ```
 */
export const isRef = (u: unknown): u is Ref<unknown> => hasProperty(u, TypeId)

/**
 * Gives the path of a local file with the bytes of an artifact, to pass to another tool. A table is a Parquet file, tensors are a
 * safetensors file, a JSON value is its text, and a file artifact is that file. The name ends in the extension that the file
 * was stored with, or the usual one of its format. Do not write to the file. It exists as long as the artifact does, or in a
 * store in memory as long as the store does.
 *
 * @param ref A ref, or the record of one.
 * @returns The absolute path. Fails with `ArtifactError` if the artifact is missing or damaged.
 *
 * @example
 * ```ts
 * const data = yield* start({ trainFile, validFile })
 * const path = yield* Ref.path(data.df) // …/0a1b….parquet
 * ```
 */
export const path = (ref: Ref<unknown> | RefRecord): Effect.Effect<string, ArtifactError, ArtifactStore> =>
  isRef(ref)
    ? (ref as unknown as Internals).path // every kind of ref has it
    : Effect.flatMap(ArtifactStore, (store) => Values.pathOf(store, ref))

/** What every kind of ref has at run time but shows in no type. */
interface Internals {
  readonly path: Effect.Effect<string, ArtifactError, ArtifactStore>
}

/** The value that a ref yields. */
export type Value<R> = R extends Ref<infer A> ? A : never
