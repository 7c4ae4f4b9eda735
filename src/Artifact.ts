/**
 * An artifact is a named value that a task reads or writes. What is described here is how such a value becomes bytes in
 * an open format and a value again: an `Artifact<A>` is a codec with a media type and a description of its schema that
 * is stored beside every value, so that an old artifact explains itself. It knows nothing of stores, tasks and runs.
 *
 * A plain `Schema` in a step's `input` or `output` means `Artifact.json(schema)`.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import { hasProperty } from "effect/Predicate"
import type * as Schema from "effect/Schema"
import type * as Types from "effect/Types"
import type { Description } from "./internal/schema/description.ts"

export { bytes, file, json, text } from "./internal/artifact/json.ts"
export type { Column, Columns, Table, TableArtifact, TableFields } from "./internal/artifact/table.ts"
export { table } from "./internal/artifact/table.ts"
export type { Dtype, Tensor, TensorSpec, Tensors } from "./internal/artifact/tensors.ts"
export { tensors } from "./internal/artifact/tensors.ts"
export type { ColumnField, NumberArrays, NumberColumn } from "./internal/parquet/columnType.ts"
export { column } from "./internal/parquet/columnType.ts"
export type { Description } from "./internal/schema/description.ts"

const TypeId = "~effect-flow/Artifact"

/** The formats that bytes are stored in. Each is read by other tools. */
export type Format = "json" | "table" | "tensors" | "bytes" | "text" | "file"

/** What a value is stored as: bytes in one or more parts (none is copied), or a file that already holds them. */
export type Encoded = ReadonlyArray<Uint8Array> | { readonly path: string }

/** What a value is read from: its bytes, or a local file that holds them. Both are verified against the digest. */
export interface Stored<E = never> {
  readonly bytes: Effect.Effect<Uint8Array, E>
  readonly path: Effect.Effect<string, E>
}

/**
 * Why a value has no bytes, or bytes have no value. `path` leads to the place in the value, where there is one:
 * `["columns", "labels", 3]`.
 */
export class CodecError extends Data.TaggedError("CodecError")<{
  readonly message: string
  readonly path?: ReadonlyArray<PropertyKey>
}> {}

/** How values of type `A` are stored. */
export interface Artifact<in out A> {
  readonly [TypeId]: { readonly _A: Types.Invariant<A> }
  readonly format: Format
  readonly mediaType: string
  /** The schema's own description and its digest; computed at the first call. */
  readonly description: () => Description
  /** Of a list: the artifact of its elements, which is what a fan-out over the list gives to each task. */
  readonly item?: () => Any
  readonly encode: (value: A) => Effect.Effect<Encoded, CodecError>
  readonly decode: <E>(stored: Stored<E>) => Effect.Effect<A, CodecError | E>
}

/** Any artifact. */
export interface Any {
  readonly [TypeId]: { readonly _A: Types.Invariant<any> }
  readonly format: Format
  readonly mediaType: string
  readonly description: () => Description
  readonly item?: () => Any
}

/** A schema that needs no services, so that its values can be stored from anywhere. */
export type StorableSchema = Schema.Top & { readonly DecodingServices: never; readonly EncodingServices: never }

/** What a step declares for a name: an artifact, or a schema that stands for `Artifact.json(schema)`. */
export type Field = Any | StorableSchema

/** The names that a step declares, with a field each. */
export type Fields = { readonly [name: string]: Field }

/** The value of a field. */
export type Value<F> = F extends Artifact<infer A> ? A : F extends Schema.Top ? F["Type"] : never

/** Whether a value is an `Artifact`. */
export const isArtifact = (u: unknown): u is Any => hasProperty(u, TypeId)

/**
 * An artifact of your own codec.
 *
 * @param options.format One of the stored formats; it decides which viewer shows the value.
 * @param options.mediaType The media type of the bytes.
 * @param options.description What the schema is; see `internal/schema/description.ts`.
 * @param options.encode Bytes of a value, in parts that need not be copied together.
 * @param options.decode A value from its bytes.
 */
export const make = <A>(options: Omit<Artifact<A>, typeof TypeId>): Artifact<A> => ({
  [TypeId]: { _A: (a: A) => a },
  ...options
})

/**
 * An artifact that is stored as another one: a model as tensors, say.
 *
 * @param options.description Replaces the description, where the values mean more than their carrier.
 * @param options.encode To the carrier's value.
 * @param options.decode From the carrier's value.
 */
export const transform: {
  <A, B>(options: TransformOptions<A, B>): (self: Artifact<A>) => Artifact<B>
  <A, B>(self: Artifact<A>, options: TransformOptions<A, B>): Artifact<B>
} = dual(
  2,
  <A, B>(self: Artifact<A>, options: TransformOptions<A, B>): Artifact<B> =>
    make({
      format: self.format,
      mediaType: self.mediaType,
      description: options.description ?? self.description,
      encode: (value: B) => Effect.flatMap(options.encode(value), self.encode),
      decode: (stored) => Effect.flatMap(self.decode(stored), options.decode)
    })
)

/** The two directions of `transform`. */
export interface TransformOptions<A, B> {
  readonly description?: () => Description
  readonly encode: (value: B) => Effect.Effect<A, CodecError>
  readonly decode: (value: A) => Effect.Effect<B, CodecError>
}
