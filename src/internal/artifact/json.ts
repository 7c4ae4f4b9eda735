/**
 * The artifacts that hold one thing: a JSON value, bytes, a text, a file. Tables and tensors have modules of their own.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import { oneEffect } from "../requirements.ts"
import * as CanonicalJson from "../schema/canonicalJson.ts"
import { CodecError } from "../schema/codecError.ts"
import * as CodecIssue from "../schema/codecIssue.ts"
import { deepFreeze } from "../schema/deepFreeze.ts"
import * as Description from "../schema/description.ts"
import type { StorableSchema } from "../schema/storableSchema.ts"
import { type Artifact, make } from "./artifact.ts"

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const decodeText = (bytes: Uint8Array): Effect.Effect<string, CodecError> =>
  Effect.try({
    try: () => decoder.decode(bytes),
    catch: () => new CodecError({ message: "the stored bytes are no UTF-8 text" })
  })

const made = new WeakMap<Schema.Top, Artifact<any>>()

/**
 * A value of a schema, as canonical JSON: keys sorted, so that equal values have equal digests. Whatever the schema's
 * values are (dates, maps, classes, numbers beyond JSON), they are stored by `Schema.toCodecJson`. A plain schema in a
 * step's `input` or `output` means this.
 *
 * What is encoded or decoded is frozen: tasks of one process share it.
 */
export const json = <S extends StorableSchema>(schema: S): Artifact<S["Type"]> => {
  const known = made.get(schema)
  if (known !== undefined) return known
  const artifact = makeJson(schema)
  made.set(schema, artifact)
  return artifact
}

const makeJson = <S extends StorableSchema>(schema: S): Artifact<S["Type"]> => {
  oneEffect(schema)
  // Built at the first use: a program that only declares a step pays nothing.
  let codec: Codec | undefined
  const item = itemOf(schema)
  return make<S["Type"]>({
    format: "json",
    mediaType: "application/json",
    description: Description.lazy(() => {
      const stored = Description.represent(schema)
      const type = Description.represent(Schema.toType(schema))
      const isTransformed = CanonicalJson.stringify(stored) !== CanonicalJson.stringify(type)
      return Description.make({ format: "json", schema: stored, ...(isTransformed ? { type } : {}) })
    }),
    ...(item === undefined ? {} : { item }),
    encode: (value) =>
      Effect.suspend(() => {
        codec ??= makeCodec(schema)
        const encoded = codec.encode(value)
        // Nearly every schema encodes at once: then there is nothing to run.
        return Exit.isExit(encoded) && Exit.isSuccess(encoded)
          ? toBytes(encoded.value, value)
          : Effect.flatMap(Effect.mapError(encoded, CodecIssue.toError(value)), (json) => toBytes(json, value))
      }),
    decode: (stored) =>
      Effect.flatMap(stored.bytes, (bytes) =>
        Effect.flatMap(parse(bytes), (json) => {
          codec ??= makeCodec(schema)
          return Effect.map(Effect.mapError(codec.decode(json), CodecIssue.toError(json)), deepFreeze)
        })
      )
  })
}

interface Codec {
  readonly encode: (value: unknown) => Effect.Effect<unknown, SchemaIssue.Issue>
  readonly decode: (json: unknown) => Effect.Effect<any, SchemaIssue.Issue>
}

const makeCodec = (schema: StorableSchema): Codec => {
  const codec = Schema.toCodecJson(schema)
  return { encode: SchemaParser.encodeUnknownEffect(codec), decode: SchemaParser.decodeUnknownEffect(codec) }
}

const toBytes = (json: unknown, value: unknown): Exit.Exit<ReadonlyArray<Uint8Array>, CodecError> => {
  let text: string
  try {
    text = CanonicalJson.stringify(json)
  } catch (cause) {
    // A schema that takes anything lets through what JSON has no form for: a bigint, a cycle.
    return Exit.fail(new CodecError({ message: `the value has no JSON form: ${(cause as Error).message}` })) // TypeError
  }
  deepFreeze(value)
  return Exit.succeed([encoder.encode(text)])
}

const parse = (bytes: Uint8Array): Effect.Effect<unknown, CodecError> =>
  Effect.flatMap(decodeText(bytes), (text) =>
    Effect.try({
      try: () => JSON.parse(text) as unknown,
      catch: (cause) => new CodecError({ message: `the stored bytes are no JSON: ${(cause as Error).message}` }) // SyntaxError
    })
  )

/** The artifact of an array's elements, for a fan-out over it. */
const itemOf = (schema: StorableSchema): (() => Artifact<any>) | undefined => {
  const { ast } = schema
  if (!SchemaAST.isArrays(ast) || ast.elements.length > 0 || ast.rest.length !== 1) return undefined
  const element = ast.rest[0] as SchemaAST.AST // its length was just looked at
  let artifact: Artifact<any> | undefined
  return () => {
    artifact ??= json(Schema.make<StorableSchema>(element))
    return artifact
  }
}

/** Bytes of any media type, as they are. */
export const bytes = (mediaType = "application/octet-stream"): Artifact<Uint8Array> =>
  make<Uint8Array>({
    format: "bytes",
    mediaType,
    description: Description.lazy(() => Description.make({ format: "bytes", mediaType })),
    encode: (value) =>
      value instanceof Uint8Array
        ? Effect.succeed([value])
        : Effect.fail(new CodecError({ message: `expected bytes (a Uint8Array), got ${CodecIssue.valueText(value)}` })),
    decode: (stored) => stored.bytes
  })

/** A text of any media type, as UTF-8. */
export const text = (mediaType = "text/plain"): Artifact<string> =>
  make<string>({
    format: "text",
    mediaType,
    description: Description.lazy(() => Description.make({ format: "text", mediaType })),
    encode: (value) => {
      if (typeof value !== "string") {
        return Effect.fail(new CodecError({ message: `expected a text, got ${CodecIssue.valueText(value)}` }))
      }
      if (!value.isWellFormed()) {
        return Effect.fail(new CodecError({ message: "the text has half a surrogate pair, which UTF-8 can't hold" }))
      }
      return Effect.sync(() => [encoder.encode(value)])
    },
    decode: (stored) => Effect.flatMap(stored.bytes, decodeText)
  })

/**
 * A file. Its value is a path: given as the path of a file, which is stored by its contents; read back as the path of a
 * local file in the store that holds them, which nobody may write to.
 */
export const file = (mediaType = "application/octet-stream"): Artifact<string> =>
  make<string>({
    format: "file",
    mediaType,
    description: Description.lazy(() => Description.make({ format: "file", mediaType })),
    encode: (path) =>
      typeof path === "string"
        ? Effect.succeed({ path })
        : Effect.fail(new CodecError({ message: `expected the path of a file, got ${CodecIssue.valueText(path)}` })),
    decode: (stored) => stored.path
  })
