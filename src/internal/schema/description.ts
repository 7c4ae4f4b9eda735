/**
 * A schema's description, stored with every artifact: the schema's `SchemaRepresentation` as JSON, and a digest of it.
 * Two artifacts with the same description digest were written with the same schema. `schemaText.ts` explains how two
 * descriptions differ.
 */
import type * as Schema from "effect/Schema"
import * as SchemaRepresentation from "effect/SchemaRepresentation"
import * as CanonicalJson from "./canonicalJson.ts"
import * as Digest from "./digest.ts"
import * as SchemaText from "./schemaText.ts"

/** The description of a schema. */
export interface Description {
  /** Canonical JSON text. */
  readonly text: string
  readonly digest: string
}

/** Makes a description from the JSON value that represents an artifact's schema. */
export const make = (value: unknown): Description => {
  const text = CanonicalJson.stringify(value)
  return { text, digest: Digest.ofTexts("effect-flow/schema/1", [text]) }
}

/** The canonical text of a representation. Equal texts mean equal schemas. */
export const textOf = (representation: unknown): string => CanonicalJson.stringify(representation)

/** `SchemaRepresentation` of a schema, as JSON. */
export const represent = (schema: Schema.Top): unknown => {
  const document = SchemaRepresentation.toRepresentation(schema.ast)
  try {
    // Custom declarations and checks of a program have no representation. They are marked as custom.
    return SchemaRepresentation.toJson(named(document) as SchemaRepresentation.Document) // the same, with more names
  } catch {
    // A symbol of this process only. Its values can't be stored either, which is reported when one is encoded.
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
  let description: Description | undefined
  return () => {
    description ??= make()
    return description
  }
}

/** A schema as a short text: `Int`, `{ a: Int, b?: String | Null }`. */
export const typeText = (schema: Schema.Top): string => SchemaText.typeText(represent(schema))

/**
 * How the schema of a stored value differs from the schema that reads it, as a sentence:
 *
 * `field labels: stored as Int, read as String`.
 */
export const difference = (stored: string, reading: string): string =>
  SchemaText.difference(JSON.parse(stored), JSON.parse(reading))
