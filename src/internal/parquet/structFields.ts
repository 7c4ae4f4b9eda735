/** Which fields of a struct a schema wants, and what is said where the file has none of a name. */
import * as SchemaModule from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type { SchemaTree } from "hyparquet"
import { Refusal } from "./nestedFault.ts"
import { acceptsNull, type Exactness } from "./wants.ts"

/** A field, and what the schema wants of it. */
export interface Field {
  readonly name: string
  readonly node: SchemaTree
  readonly ast: SchemaAST.AST
  /** Whether a null stands for a key that is not there. */
  readonly isOmitted: boolean
}

/** A field of which the schema takes anything. */
export const openField = (node: SchemaTree): Field => ({
  name: node.element.name,
  node,
  ast: SchemaModule.Unknown.ast,
  isOmitted: false
})

/** The fields that a schema wants. */
export const fieldsOf = (exactness: Exactness, node: SchemaTree, ast: SchemaAST.Objects): ReadonlyArray<Field> => {
  const fields: Array<Field> = []
  const declared = new Set<string>()
  for (const { name, type } of ast.propertySignatures) {
    const key = String(name)
    declared.add(key)
    const child = node.children.find(({ element }) => element.name === key)
    const isOptional = SchemaAST.isOptional(type)
    if (child === undefined) {
      if (isOptional) continue
      const names = node.children.map(({ element }) => element.name).join(", ")
      throw new Refusal(`has no field ${[...node.path.slice(1), key].join(".")} in the file; its fields are: ${names}`)
    }
    fields.push({ name: key, node: child, ast: type, isOmitted: isOptional && !acceptsNull(type) })
    if (isOptional && !acceptsNull(type)) exactness.isExact = false
  }
  const [index] = ast.indexSignatures
  if (index !== undefined) {
    if (index.parameter._tag !== "String" || index.parameter.checks !== undefined) exactness.isExact = false
    for (const child of node.children) {
      if (!declared.has(child.element.name)) {
        fields.push({ name: child.element.name, node: child, ast: index.type, isOmitted: false })
      }
    }
  }
  return fields
}
