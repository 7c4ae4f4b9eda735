/**
 * Derives facts about values from a schema's syntax tree: whether they are plain data, whether they can be stored at
 * all, and whether they contain a secret.
 */
import type * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"

/** The id of a node or a check: `effect/schema/Date`. */
export const idOf = (annotations: object | undefined): string | undefined =>
  (annotations as { readonly representation?: { readonly id?: string } } | undefined)?.representation?.id // an annotation

const isOwn = (id: string | undefined): boolean => id?.startsWith("effect/schema/") === true

/** Whether all checks are Effect's own, whose descriptions are complete. */
const areDescribed = (checks: SchemaAST.Checks | undefined): boolean =>
  checks === undefined ||
  checks.every((check) =>
    check._tag === "Filter" ? isOwn(idOf(check.annotations)) : areDescribed(check.checks as SchemaAST.Checks)
  )

/**
 * Whether every value is made of arrays, plain objects and primitives, and decoding runs no code but Effect's own. Such
 * values can be frozen and shared, and equal descriptions mean equal codecs.
 */
export const isPlain = (ast: SchemaAST.AST, seen: Set<SchemaAST.AST> = new Set()): boolean => {
  if (seen.has(ast)) return true
  seen.add(ast)
  if (ast.encoding !== undefined || !areDescribed(ast.checks)) return false
  switch (ast._tag) {
    case "Null":
    case "Undefined":
    case "Void":
    case "String":
    case "Number":
    case "Boolean":
    case "BigInt":
    case "Literal":
    case "Enum":
    case "TemplateLiteral":
    case "Unknown":
    case "ObjectKeyword":
      return true
    case "Arrays":
      return areDescribed(ast.encodingChecks) && [...ast.elements, ...ast.rest].every((item) => isPlain(item, seen))
    case "Objects":
      return (
        areDescribed(ast.encodingChecks) &&
        ast.propertySignatures.every(({ type }) => isPlain(type, seen)) &&
        ast.indexSignatures.every(({ parameter, type }) => isPlain(parameter, seen) && isPlain(type, seen))
      )
    case "Union":
      return areDescribed(ast.encodingChecks) && ast.types.every((type) => isPlain(type, seen))
    case "Declaration": {
      const id = idOf(ast.annotations)
      return id === "effect/schema/Json" || id === "effect/schema/MutableJson"
    }
    default:
      return false
  }
}

/** Whether every value is a single string, number or boolean, whose JSON text is unambiguous. */
export const isScalar = (ast: SchemaAST.AST): boolean =>
  (ast._tag === "String" || ast._tag === "Number" || ast._tag === "Boolean") && isPlain(ast)

/** Why values of a schema can't be stored, and where in them. */
export interface Problem {
  readonly path: ReadonlyArray<PropertyKey>
  /** The rest of the sentence after the place: `is a secret`. */
  readonly message: string
  readonly isSecret: boolean
}

const problems = new WeakMap<SchemaAST.AST, { readonly problem: Problem | undefined }>()

/** Why values of a schema can't be stored. Empty if they can. */
export const problemOf = (schema: Schema.Top): Problem | undefined => {
  // JavaScript may declare anything: `String` in place of `Schema.String`.
  const ast = (schema as Partial<Schema.Top> | undefined | null)?.ast
  if (ast === undefined) return { path: [], isSecret: false, message: "is declared with a value that is not a schema" }
  let remembered = problems.get(ast)
  if (remembered === undefined) {
    let first: Problem | undefined
    visit(ast, (node, path) => {
      const problem = problemAt(node, path)
      if (problem !== undefined && (first === undefined || (problem.isSecret && !first.isSecret))) first = problem
    })
    remembered = { problem: first }
    problems.set(ast, remembered)
  }
  return remembered.problem
}

const problemAt = (ast: SchemaAST.AST, path: ReadonlyArray<PropertyKey>): Problem | undefined => {
  if (ast._tag === "Declaration" && idOf(ast.annotations) === "effect/schema/Redacted") {
    return {
      path,
      isSecret: true,
      message:
        "is a secret (Redacted), and secrets are never stored: read it with Config.Redacted in the step or its layer"
    }
  }
  if (ast.encoding !== undefined) return undefined // the encoded value is stored
  if (ast._tag === "Any") {
    return {
      path,
      isSecret: false,
      message:
        "is Schema.Any, which accepts values that can't be stored: declare their type, or use Schema.Unknown for any JSON"
    }
  }
  if (ast._tag === "Declaration" && !hasCodec(ast)) {
    return {
      path,
      isSecret: false,
      message:
        "is of a class without a codec: use Schema.Class, or encode it to plain data with Schema.decodeTo or Schema.encodeTo"
    }
  }
  if (ast._tag === "Objects") {
    const symbol = ast.propertySignatures.find(({ name }) => typeof name === "symbol")
    if (symbol !== undefined) {
      return { path: [...path, symbol.name], isSecret: false, message: "is a symbol key, which JSON can't represent" }
    }
  }
  return undefined
}

const hasCodec = ({ annotations }: SchemaAST.Declaration): boolean =>
  typeof annotations?.toCodecJson === "function" || typeof annotations?.toCodec === "function"

/** Calls back once for every node of a schema and of its encodings, with the path of its values. */
export const visit = (
  root: SchemaAST.AST,
  each: (ast: SchemaAST.AST, path: ReadonlyArray<PropertyKey>) => void
): void => {
  const seen = new Set<SchemaAST.AST>()
  const go = (ast: SchemaAST.AST, path: ReadonlyArray<PropertyKey>): void => {
    if (seen.has(ast)) return
    seen.add(ast)
    each(ast, path)
    for (const { to } of ast.encoding ?? []) go(to, path)
    switch (ast._tag) {
      case "Declaration":
        for (const parameter of ast.typeParameters) go(parameter, path)
        break
      case "Arrays":
        ast.elements.forEach((element, i) => {
          go(element, [...path, i])
        })
        for (const rest of ast.rest) go(rest, [...path, "[]"])
        break
      case "Objects":
        for (const { name, type } of ast.propertySignatures) go(type, [...path, name])
        for (const { type } of ast.indexSignatures) go(type, [...path, "*"])
        break
      case "Union":
        for (const type of ast.types) go(type, path)
        break
      case "Suspend": {
        const inner = force(ast)
        if (inner !== undefined) go(inner, path)
      }
    }
  }
  go(root, [])
}

/** The schema behind a suspended one. `undefined` while its module is still loading. */
const force = (ast: SchemaAST.Suspend): SchemaAST.AST | undefined => {
  try {
    return ast.thunk()
  } catch {
    return undefined
  }
}
