/**
 * How a column of lists, structs and maps is laid out in a file that this library writes: its schema as a tree of groups
 * and leaves in Parquet's own terms, so that every tool reads lists as lists. A schema that has no such form (a tuple, a
 * union of different types, a class, a key that may be absent or null) is stored as JSON text instead, as a whole.
 *
 * Levels and annotations: https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#nested-types
 */
import * as SchemaAST from "effect/SchemaAST"
import type { SchemaElement, SchemaTree } from "hyparquet"
import { parquetSchema } from "hyparquet"
import { idOf } from "../schema/schemaTraits.ts"
import type { StorableSchema } from "../schema/storableSchema.ts"
import { type ColumnType, sqlTypes } from "./columnType.ts"
import { isEmpty, type LeafKind, leafKindOf } from "./leafKind.ts"
import { type Assembly, assemble } from "./nested.ts"
import { Refusal } from "./nestedFault.ts"
import { membersOf } from "./wants.ts"

/** A node of the layout. `optional` says whether null may stand for it. */
export type Node = { readonly optional: boolean } & (
  | { readonly kind: "leaf"; readonly leaf: number; readonly type: LeafKind }
  | { readonly kind: "list"; readonly item: Node; readonly leaves: LeafRange; readonly repetition: number }
  | { readonly kind: "struct"; readonly fields: ReadonlyArray<Field>; readonly leaves: LeafRange }
  | {
      readonly kind: "map"
      /** Whether the value is a `Map`, rather than an object whose keys are texts. */
      readonly isMap: boolean
      readonly key: Node
      readonly value: Node
      readonly leaves: LeafRange
      readonly repetition: number
    }
)

/** The leaves below a node: from `start` to before `end`. */
export interface LeafRange {
  readonly start: number
  readonly end: number
}

/** A field of a struct. */
export interface Field {
  readonly name: string
  readonly node: Node
}

/** A leaf: a column of the file. */
export interface Leaf {
  readonly type: LeafKind
  readonly path: ReadonlyArray<string>
  /** The definition level of a value that is there. */
  readonly maxDefinition: number
  /** The repetition level within the innermost list. */
  readonly maxRepetition: number
}

/** The layout of a column. */
export interface NestedLayout {
  readonly root: Node
  readonly leaves: ReadonlyArray<Leaf>
  /** The nodes of the file's schema, in its order. */
  readonly elements: ReadonlyArray<SchemaElement>
  /** What SQL calls the type. */
  readonly sqlType: string
  /** Reads the column as the reader of such a file does. */
  readonly assembly: Assembly
}

/** The physical type of each kind of leaf, and how it is annotated. */
export const leafElements: {
  readonly [K in LeafKind]: Omit<SchemaElement, "name" | "repetition_type"> & Required<Pick<SchemaElement, "type">>
} = {
  text: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
  int: { type: "INT64" },
  number: { type: "DOUBLE" },
  boolean: { type: "BOOLEAN" },
  bigint: { type: "INT64" },
  date: { type: "INT64", converted_type: "TIMESTAMP_MILLIS" },
  bytes: { type: "BYTE_ARRAY" },
  json: { type: "BYTE_ARRAY", converted_type: "JSON", logical_type: { type: "JSON" } }
}

/** Deeper schemas are stored as JSON text; one that contains itself is as deep as one likes. */
const maxDepth = 16

/** Where a node is in the file. */
interface Place {
  readonly path: ReadonlyArray<string>
  readonly definition: number
  readonly repetition: number
}

const layouts = new WeakMap<StorableSchema, Map<string, NestedLayout | undefined>>()

/** The layout of a column of lists, structs or maps; `undefined` for other columns, and for those stored as JSON text. */
export const layoutOf = ({ kind, name, schema }: ColumnType): NestedLayout | undefined => {
  if (kind !== "json" || schema === undefined) return undefined
  const byName = layouts.get(schema) ?? new Map<string, NestedLayout | undefined>()
  layouts.set(schema, byName)
  if (!byName.has(name)) byName.set(name, build(name, schema))
  return byName.get(name)
}

/** What SQL calls the type of a column that DuckDB reads from a file of this library's. */
export const sqlTypeOf = (type: ColumnType): string => layoutOf(type)?.sqlType ?? fileSqlTypes[type.kind]

/** What a file holds as bytes is none of the texts that stand for them in CSV. */
const fileSqlTypes = { ...sqlTypes, bytes: "BLOB" }

const build = (name: string, schema: StorableSchema): NestedLayout | undefined => {
  const leaves: Array<Leaf> = []
  const elements: Array<SchemaElement> = []
  const built = nodeOf(schema.ast, { path: [name], definition: 0, repetition: 0 }, { leaves, elements }, 0)
  if (built === undefined || built.node.kind === "leaf") return undefined
  if (!elements.every(({ name }) => name.isWellFormed())) return undefined // a file holds names as UTF-8; JSON can escape them
  const [tree] = parquetSchema({ schema: [{ name: "schema", num_children: 1 }, ...elements] } as never).children // all it looks at
  const assembly = assemble(tree as SchemaTree, schema) // its one child
  if (assembly instanceof Refusal || assembly.leaves.length !== leaves.length) return undefined
  return { root: built.node, leaves, elements, sqlType: built.sqlType, assembly }
}

interface Built {
  readonly node: Node
  readonly sqlType: string
}

interface Parts {
  readonly leaves: Array<Leaf>
  readonly elements: Array<SchemaElement>
}

const nodeOf = (ast: SchemaAST.AST, place: Place, parts: Parts, depth: number): Built | undefined => {
  if (depth > maxDepth) return undefined
  const members = membersOf(ast)
  if (members.some((member) => isEmpty(member) && member._tag !== "Null")) return undefined // null would come back
  const [first, ...others] = members.filter((member) => !isEmpty(member))
  if (first === undefined) return undefined
  const isOpen = isAnyJson(first)
  const optional = isOpen || members.length > others.length + 1
  const inner = optional ? { ...place, definition: place.definition + 1 } : place
  const type = isOpen && others.length === 0 ? "json" : leafKindOf([first, ...others])
  if (type !== undefined) return leafNode(type, optional, inner, parts)
  if (others.length > 0) return undefined
  switch (first._tag) {
    case "Arrays": {
      const [item, ...more] = [...first.elements, ...first.rest]
      if (item === undefined || first.rest.length !== 1 || more.some((other) => other !== item)) return undefined
      return listNode(item, optional, inner, parts, depth)
    }
    case "Objects":
      return objectNode(first, optional, inner, parts, depth)
    case "Declaration": {
      const [item, value] = first.typeParameters
      const id = idOf(first.annotations)
      if (id === "effect/schema/ReadonlySet" && item !== undefined) return listNode(item, optional, inner, parts, depth)
      return id === "effect/schema/ReadonlyMap" && item !== undefined && value !== undefined
        ? mapNode(item, value, true, optional, inner, parts, depth)
        : undefined
    }
    default:
      return undefined
  }
}

const isAnyJson = (ast: SchemaAST.AST): boolean =>
  ast._tag === "Unknown" ||
  ["effect/schema/Json", "effect/schema/MutableJson"].includes(
    (ast._tag === "Declaration" && idOf(ast.annotations)) || ""
  )

const nameOf = ({ path }: Place): string => path.at(-1) as string // a path has a name at least

const repetitionType = (optional: boolean) => (optional ? ("OPTIONAL" as const) : ("REQUIRED" as const))

const leafNode = (type: LeafKind, optional: boolean, place: Place, { elements, leaves }: Parts): Built => {
  elements.push({ name: nameOf(place), repetition_type: repetitionType(optional), ...leafElements[type] })
  leaves.push({ type, path: place.path, maxDefinition: place.definition, maxRepetition: place.repetition })
  return { node: { kind: "leaf", leaf: leaves.length - 1, type, optional }, sqlType: fileSqlTypes[type] }
}

/** The place of a node within the repeated group of a list or map. */
const within = ({ definition, path, repetition }: Place, group: string, name: string): Place => ({
  path: [...path, group, name],
  definition: definition + 1,
  repetition: repetition + 1
})

/** The group of a list or map, and the repeated group within it. */
const repeatedGroup = (
  annotation: "LIST" | "MAP",
  name: string,
  fields: number,
  optional: boolean,
  place: Place
): ReadonlyArray<SchemaElement> => [
  {
    name: nameOf(place),
    repetition_type: repetitionType(optional),
    num_children: 1,
    converted_type: annotation,
    logical_type: { type: annotation }
  },
  { name, repetition_type: "REPEATED", num_children: fields }
]

const listNode = (
  itemAst: SchemaAST.AST,
  optional: boolean,
  place: Place,
  parts: Parts,
  depth: number
): Built | undefined => {
  parts.elements.push(...repeatedGroup("LIST", "list", 1, optional, place))
  const start = parts.leaves.length
  const item = nodeOf(itemAst, within(place, "list", "element"), parts, depth + 1)
  if (item === undefined) return undefined
  const leaves = { start, end: parts.leaves.length }
  return {
    node: { kind: "list", item: item.node, leaves, optional, repetition: place.repetition + 1 },
    sqlType: `${item.sqlType}[]`
  }
}

const objectNode = (
  ast: SchemaAST.Objects,
  optional: boolean,
  place: Place,
  parts: Parts,
  depth: number
): Built | undefined => {
  const { indexSignatures, propertySignatures } = ast
  const [index] = indexSignatures
  if (index !== undefined) {
    return propertySignatures.length === 0 && indexSignatures.length === 1 && index.parameter._tag === "String"
      ? mapNode(index.parameter, index.type, false, optional, place, parts, depth)
      : undefined
  }
  // Readers like DuckDB tell the fields of a struct apart by their lower case.
  const names = new Set(propertySignatures.map(({ name }) => String(name).toLowerCase()))
  if (names.size !== propertySignatures.length || names.size === 0 || names.has("") || names.has("__proto__")) {
    return undefined
  }
  parts.elements.push({
    name: nameOf(place),
    repetition_type: repetitionType(optional),
    num_children: propertySignatures.length
  })
  const start = parts.leaves.length
  const fields: Array<Field> = []
  const sql: Array<string> = []
  for (const { name, type } of propertySignatures) {
    if (typeof name !== "string") return undefined
    const field = fieldOf(name, type, place, parts, depth)
    if (field === undefined) return undefined
    fields.push({ name, node: field.node })
    sql.push(`"${name.replaceAll('"', '""')}" ${field.sqlType}`)
  }
  const leaves = { start, end: parts.leaves.length }
  return { node: { kind: "struct", fields, leaves, optional }, sqlType: `STRUCT(${sql.join(", ")})` }
}

/** A field that may be absent is null in the file, so it can't also be null in the table. */
const fieldOf = (name: string, type: SchemaAST.AST, place: Place, parts: Parts, depth: number): Built | undefined => {
  const at = { ...place, path: [...place.path, name] }
  if (!SchemaAST.isOptional(type)) return nodeOf(type, at, parts, depth + 1)
  const present = membersOf(type).filter((member) => member._tag !== "Undefined")
  const [member, ...others] = present
  if (member === undefined || others.length > 0 || isEmpty(member) || isAnyJson(member)) return undefined
  const index = parts.elements.length
  const built = nodeOf(member, { ...at, definition: at.definition + 1 }, parts, depth + 1)
  const element = parts.elements[index]
  if (built === undefined || element === undefined) return undefined
  parts.elements[index] = { ...element, repetition_type: "OPTIONAL" }
  return { ...built, node: { ...built.node, optional: true } }
}

const mapNode = (
  keyAst: SchemaAST.AST,
  valueAst: SchemaAST.AST,
  isMap: boolean,
  optional: boolean,
  place: Place,
  parts: Parts,
  depth: number
): Built | undefined => {
  parts.elements.push(...repeatedGroup("MAP", "key_value", 2, optional, place))
  const start = parts.leaves.length
  const key = nodeOf(keyAst, within(place, "key_value", "key"), parts, depth + 1)
  if (key === undefined || key.node.optional || key.node.kind !== "leaf") return undefined
  const value = nodeOf(valueAst, within(place, "key_value", "value"), parts, depth + 1)
  if (value === undefined) return undefined
  const leaves = { start, end: parts.leaves.length }
  return {
    node: {
      kind: "map",
      isMap,
      key: key.node,
      value: value.node,
      leaves,
      optional,
      repetition: place.repetition + 1
    },
    sqlType: `MAP(${key.sqlType}, ${value.sqlType})`
  }
}
