/**
 * The shape of an artifact: a codec with a format, a media type and a description of its schema. Every format is built on
 * it, and `Artifact.ts` exports it; it is a module of its own so that formats need not import the module that lists them.
 */
import type * as Effect from "effect/Effect"
import { hasProperty } from "effect/Predicate"
import type * as Schema from "effect/Schema"
import type * as Types from "effect/Types"
import type { CodecError } from "../schema/codecError.ts"
import type { Description } from "../schema/description.ts"
import type { Problem } from "../schema/schemaTraits.ts"
import type { StorableSchema } from "../schema/storableSchema.ts"

/** What marks an artifact: a symbol, so that no editor offers it among an artifact's properties. */
export const TypeId: unique symbol = Symbol.for("effect-flow/Artifact")

/** The formats that bytes are stored in. Each is read by other tools. */
export type Format = "json" | "table" | "tensors" | "bytes" | "text" | "file" | "dataset"

/** What a value is stored as: bytes in one or more parts, or a file that already holds them. */
export type Encoded = ReadonlyArray<Uint8Array> | EncodedFile

/** A file that holds an encoded value. */
export interface EncodedFile {
  readonly path: string
  /** Brings the bytes into the file, if they are elsewhere. */
  readonly fetch?: Effect.Effect<void, CodecError>
  /** The bytes' address, if it is known: they are not fetched if the store has them. */
  readonly address?: PartAddress
  /** Which bytes of which place it holds. A store may remember their address from earlier. */
  readonly source?: string
  /** The name that the extension is taken from. Default: the path's. */
  readonly name?: string
  /** Removes the file once it is stored, if it exists for that alone. */
  readonly remove?: Effect.Effect<void>
}

/** What a value is read from: its bytes, or a local file that holds them. Both are verified against the digest. */
export interface Stored<E = never> {
  /** The caller's own: the decoded value may be made of them. */
  readonly bytes: Effect.Effect<Uint8Array, E>
  readonly path: Effect.Effect<string, E>
  /** How many bytes there are, where that is known. */
  readonly size?: number
  /** Which artifact it is, for a value that has refs of its own. */
  readonly origin?: Origin
}

/** Where a stored value comes from. */
export interface Origin {
  /** The name under which the task that wrote it knows it. */
  readonly name: string
  /** The task that wrote it, `RUN/train/3`. */
  readonly writer: string | undefined
  /** The task of this run that handed it on. */
  readonly via: string | undefined
}

/** The artifact that holds a part of another one. */
export interface PartAddress {
  readonly digest: string
  /** In bytes. */
  readonly size: number
}

/** An encoded value whose bytes nobody else holds, with what they decode to where that is known. */
export interface Captured<out A> {
  readonly encoded: Encoded
  readonly decoded?: { readonly value: A }
  /** Other artifacts that the bytes refer to, which are kept as long as they are. */
  readonly parts?: ReadonlyArray<PartAddress>
}

/** How the receivers of one process share a decoded value. */
export interface Sharing<A> {
  /** Artifacts with equal ids decode the same bytes to the same value. */
  readonly id: string
  /** The memory that the value takes, in bytes; infinite where sharing it does not pay. */
  readonly memory: (value: A) => number
  /** What one receiver gets: frozen parts are shared, the rest is its own copy. */
  readonly receive: (value: A) => A
}

/** How values of type `A` are stored. */
export interface Artifact<in out A> {
  readonly [TypeId]: { readonly _A: Types.Invariant<A> }
  /** The stored format; it decides which viewer shows the value. */
  readonly format: Format
  /** The media type of the stored bytes. */
  readonly mediaType: string
  /** The schema's own description and its digest; computed at the first call. */
  readonly description: () => Description
  /** Of a value in parts: the description of a part. */
  readonly partDescription?: () => Description
  /** Of a list: the artifact of its elements, which is what a fan-out over the list gives to each task. */
  readonly item?: () => Any
  /** From a value to its bytes. */
  readonly encode: (value: A) => Effect.Effect<Encoded, CodecError>
  /** From the stored bytes to a value. */
  readonly decode: <E>(stored: Stored<E>) => Effect.Effect<A, CodecError | E>
  /**
   * Takes a private copy of the value before it returns, and gives the effect that encodes the copy. Without it, `encode`
   * gets a copy of the value's data, and what it yields is copied, too.
   */
  readonly capture?: (value: A) => Effect.Effect<Captured<A>, CodecError>
  /** How decoded values are shared. Without it, each receiver decodes the bytes for itself. */
  readonly sharing?: () => Sharing<A> | undefined
  /** Why values can't be stored in general; nothing where they can. */
  readonly problem?: () => Problem | undefined
}

/** Any artifact. */
export interface Any {
  readonly [TypeId]: { readonly _A: Types.Invariant<any> }
  readonly format: Format
  readonly mediaType: string
  readonly description: () => Description
  readonly partDescription?: () => Description
  readonly item?: () => Any
  readonly problem?: () => Problem | undefined
}

/** The descriptions that the records of an artifact and of its parts name. */
export const descriptionsOf = (artifact: Any): ReadonlyArray<Description> =>
  artifact.partDescription === undefined
    ? [artifact.description()]
    : [artifact.description(), artifact.partDescription()]

/** What a step declares for a name: an artifact, or a schema that stands for `Artifact.json(schema)`. */
export type Field = Any | StorableSchema

/** The names that a step declares, with a field each. */
export type Fields = { readonly [name: string]: Field }

/** The value of a field. */
export type Value<F> = F extends Artifact<infer A> ? A : F extends Schema.Top ? F["Type"] : never

/**
 * Whether a value is an `Artifact`.
 *
 * @example
 * ```ts
 * if (Artifact.isArtifact(u)) console.log(u.format, u.mediaType)
 * ```
 */
export const isArtifact = (u: unknown): u is Any => hasProperty(u, TypeId)

/**
 * An artifact with a codec of your own.
 *
 * @param options.format One of the stored formats; it decides which viewer shows the value.
 * @param options.mediaType The media type of the bytes.
 * @param options.description What the schema is; see `Artifact.Description`.
 * @param options.encode From a value to its bytes, in parts that need not be copied together. Fails with `CodecError`.
 * @param options.decode From the stored bytes to a value. Fails with `CodecError`.
 *
 * @example
 * ```ts
 * const upper: Artifact.Artifact<string> = Artifact.make({
 *   ...Artifact.text("text/plain"),
 *   encode: (value: string) => Artifact.text().encode(value.toUpperCase())
 * })
 * ```
 */
export const make = <A>(options: Omit<Artifact<A>, typeof TypeId>): Artifact<A> => ({
  [TypeId]: { _A: (a: A) => a },
  ...options
})
