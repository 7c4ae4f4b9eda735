/**
 * Renders schemas for people: a short text for one (`{ labels: Int, review: String }`), and a sentence on how two
 * differ. Both work on the stored descriptions, which are JSON, so a schema that only exists in an old run can be
 * rendered too.
 */
import * as CanonicalJson from "./canonicalJson.ts"

/** The parts of a representation that this module reads. `effect/SchemaRepresentation` defines all of it. */
interface Node {
  readonly _tag?: string
  readonly $ref?: string
  readonly checks?: ReadonlyArray<Check>
  readonly annotations?: { readonly expected?: string; readonly identifier?: string; readonly "~identifier"?: string }
  readonly representation?: { readonly id?: string }
  readonly typeParameters?: ReadonlyArray<Node>
  readonly types?: ReadonlyArray<Node>
  readonly literal?: { readonly type: string; readonly value: unknown }
  readonly enums?: ReadonlyArray<readonly [string, unknown]>
  readonly elements?: ReadonlyArray<{ readonly isOptional: boolean; readonly type: Node }>
  readonly rest?: ReadonlyArray<Node>
  readonly propertySignatures?: ReadonlyArray<Property>
  readonly indexSignatures?: ReadonlyArray<{ readonly parameter: Node; readonly type: Node }>
}

interface Check {
  readonly annotations?: { readonly expected?: string }
  readonly representation?: { readonly id?: string }
}

interface Property {
  readonly name: { readonly value: unknown }
  readonly type: Node
  readonly isOptional: boolean
}

interface References {
  readonly [name: string]: Node
}

interface Document {
  readonly representation: Node
  readonly references: References
}

const maxLength = 100

/** A schema's representation as a short text. */
export const typeText = (document: unknown): string => {
  const { representation, references } = document as Document // produced by `SchemaRepresentation.toJson`
  const text = textOf(representation, references, 0)
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`
}

const textOf = (node: Node, references: References, depth: number): string => {
  const checks = node.checks ?? []
  const isInt = node._tag === "Number" && checks.some((check) => check.representation?.id === "effect/schema/isInt")
  const base = isInt ? "Int" : baseOf(node, references, depth)
  const extra = checks
    .filter((check) => check.representation?.id !== "effect/schema/isInt")
    .map((check) => check.annotations?.expected ?? "checked")
  return extra.length === 0 ? base : `${base} (${extra.join(", ")})`
}

const baseOf = (node: Node, references: References, depth: number): string => {
  const inner = (child: Node) => textOf(child, references, depth + 1)
  switch (node._tag) {
    case "Reference":
      return nameOf(node.$ref ?? "")
    case "Literal":
      return node.literal?.type === "bigint" ? `${node.literal.value}n` : JSON.stringify(node.literal?.value)
    case "Enum":
      return (node.enums ?? []).map(([name]) => name).join(" | ")
    case "Union":
      return (node.types ?? []).map(inner).join(" | ")
    case "Declaration": {
      const name = (node.representation?.id ?? node.annotations?.identifier ?? "custom").split("/").at(-1) ?? ""
      const parameters = node.typeParameters ?? []
      return parameters.length === 0 ? name : `${name}<${parameters.map(inner).join(", ")}>`
    }
    case "Suspend":
      return "…"
    case "Arrays": {
      const elements = node.elements ?? []
      const rest = node.rest ?? []
      if (elements.length === 0 && rest.length === 1) return `Array<${inner(rest[0] as Node)}>` // its length is 1
      return `[${[
        ...elements.map((element) => inner(element.type) + (element.isOptional ? "?" : "")),
        ...rest.map((item, i) => (i === 0 ? `...${inner(item)}` : inner(item)))
      ].join(", ")}]`
    }
    case "Objects": {
      if (depth > 3) return "{ … }"
      const fields = [
        ...(node.propertySignatures ?? []).map(
          (property) => `${String(property.name.value)}${property.isOptional ? "?" : ""}: ${inner(property.type)}`
        ),
        ...(node.indexSignatures ?? []).map((index) => `[${inner(index.parameter)}]: ${inner(index.type)}`)
      ]
      return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`
    }
    default:
      return node.annotations?.expected ?? node._tag ?? "Unknown"
  }
}

/** The encoded side of a class is named after the class, with `Encoded` appended. */
const nameOf = (reference: string): string => reference.replace(/Encoded$/, "")

/** How two descriptions differ, as a sentence. */
export const difference = (stored: unknown, reading: unknown): string => {
  const differences = compare(stored as Described, reading as Described) // the JSON passed to `Description.make`
  if (differences.length === 0) return "the schemas differ only in how they are described"
  const more = differences.length - maxDifferences
  return differences.slice(0, maxDifferences).join("; ") + (more > 0 ? `; and ${more} more` : "")
}

const maxDifferences = 4

/** The shape of the descriptions that this package's artifacts make. */
interface Described {
  readonly format?: string
  readonly mediaType?: string
  readonly schema?: Document
  /** The schema of the values, if it differs from what is stored. */
  readonly type?: Document
  readonly columns?: ReadonlyArray<{ readonly name: string; readonly schema?: Document; readonly numbers?: string }>
  readonly tensors?: {
    readonly [name: string]: { readonly dtype: string; readonly shape?: ReadonlyArray<number | null> }
  } | null
}

const sides = (stored: string, reading: string) => `stored as ${stored}, read as ${reading}`

const compare = (stored: Described, reading: Described): ReadonlyArray<string> => {
  if (stored.format !== reading.format)
    return [`format: ${sides(stored.format ?? "another", reading.format ?? "another")}`]
  if (stored.schema !== undefined && reading.schema !== undefined) {
    const differences = compareDocuments(stored.schema, reading.schema)
    return differences.length > 0
      ? differences
      : compareDocuments(stored.type ?? stored.schema, reading.type ?? reading.schema)
  }
  if (stored.columns !== undefined && reading.columns !== undefined) {
    const texts = (columns: NonNullable<Described["columns"]>) =>
      new Map(
        columns.map(({ name, numbers, schema }) => [name, numbers ?? (schema === undefined ? "" : typeText(schema))])
      )
    return compareTexts("column", texts(stored.columns), texts(reading.columns))
  }
  if (stored.tensors != null && reading.tensors != null) {
    const texts = (tensors: NonNullable<Described["tensors"]>) =>
      new Map(
        Object.entries(tensors).map(([name, { dtype, shape }]) => [
          name,
          shape === undefined ? dtype : `${dtype} [${shape.map((size) => size ?? "any").join(", ")}]`
        ])
      )
    return compareTexts("tensor", texts(stored.tensors), texts(reading.tensors))
  }
  if (stored.mediaType !== reading.mediaType) {
    return [`media type: ${sides(stored.mediaType ?? "none", reading.mediaType ?? "none")}`]
  }
  const texts = [CanonicalJson.stringify(stored), CanonicalJson.stringify(reading)] as const
  return texts[0] === texts[1] ? [] : [sides(clip(texts[0]), clip(texts[1]))]
}

const clip = (text: string) => (text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`)

const compareTexts = (
  word: string,
  stored: ReadonlyMap<string, string>,
  reading: ReadonlyMap<string, string>
): ReadonlyArray<string> => {
  const differences: Array<string> = []
  for (const [name, text] of stored) {
    const other = reading.get(name)
    if (other === undefined) differences.push(`${word} ${name}: only in the stored schema`)
    else if (other !== text) differences.push(`${word} ${name}: ${sides(text, other)}`)
  }
  for (const name of reading.keys())
    if (!stored.has(name)) differences.push(`${word} ${name}: only in the schema that reads it`)
  return differences
}

const compareDocuments = (stored: Document, reading: Document): ReadonlyArray<string> =>
  compareNodes(stored.representation, reading.representation, "", {
    stored: stored.references,
    reading: reading.references,
    seen: new Set()
  })

interface Context {
  readonly stored: References
  readonly reading: References
  readonly seen: Set<string>
}

const compareNodes = (a: Node, b: Node, path: string, context: Context): ReadonlyArray<string> => {
  const stored = resolve(a, context.stored)
  const reading = resolve(b, context.reading)
  if (a._tag === "Reference" && b._tag === "Reference") {
    const pair = `${a.$ref} ${b.$ref}`
    if (context.seen.has(pair)) return [] // a recursive schema: these two are being compared
    context.seen.add(pair)
  }
  const at = path === "" ? "" : `field ${path}: `
  if (stored._tag === "Objects" && reading._tag === "Objects" && isStruct(stored) && isStruct(reading)) {
    return compareProperties(stored, reading, path, context)
  }
  if (stored._tag === "Arrays" && reading._tag === "Arrays" && isList(stored) && isList(reading)) {
    return compareNodes(stored.rest[0], reading.rest[0], `${path}[]`, context)
  }
  const texts = [textOf(stored, context.stored, 0), textOf(reading, context.reading, 0)] as const
  return texts[0] === texts[1] ? [] : [at + sides(clip(texts[0]), clip(texts[1]))]
}

const compareProperties = (stored: Node, reading: Node, path: string, context: Context): ReadonlyArray<string> => {
  const differences: Array<string> = []
  const byName = (node: Node) => new Map((node.propertySignatures ?? []).map((item) => [String(item.name.value), item]))
  const others = byName(reading)
  const at = (name: string) => (path === "" ? name : `${path}.${name}`)
  for (const [name, property] of byName(stored)) {
    const other = others.get(name)
    others.delete(name)
    if (other === undefined) differences.push(`field ${at(name)}: only in the stored schema`)
    else {
      if (property.isOptional !== other.isOptional) {
        const word = (isOptional: boolean) => (isOptional ? "optional" : "required")
        differences.push(`field ${at(name)}: ${sides(word(property.isOptional), word(other.isOptional))}`)
      }
      differences.push(...compareNodes(property.type, other.type, at(name), context))
    }
  }
  for (const name of others.keys()) differences.push(`field ${at(name)}: only in the schema that reads it`)
  return differences
}

const resolve = (node: Node, references: References): Node =>
  node._tag === "Reference" ? (references[node.$ref ?? ""] ?? node) : node

const isStruct = (node: Node): boolean => (node.indexSignatures ?? []).length === 0

const isList = (node: Node): node is Node & { readonly rest: readonly [Node] } =>
  (node.elements ?? []).length === 0 && node.rest?.length === 1
