/**
 * Unions whose members can be mistaken for one another. A value of a union is written by the first member that accepts
 * it, so what only a later member knows of it would get lost: a property, or its class. Which property counts, and
 * whether a value is ambiguous at all, is asked only where something is missing after a round trip.
 */
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import { idOf, visit } from "./schemaTraits.ts"

/** The unions of one schema. */
export interface Unions {
  /**
   * Whether two members of a union accept one of the values, and one of them may know the key.
   *
   * @param values A value, and the values around it.
   * @param key What is missing; `undefined` where it is the value's class.
   */
  readonly isAmbiguous: (values: ReadonlyArray<object>, key: PropertyKey | undefined) => boolean
}

interface Union {
  readonly members: ReadonlyArray<(value: unknown) => boolean>
  readonly keys: ReadonlySet<PropertyKey>
  /** Whether a member takes any key: a record, or unknown data. */
  readonly isOpen: boolean
}

/** The unions of a schema that have two or more members for objects; `undefined` where there are none. */
export const unionsOf = (root: SchemaAST.AST): Unions | undefined => {
  const unions: Array<Union> = []
  visit(root, (ast) => {
    if (ast._tag !== "Union") return
    const members = ast.types.filter((type) => !isPrimitive(type))
    if (members.length > 1) unions.push(unionOf(members))
  })
  if (unions.length === 0) return undefined
  return {
    isAmbiguous: (values, key) =>
      unions.some(
        ({ isOpen, keys, members }) =>
          (key === undefined || isOpen || keys.has(key)) &&
          values.some((value) => members.filter((accepts) => accepts(value)).length > 1)
      )
  }
}

const unionOf = (types: ReadonlyArray<SchemaAST.AST>): Union => {
  const keys = new Set<PropertyKey>()
  let isOpen = false
  for (const type of types) {
    visit(type, (ast) => {
      if (ast._tag === "Objects") {
        for (const { name } of ast.propertySignatures) keys.add(name)
        isOpen ||= ast.indexSignatures.length > 0
      } else isOpen ||= takesAnything(ast)
    })
  }
  return { members: types.map((type) => Schema.is(Schema.make<Schema.Schema<unknown>>(type))), keys, isOpen }
}

const takesAnything = (ast: SchemaAST.AST): boolean => {
  if (ast._tag === "Unknown" || ast._tag === "ObjectKeyword") return true
  const id = ast._tag === "Declaration" ? idOf(ast.annotations) : undefined
  return id === "effect/schema/Json" || id === "effect/schema/MutableJson"
}

const primitives: ReadonlySet<SchemaAST.AST["_tag"]> = new Set([
  "Null",
  "Undefined",
  "Void",
  "Never",
  "String",
  "Number",
  "Boolean",
  "BigInt",
  "Symbol",
  "UniqueSymbol",
  "Literal",
  "Enum",
  "TemplateLiteral"
])

const isPrimitive = ({ _tag }: SchemaAST.AST): boolean => primitives.has(_tag)
