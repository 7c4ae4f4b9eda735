/**
 * The artifacts that hold one thing: a JSON value, bytes, a text, a file. Tables and tensors have modules of their own.
 */
import * as Fs from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { notAFile } from "../cause.ts"
import * as Checked from "../checked.ts"
import { oneEffect } from "../requirements.ts"
import * as Address from "../s3/address.ts"
import { CodecError } from "../schema/codecError.ts"
import * as CodecIssue from "../schema/codecIssue.ts"
import { copy } from "../schema/copy.ts"
import * as Description from "../schema/description.ts"
import * as JsonCodec from "../schema/jsonCodec.ts"
import { problemOf } from "../schema/schemaTraits.ts"
import type { StorableSchema } from "../schema/storableSchema.ts"
import { mapSync } from "../schema/sync.ts"
import { type Artifact, type Captured, make } from "./artifact.ts"
import { memoryOf } from "./memory.ts"

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const decodeText = (bytes: Uint8Array): Exit.Exit<string, CodecError> => {
  try {
    return Exit.succeed(decoder.decode(bytes))
  } catch {
    return Exit.fail(new CodecError({ message: "the stored bytes are not valid UTF-8" }))
  }
}

const receive = <A>(value: A): A => value

const artifacts = new WeakMap<Schema.Top, Artifact<any>>()

/**
 * A value of a schema, as canonical JSON: keys sorted, so that equal values have equal digests. Whatever the schema's
 * values are (dates, maps, classes, numbers beyond JSON), they are stored by `Schema.toCodecJson`. A plain schema in a
 * step's `input` or `output` means this.
 *
 * A task receives what the stored JSON decodes to. Arrays and plain objects are frozen and shared; a value that has
 * anything else in it (a date, a map, an instance of a class) is decoded for each receiver. Writing fails with a
 * `CodecError` where a value would not come back equal.
 *
 * @example
 * ```ts
 * const Report = Artifact.json(Schema.Struct({ accuracy: Schema.Number, at: Schema.Date }))
 * ```
 */
export const json = <S extends StorableSchema>(schema: S): Artifact<S["Type"]> => {
  Checked.expect("The argument of Artifact.json", schema, Schema.isSchema(schema), "a schema")
  const remembered = artifacts.get(schema)
  if (remembered !== undefined) return remembered
  const artifact = makeJson(schema)
  artifacts.set(schema, artifact)
  return artifact
}

const makeJson = <S extends StorableSchema>(schema: S): Artifact<S["Type"]> => {
  oneEffect(schema)
  // Built at the first use: a program that only declares a step pays nothing.
  let built: JsonCodec.JsonCodec | undefined
  const codec = () => {
    built ??= JsonCodec.of(schema)
    return built
  }
  const item = itemOf(schema)
  const description = Description.lazy(() => {
    const stored = Description.represent(schema)
    const type = Description.represent(Schema.toType(schema))
    const isTransformed = Description.textOf(stored) !== Description.textOf(type)
    return Description.make({ format: "json", schema: stored, ...(isTransformed ? { type } : {}) })
  })
  const capture = (value: S["Type"]): Effect.Effect<Captured<S["Type"]>, CodecError> => {
    const problem = problemOf(schema)
    if (problem !== undefined) {
      return Exit.fail(new CodecError({ path: problem.path, message: `it ${problem.message}` }))
    }
    const checked = codec().encodeChecked(value)
    return mapSync(Exit.isExit(checked) ? checked : checkedLater(codec(), value, checked), captured)
  }
  return make<S["Type"]>({
    format: "json",
    mediaType: "application/json",
    description,
    ...(item === undefined ? {} : { item }),
    encode: (value) => Effect.suspend(() => Effect.map(capture(value), ({ encoded }) => encoded)),
    decode: (stored) =>
      Effect.flatMap(stored.bytes, (bytes) => {
        const text = decodeText(bytes)
        return Exit.isSuccess(text) ? codec().decode(text.value) : Exit.failCause(text.cause)
      }),
    capture,
    sharing: () => (codec().isPlain ? { id: description().digest, memory: memoryOf, receive } : undefined),
    problem: () => problemOf(schema)
  })
}

/** A codec that takes its time encodes a copy: meanwhile, the value may change. */
const checkedLater = (codec: JsonCodec.JsonCodec, value: unknown, checked: ReturnType<typeof codec.encodeChecked>) => {
  try {
    return codec.encodeChecked(copy(value))
  } catch {
    return checked // it can't be copied, and encoding it says why
  }
}

const captured = ({ decoded, text }: JsonCodec.Checked): Captured<any> => ({
  encoded: [encoder.encode(text)],
  decoded: { value: decoded }
})

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

const expectBytes = (value: unknown): Exit.Exit<Uint8Array, CodecError> => {
  const refuse = (got: string) => Exit.fail(new CodecError({ message: `expected bytes (a Uint8Array), got ${got}` }))
  if (!(value instanceof Uint8Array)) return refuse(CodecIssue.valueText(value))
  const { buffer } = value
  return buffer instanceof ArrayBuffer && buffer.detached
    ? refuse("an array whose memory was transferred to another thread")
    : Exit.succeed(value)
}

/**
 * Bytes of any media type, as they are. Each receiver gets a `Uint8Array` of its own, whatever kind of view was stored.
 *
 * @param mediaType What the bytes are. Default: "application/octet-stream".
 *
 * @example
 * ```ts
 * const Image = Artifact.bytes("image/png")
 * ```
 */
export const bytes = (mediaType = "application/octet-stream"): Artifact<Uint8Array> =>
  make<Uint8Array>({
    format: "bytes",
    mediaType,
    description: Description.lazy(() => Description.make({ format: "bytes", mediaType })),
    encode: (value) => Effect.map(expectBytes(value), (sound) => [sound]),
    decode: (stored) => stored.bytes,
    capture: (value) => Exit.map(expectBytes(value), (sound) => ({ encoded: [new Uint8Array(sound)] }))
  })

/**
 * A text of any media type, as UTF-8.
 *
 * @param mediaType What the text is. Default: "text/plain".
 *
 * @example
 * ```ts
 * const Report = Artifact.text("text/markdown")
 * ```
 */
export const text = (mediaType = "text/plain"): Artifact<string> => {
  const description = Description.lazy(() => Description.make({ format: "text", mediaType }))
  const encode = (value: unknown): Exit.Exit<ReadonlyArray<Uint8Array>, CodecError> => {
    if (typeof value !== "string") {
      return Exit.fail(new CodecError({ message: `expected a string, got ${CodecIssue.valueText(value)}` }))
    }
    if (!value.isWellFormed()) {
      return Exit.fail(new CodecError({ message: "the text has half a surrogate pair, which UTF-8 can't hold" }))
    }
    return Exit.succeed([encoder.encode(value)])
  }
  return make<string>({
    format: "text",
    mediaType,
    description,
    encode: (value) => Effect.suspend(() => encode(value)),
    decode: (stored) => Effect.flatMap(stored.bytes, decodeText),
    capture: (value) => Exit.map(encode(value), (encoded) => ({ encoded, decoded: { value } })),
    sharing: () => ({ id: description().digest, memory: memoryOf, receive })
  })
}

/** What else is at a path than a file; if nothing is there, the store says so when it reads it. */
const oddityOf = (path: string): Effect.Effect<string | undefined> =>
  Effect.promise(() => Fs.stat(path).then(notAFile, () => undefined))

/**
 * A file. Its value is a path: given as the path of a file, which is stored by its contents; read back as the path of a
 * local file that holds them, which nobody may write to. Its name is another one, but ends in the same extension.
 *
 * An object in a bucket is given by its address, `s3://bucket/key`, and stored by its contents, too, so that a task runs
 * again if the object changes, and only then. It is downloaded once for each version; not at all if the store has its
 * bytes and it was uploaded with a SHA-256 checksum.
 *
 * @param mediaType What the file is. Default: "application/octet-stream".
 *
 * @example
 * ```ts
 * const Video = Artifact.file("video/mp4")
 * ```
 */
export const file = (mediaType = "application/octet-stream"): Artifact<string> =>
  make<string>({
    format: "file",
    mediaType,
    description: Description.lazy(() => Description.make({ format: "file", mediaType })),
    encode: (path) =>
      typeof path === "string"
        ? Address.isMeant(path)
          ? Effect.flatMap(
              Effect.promise(() => import("./objectFile.ts")),
              ({ encode }) => encode(path)
            )
          : Effect.flatMap(oddityOf(path), (oddity) =>
              oddity === undefined
                ? Effect.succeed({ path })
                : Effect.fail(new CodecError({ message: `${path} can't be stored: ${oddity}` }))
            )
        : Effect.fail(new CodecError({ message: `expected the path of a file, got ${CodecIssue.valueText(path)}` })),
    decode: (stored) => stored.path
  })
