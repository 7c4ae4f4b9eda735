/**
 * What a schema wants from a column of a file, or from a part of one: a leaf of some kind, a list, an object, a map or a
 * set, or anything at all in the terms of JSON.
 */
import * as SchemaAST from "effect/SchemaAST"
import { idOf } from "../schema/schemaTraits.ts"
import type { StorableSchema } from "../schema/storableSchema.ts"
import type { Target } from "./convert.ts"
import { isEmpty } from "./leafKind.ts"

/** Whether what is read fits the schema whatever the file holds. */
export interface Exactness {
  isExact: boolean
}

/** What a schema wants. */
export type Want =
  | { readonly kind: "leaf"; readonly target: Target }
  | { readonly kind: "list"; readonly ast: SchemaAST.Arrays }
  | { readonly kind: "object"; readonly ast: SchemaAST.Objects }
  | { readonly kind: "map"; readonly key: SchemaAST.AST; readonly value: SchemaAST.AST }
  | { readonly kind: "set"; readonly item: SchemaAST.AST }
  /** Anything at all, in JSON's terms. */
  | { readonly kind: "plain" }
  /** Another class of values, which is made from its JSON form. */
  | { readonly kind: "class"; readonly ast: SchemaAST.AST }

/** The members of a schema in its encoded form, or that form itself. */
export const membersOf = (ast: SchemaAST.AST): ReadonlyArray<SchemaAST.AST> => {
  const encoded = ast.encoding === undefined ? ast : SchemaAST.toEncoded(ast)
  if (encoded._tag === "Suspend") return membersOf(encoded.thunk())
  return encoded._tag === "Union" ? encoded.types.flatMap(membersOf) : [encoded]
}

const plain: Want = { kind: "plain" }

/** What a schema wants. Notes in `context` where more than that has to be checked. */
export const wantOf = (context: Exactness, ast: SchemaAST.AST): Want => {
  const members = membersOf(ast).filter((member) => !isEmpty(member))
  if (ast.encoding !== undefined || (ast._tag === "Union" && ast.checks !== undefined)) context.isExact = false
  const [first, ...others] = members
  if (first === undefined) return plain
  const want = wantOfMember(context, first)
  if (others.length === 0) return want
  context.isExact = false
  for (const other of others) {
    const also = wantOfMember(context, other)
    if (want.kind !== "leaf" || also.kind !== "leaf" || also.target !== want.target) return plain
  }
  return want
}

/** Whether a schema leaves open what its values are, so that a text is one of them. */
export const isPlainWant = ({ ast }: StorableSchema): boolean => wantOf({ isExact: true }, ast).kind === "plain"

const leafWant = (target: Target): Want => ({ kind: "leaf", target })

const wantOfMember = (context: Exactness, ast: SchemaAST.AST): Want => {
  const { checks } = ast
  const isInt =
    checks?.some((check) => check._tag === "Filter" && idOf(check.annotations) === "effect/schema/isInt") === true
  if (checks !== undefined && !(isInt && checks.length === 1)) context.isExact = false
  switch (ast._tag) {
    case "String":
      return leafWant("text")
    case "Number":
      return leafWant(isInt ? "int" : "number")
    case "Boolean":
      return leafWant("boolean")
    case "BigInt":
      return leafWant("bigint")
    case "Unknown":
    case "Any":
    case "ObjectKeyword":
      return plain
    case "Arrays":
      return { kind: "list", ast }
    case "Objects":
      return { kind: "object", ast }
    case "Declaration":
      return wantOfDeclaration(context, ast)
    default:
      context.isExact = false
      return ast._tag === "Literal"
        ? wantOfValue(ast.literal)
        : ast._tag === "TemplateLiteral"
          ? leafWant("text")
          : plain
  }
}

const wantOfValue = (value: unknown): Want => {
  switch (typeof value) {
    case "string":
      return leafWant("text")
    case "number":
      return leafWant(Number.isSafeInteger(value) ? "int" : "number")
    case "bigint":
      return leafWant("bigint")
    default:
      return leafWant("boolean")
  }
}

const wantOfDeclaration = (context: Exactness, ast: SchemaAST.Declaration): Want => {
  const [first, second] = ast.typeParameters
  const id = idOf(ast.annotations)
  if (id === "effect/schema/Date") return leafWant("date")
  if (id === "effect/schema/Uint8Array") return leafWant("bytes")
  context.isExact = false
  if (id === "effect/schema/Json" || id === "effect/schema/MutableJson") return plain
  if (id === "effect/schema/ReadonlyMap" && first !== undefined && second !== undefined) {
    return { kind: "map", key: first, value: second }
  }
  if (id === "effect/schema/ReadonlySet" && first !== undefined) return { kind: "set", item: first }
  return { kind: "class", ast }
}

/** Whether a value may be missing. */
export const isNullable = (ast: SchemaAST.AST): boolean =>
  membersOf(ast).some((member) => isEmpty(member) || member._tag === "Unknown" || member._tag === "Any")

/** Whether null is one of the values, and not only a sign that there is none. */
export const acceptsNull = (ast: SchemaAST.AST): boolean =>
  membersOf(ast).some(({ _tag }) => _tag === "Null" || _tag === "Unknown" || _tag === "Any")
