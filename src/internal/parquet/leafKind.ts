/**
 * The kinds of a Parquet leaf that a schema's values can be stored as: each has one physical type, and a value of another
 * kind is refused. What fits none is stored as JSON text.
 */
import type * as SchemaAST from "effect/SchemaAST"
import { idOf } from "../schema/schemaTraits.ts"

/** What the values of a leaf are. */
export type LeafKind = "text" | "int" | "number" | "boolean" | "bigint" | "date" | "bytes" | "json"

/** The members of a union, or the schema itself. */
export const membersOf = (ast: SchemaAST.AST): ReadonlyArray<SchemaAST.AST> =>
  ast._tag === "Union" ? ast.types.flatMap(membersOf) : [ast]

/** Whether a schema stands for a missing value. */
export const isEmpty = (ast: SchemaAST.AST): boolean =>
  ast._tag === "Null" || ast._tag === "Undefined" || ast._tag === "Void"

/** The kind that all of a union's members have; `undefined` where they differ, or have none. */
export const leafKindOf = (members: ReadonlyArray<SchemaAST.AST>): LeafKind | undefined => {
  const kinds = new Set(members.map((member) => partOf(member)?.kind))
  const [kind] = kinds
  return kinds.size === 1 ? kind : undefined
}

/** How the values of a schema without members are stored. */
export interface Part {
  readonly kind: LeafKind
  /** Whether the kind is all that the schema asks for. */
  readonly exact: boolean
  /** The only values there may be. */
  readonly values?: ReadonlyArray<unknown>
}

/** How a schema's values are stored; `undefined` if only JSON text will do. */
export const partOf = (ast: SchemaAST.AST): Part | undefined => {
  const exact = ast.checks === undefined
  switch (ast._tag) {
    case "String":
      return { kind: "text", exact }
    case "TemplateLiteral":
      return { kind: "text", exact: false }
    case "Number":
      return hasCheck(ast, "effect/schema/isInt")
        ? { kind: "int", exact: ast.checks?.length === 1 }
        : { kind: "number", exact }
    case "Boolean":
      return { kind: "boolean", exact }
    case "BigInt":
      return { kind: "bigint", exact }
    case "Literal":
      return ofValues([ast.literal], exact)
    case "Enum":
      return ofValues(
        ast.enums.map(([, value]) => value),
        exact
      )
    case "Declaration":
      return idOf(ast.annotations) === "effect/schema/Date"
        ? { kind: "date", exact }
        : idOf(ast.annotations) === "effect/schema/Uint8Array"
          ? { kind: "bytes", exact }
          : undefined
    default:
      return undefined
  }
}

const ofValues = (values: ReadonlyArray<unknown>, exact: boolean): Part | undefined => {
  if (values.every((value) => typeof value === "string")) return { kind: "text", exact, values }
  if (values.every((value) => Number.isSafeInteger(value))) return { kind: "int", exact, values }
  if (values.every((value) => typeof value === "number")) return { kind: "number", exact, values }
  if (values.every((value) => typeof value === "boolean")) return { kind: "boolean", exact, values }
  if (values.every((value) => typeof value === "bigint")) return { kind: "bigint", exact, values }
  return undefined
}

const hasCheck = (ast: SchemaAST.AST, id: string): boolean =>
  ast.checks?.some((check) => check._tag === "Filter" && idOf(check.annotations) === id) ?? false
