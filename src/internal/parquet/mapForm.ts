/** The forms in which a map of a file is read: a `Map`, an object, or a list of its entries. */
import * as SchemaModule from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import type { SchemaTree } from "hyparquet"
import { leafOf } from "./leaf.ts"
import { mismatch, ShapeError } from "./nestedFault.ts"
import { type Exactness, membersOf, type Want } from "./wants.ts"

/** An entry of a map. */
export type Entry = readonly [key: unknown, value: unknown]

/** What the entries of a map become, and how they are read. */
export interface MapForm {
  readonly key: SchemaAST.AST
  readonly value: SchemaAST.AST
  readonly make: (entries: ReadonlyArray<Entry>) => unknown
}

/** The form that a schema wants for a map. */
export const mapForm = (context: Exactness, node: SchemaTree, want: Want, keyNode: SchemaTree): MapForm => {
  const open = SchemaModule.Unknown.ast
  switch (want.kind) {
    case "map":
      return { key: want.key, value: want.value, make: (entries) => onceEach(entries, new Map(entries)) }
    case "plain": {
      const isText = keyNode.element.type !== undefined && ["text", "uuid"].includes(leafOf(keyNode.element).kind)
      return { key: open, value: open, make: isText ? objectOf : (entries) => entries }
    }
    case "object": {
      const [index] = want.ast.indexSignatures
      if (want.ast.propertySignatures.length > 0) {
        context.isExact = false
        return { key: SchemaModule.String.ast, value: open, make: objectOf }
      }
      if (index === undefined) throw mismatch(node)
      if (index.parameter._tag !== "String") context.isExact = false
      return {
        key: index.parameter._tag === "String" ? index.parameter : SchemaModule.String.ast,
        value: index.type,
        make: objectOf
      }
    }
    case "list": {
      const [item = open] = [...want.ast.elements, ...want.ast.rest]
      const [member] = membersOf(item)
      context.isExact = false
      if (member?._tag === "Arrays") {
        const [key = open, value = open] = member.elements
        return { key, value, make: (entries) => entries }
      }
      if (member?._tag === "Objects") {
        const typeOf = (name: string) =>
          member.propertySignatures.find((property) => property.name === name)?.type ?? open
        return {
          key: typeOf("key"),
          value: typeOf("value"),
          make: (entries) => entries.map(([key, value]) => ({ key, value }))
        }
      }
      if (member === undefined || member._tag === "Unknown")
        return { key: open, value: open, make: (entries) => entries }
      throw mismatch(node)
    }
    default:
      throw mismatch(node)
  }
}

const onceEach = (entries: ReadonlyArray<Entry>, map: ReadonlyMap<unknown, unknown>) => {
  if (map.size !== entries.length)
    throw new ShapeError("its map has a key twice; declare it as an array of [key, value] to read both")
  return map
}

/** An object with the entries of a map. It keeps their order, or there is an error: integers come first in an object. */
const objectOf = (entries: ReadonlyArray<Entry>): unknown => {
  const value = Object.fromEntries(entries as ReadonlyArray<readonly [string, unknown]>) // keys of text; `__proto__` is a key like others
  const keys = Object.keys(value)
  if (keys.length !== entries.length) {
    throw new ShapeError("its map has a key twice; declare it as an array of [key, value] to read both")
  }
  const moved = keys.findIndex((key, i) => key !== entries[i]?.[0])
  if (moved >= 0) {
    throw new ShapeError(
      `an object does not keep the place of the key ${JSON.stringify(keys[moved])}; declare the map Schema.ReadonlyMap, or as an array of [key, value]`
    )
  }
  return value
}
