/**
 * A schema's own description, stored beside every artifact of it: what `SchemaRepresentation` says of the schema, as
 * JSON, and a digest of that. Two artifacts with one digest were written by the same schema, whoever wrote them.
 */
import type * as Schema from "effect/Schema"
import * as SchemaRepresentation from "effect/SchemaRepresentation"
import * as CanonicalJson from "./canonicalJson.ts"
import * as Digest from "./digest.ts"

/** What a schema says of itself. */
export interface Description {
  /** JSON text, canonical. */
  readonly text: string
  readonly digest: string
}

/** The description of any JSON value that says what an artifact's schema is. */
export const make = (value: unknown): Description => {
  const text = CanonicalJson.stringify(value)
  return { text, digest: Digest.ofTexts("effect-flow/schema/1", [text]) }
}

/** `SchemaRepresentation` of a schema, as JSON. */
export const represent = (schema: Schema.Top): unknown =>
  SchemaRepresentation.toJson(SchemaRepresentation.toRepresentation(schema.ast))

/** A function that computes once. Descriptions are made lazily: most programs that import a flow never run it. */
export const lazy = (make: () => Description): (() => Description) => {
  let made: Description | undefined
  return () => {
    made ??= make()
    return made
  }
}

/**
 * What differs between the description that something was stored under and a reader's, as a sentence:
 * "field labels: Int there, String here".
 */
export const difference = (there: string, here: string): string =>
  there === here ? "the schemas are the same" : `${there} there, ${here} here`
