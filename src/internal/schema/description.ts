/**
 * A schema's own description, stored beside every artifact of it: what `SchemaRepresentation` says of the schema, as
 * JSON, and a digest of that. Two artifacts with one digest were written by the same schema, whoever wrote them. Where
 * two differ, `schemaText.ts` says in what.
 */
import type * as Schema from "effect/Schema"
import * as SchemaRepresentation from "effect/SchemaRepresentation"
import * as CanonicalJson from "./canonicalJson.ts"
import * as Digest from "./digest.ts"
import * as SchemaText from "./schemaText.ts"

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

/** A representation as text: equal texts mean equal schemas. */
export const textOf = (representation: unknown): string => CanonicalJson.stringify(representation)

/** `SchemaRepresentation` of a schema, as JSON. */
export const represent = (schema: Schema.Top): unknown => {
  const document = SchemaRepresentation.toRepresentation(schema.ast)
  try {
    // What a program declares or checks by a function of its own has no representation; it is said that it does.
    return SchemaRepresentation.toJson(named(document) as SchemaRepresentation.Document) // the same, with more names
  } catch {
    // A symbol that only this process knows. Such a value can't be stored either, which is said where it is encoded.
    return {
      representation: { _tag: "Declaration", representation: custom, typeParameters: [], checks: [] },
      references: {}
    }
  }
}

const custom = { id: "effect-flow/custom", payload: null }

/** A copy in which every declaration and check has a representation. */
const named = (node: unknown): unknown => {
  if (Array.isArray(node)) return node.map(named)
  if (node === null || typeof node !== "object" || Object.getPrototypeOf(node) !== Object.prototype) return node
  const copy: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(node)) copy[key] = key === "annotations" ? value : named(value)
  const isOpaque = copy._tag === "Declaration" || copy._tag === "Filter"
  if (isOpaque && copy.representation === undefined) copy.representation = custom
  return copy
}

/** A function that computes once. Descriptions are made lazily: most programs that import a flow never run it. */
export const lazy = (make: () => Description): (() => Description) => {
  let made: Description | undefined
  return () => {
    made ??= make()
    return made
  }
}

/** A schema as a short text: `Int`, `{ a: Int, b?: String | Null }`. */
export const typeText = (schema: Schema.Top): string => SchemaText.typeText(represent(schema))

/**
 * How two descriptions' texts differ, as a sentence: what something was stored under, and what it is read with.
 *
 * "field labels: Int there, String here"
 */
export const difference = (there: string, here: string): string =>
  SchemaText.difference(JSON.parse(there), JSON.parse(here))
