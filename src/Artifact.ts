/**
 * An artifact is a named value that a task reads or writes. This module describes how such a value becomes
 * bytes in an open format and a value again. An `Artifact<A>` is a codec with a media type and a description of its schema.
 * The description is stored with every value, so that an old artifact explains itself. This module knows nothing of stores, tasks
 * and runs.
 *
 * A plain `Schema` in a step's `input` or `output` means `Artifact.json(schema)`.
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import { type Artifact, make } from "./internal/artifact/artifact.ts"
import { capture } from "./internal/artifact/values.ts"
import { checkedEffect } from "./internal/run/callback.ts"
import type { CodecError } from "./internal/schema/codecError.ts"
import type { Description } from "./internal/schema/description.ts"

export type { Any, Artifact, Encoded, Field, Fields, Format, Stored, Value } from "./internal/artifact/artifact.ts"
export { isArtifact, make } from "./internal/artifact/artifact.ts"

export type {
  Cell,
  Dataset,
  DatasetArtifact,
  PartSummary,
  Row,
  ScanOptions,
  Where
} from "./internal/artifact/dataset.ts"
export { dataset } from "./internal/artifact/dataset.ts"
export { bytes, file, json, text } from "./internal/artifact/json.ts"
export type { Column, Columns, Table, TableArtifact, TableFields } from "./internal/artifact/table.ts"
export { table } from "./internal/artifact/table.ts"
export type { Dtype, Tensor, TensorSpec, Tensors } from "./internal/artifact/tensors.ts"
export { tensors } from "./internal/artifact/tensors.ts"
export type { ColumnField, NumberArrays, NumberColumn } from "./internal/parquet/columnType.ts"
export { column } from "./internal/parquet/columnType.ts"
export type { Known, Ordered, Range } from "./internal/parquet/condition.ts"
export { CodecError } from "./internal/schema/codecError.ts"
export type { Description } from "./internal/schema/description.ts"
export type { StorableSchema } from "./internal/schema/storableSchema.ts"

/**
 * Makes an artifact that is stored as another one, such as a model that is stored as tensors.
 *
 * @param options.description Replaces the carrier's description if the values mean more than it says.
 * @param options.encode From a value, an effect of the carrier's value.
 * @param options.decode From the carrier's value, an effect of the value.
 *
 * @example
 * ```ts
 * const Username = Artifact.transform(Artifact.text(), {
 *   encode: (user: { readonly name: string }) => Effect.succeed(user.name),
 *   decode: (name: string) => Effect.succeed({ name })
 * })
 * ```
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
      encode: (value: B) => Effect.flatMap(encodeBy(options, value), self.encode),
      decode: (stored) => Effect.flatMap(self.decode(stored), (carrier) => decodeBy(options, carrier)),
      ...(self.partDescription === undefined ? {} : ofParts(self, options)),
      ...(self.problem === undefined ? {} : { problem: self.problem })
    })
)

const encodeBy = <A, B>({ encode }: TransformOptions<A, B>, value: B): Effect.Effect<A, CodecError> =>
  checkedEffect("`encode` of Artifact.transform", encode(value)) as never // what it returns, if that is an Effect

const decodeBy = <A, B>({ decode }: TransformOptions<A, B>, carrier: A): Effect.Effect<B, CodecError> =>
  checkedEffect("`decode` of Artifact.transform", decode(carrier)) as never // what it returns, if that is an Effect

/** The bytes of a value in parts say which parts those are. A dataset can't be changed, so no copy of it is captured. */
const ofParts = <A, B>(self: Artifact<A>, options: TransformOptions<A, B>) => ({
  partDescription: self.partDescription,
  capture: (value: B) =>
    Effect.flatMap(encodeBy(options, value), (carrier) =>
      Effect.map(capture(self, carrier), ({ encoded, parts = [] }) => ({ encoded, parts }))
    )
})

/** The two directions of `transform`. */
export interface TransformOptions<A, B> {
  /** Replaces the carrier's description if the values mean more than it says. */
  readonly description?: () => Description
  /** From a value, an effect of the carrier's value. */
  readonly encode: (value: B) => Effect.Effect<A, CodecError>
  /** From the carrier's value, an effect of the value. */
  readonly decode: (value: A) => Effect.Effect<B, CodecError>
}
