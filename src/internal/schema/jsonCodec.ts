/**
 * A schema's JSON codec. Every value that is stored as JSON goes through it: artifacts, table cells, parameters, flow
 * outputs and step errors. It is `Schema.toCodecJson` with three additions. Maps and sets are written in the order of
 * their keys, so equal ones have equal bytes. Every failure, including a throwing codec and a stack overflow, is a
 * `CodecError` with a path. And `encodeChecked` decodes what it has encoded and rejects a value that would be read back
 * differently.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as CanonicalJson from "./canonicalJson.ts"
import { CodecError } from "./codecError.ts"
import * as CodecIssue from "./codecIssue.ts"
import { canonicalOrder } from "./collections.ts"
import { deepFreeze } from "./deepFreeze.ts"
import { type Difference, difference } from "./difference.ts"
import { isPlain, isScalar } from "./schemaTraits.ts"
import type { StorableSchema } from "./storableSchema.ts"
import { flatMapSync, mapSync } from "./sync.ts"
import { type Unions, unionsOf } from "./unions.ts"

/** A value as canonical JSON text, together with the value that the text decodes to. */
export interface Checked {
  readonly text: string
  readonly decoded: unknown
}

/** Converts the values of one schema to JSON text and back. */
export interface JsonCodec {
  /**
   * Whether every value is plain data that the schema's description fully describes. Then decoded values are frozen and
   * receivers can share them. Otherwise each receiver decodes its own.
   */
  readonly isPlain: boolean
  readonly encode: (value: unknown) => Effect.Effect<string, CodecError>
  /** Encodes a value. Fails with the path at which the value would be read back differently. */
  readonly encodeChecked: (value: unknown) => Effect.Effect<Checked, CodecError>
  readonly decode: (text: string) => Effect.Effect<unknown, CodecError>
  /** Decodes a JSON value instead of its text. */
  readonly decodeJson: (json: unknown) => Effect.Effect<unknown, CodecError>
}

const codecs = new WeakMap<SchemaAST.AST, JsonCodec>()

/** The JSON codec of a schema. Built once per schema. */
export const of = (schema: StorableSchema): JsonCodec => {
  let codec = codecs.get(schema.ast)
  if (codec === undefined) {
    codec = make(schema)
    codecs.set(schema.ast, codec)
  }
  return codec
}

/** `Schema.toCodecJson`, with maps and sets in the order of their keys. */
export const toCodecJson = (schema: StorableSchema): Schema.Codec<unknown, Schema.Json> =>
  Schema.toCodecJson(Schema.make<Schema.Codec<unknown, unknown>>(canonicalOrder(schema.ast)))

const make = (schema: StorableSchema): JsonCodec => {
  const codec = toCodecJson(schema)
  const toJson = SchemaParser.encodeUnknownEffect(codec)
  const fromJson = SchemaParser.decodeUnknownEffect(codec)
  const plain = isPlain(schema.ast)
  const scalar = isScalar(schema.ast)
  let unions: { readonly found: Unions | undefined } | undefined

  const decodeJson = (json: unknown): Effect.Effect<unknown, CodecError> => {
    const decoded = attempt(() => fromJson(json), json)
    return plain ? mapSync(decoded, deepFreeze) : decoded
  }

  const encode = (value: unknown): Effect.Effect<string, CodecError> =>
    flatMapSync(
      attempt(() => toJson(value), value),
      (json) => stringify(json, value)
    )

  const decode = (text: string): Effect.Effect<unknown, CodecError> => flatMapSync(parse(text), decodeJson)

  const encodeChecked = (value: unknown): Effect.Effect<Checked, CodecError> =>
    flatMapSync(encode(value), (text) => {
      // If every value is a string, a number or a boolean, the text determines the value.
      if (scalar && typeof value !== "object") return Exit.succeed({ text, decoded: value })
      return flatMapSync(decode(text), (decoded) => {
        unions ??= { found: unionsOf(schema.ast) }
        const lost = compare(value, decoded, unions.found)
        if (lost === undefined) return Exit.succeed({ text, decoded })
        if (lost.isCertain) return Exit.fail(changed(lost))
        // Values that can't be compared part by part are equal if they have the same text.
        return flatMapSync(encode(decoded), (again) =>
          again === text ? Exit.succeed({ text, decoded }) : Exit.fail(changed(lost))
        )
      })
    })

  return { isPlain: plain, encode, encodeChecked, decode, decodeJson }
}

/** The error for a value that its schema would not read back unchanged. */
export const changed = ({ message, path }: Difference): CodecError =>
  new CodecError({ message: `the value does not survive being stored: ${message}`, path })

const compare = (value: unknown, decoded: unknown, unions: Unions | undefined): Difference | undefined => {
  try {
    return difference(value, decoded, unions)
  } catch {
    // Reading the value again failed: it has a getter that throws, or is a proxy.
    return { path: [], message: "it can't be read a second time", isCertain: false }
  }
}

const stringify = (json: unknown, value: unknown): Exit.Exit<string, CodecError> => {
  try {
    return Exit.succeed(CanonicalJson.stringify(json))
  } catch (cause) {
    return Exit.fail(CodecIssue.fromThrown(cause, value))
  }
}

const parse = (text: string): Exit.Exit<unknown, CodecError> => {
  try {
    return Exit.succeed(JSON.parse(text))
  } catch (cause) {
    return Exit.fail(
      cause instanceof RangeError
        ? CodecIssue.fromThrown(cause, undefined)
        : new CodecError({ message: `the stored bytes are not valid JSON: ${(cause as Error).message}` }) // a SyntaxError
    )
  }
}

/** Runs a parser. Issues and exceptions become `CodecError`s. */
const attempt = (
  run: () => Effect.Effect<unknown, SchemaIssue.Issue>,
  value: unknown
): Effect.Effect<unknown, CodecError> => {
  let result: Effect.Effect<unknown, SchemaIssue.Issue>
  try {
    result = run()
  } catch (cause) {
    return Exit.fail(CodecIssue.fromThrown(cause, value))
  }
  if (Exit.isExit(result) && Exit.isSuccess(result)) return Exit.succeed(result.value)
  return Effect.catchCause(result, (cause) =>
    Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.fail(CodecIssue.fromCause(cause, value))
  )
}
