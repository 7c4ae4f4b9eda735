/**
 * Gives maps and sets a canonical order. Two equal maps may iterate in different orders; written in that order they
 * would have different bytes, digests and task keys. This module rewrites a schema so that its JSON codec sorts the
 * entries of every `ReadonlyMap`, `ReadonlySet`, `HashMap` and `HashSet` in it, by number or by text.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaParser from "effect/SchemaParser"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as CanonicalJson from "./canonicalJson.ts"
import { idOf } from "./schemaTraits.ts"

const collections = new Set(["ReadonlyMap", "ReadonlySet", "HashMap", "HashSet"].map((name) => `effect/schema/${name}`))

const rewritten = new WeakMap<SchemaAST.AST, SchemaAST.AST>()

/** The schema itself if it has no maps and sets, or a copy whose JSON codec sorts them. */
export const canonicalOrder = (ast: SchemaAST.AST): SchemaAST.AST => {
  let copy = rewritten.get(ast)
  if (copy === undefined) {
    copy = rewrite(ast)
    rewritten.set(ast, copy)
  }
  return copy
}

const rewriteAll = <A extends SchemaAST.AST>(asts: ReadonlyArray<A>): ReadonlyArray<A> => {
  const copies = asts.map((ast) => canonicalOrder(ast) as A) // a rewritten node keeps its kind
  return copies.every((copy, i) => copy === asts[i]) ? asts : copies
}

const rewriteEncoding = (encoding: SchemaAST.Encoding | undefined): SchemaAST.Encoding | undefined => {
  if (encoding === undefined) return undefined
  const links = encoding.map((link) => {
    const to = canonicalOrder(link.to)
    return to === link.to ? link : new SchemaAST.Link(to, link.transformation)
  })
  return links.every((link, i) => link === encoding[i]) ? encoding : (links as unknown as SchemaAST.Encoding) // the same number of links
}

const rewrite = (ast: SchemaAST.AST): SchemaAST.AST => {
  const { annotations, checks, context } = ast
  const encoding = rewriteEncoding(ast.encoding)
  const isSame = encoding === ast.encoding
  switch (ast._tag) {
    case "Declaration": {
      const types = rewriteAll(ast.typeParameters)
      const sorts = encoding === undefined && collections.has(idOf(annotations) ?? "")
      if (isSame && types === ast.typeParameters && !sorts) return ast
      return new SchemaAST.Declaration(
        types,
        ast.run,
        sorts ? sorted(annotations) : annotations,
        checks,
        encoding,
        context,
        ast.encodingChecks,
        ast.encodingRun
      )
    }
    case "Arrays": {
      const elements = rewriteAll(ast.elements)
      const rest = rewriteAll(ast.rest)
      if (isSame && elements === ast.elements && rest === ast.rest) return ast
      return new SchemaAST.Arrays(
        ast.isMutable,
        elements,
        rest,
        annotations,
        checks,
        encoding,
        context,
        ast.encodingChecks
      )
    }
    case "Objects": {
      const properties = ast.propertySignatures.map((property) => {
        const type = canonicalOrder(property.type)
        return type === property.type ? property : new SchemaAST.PropertySignature(property.name, type)
      })
      const indexes = ast.indexSignatures.map((index) => {
        const type = canonicalOrder(index.type)
        return type === index.type ? index : new SchemaAST.IndexSignature(index.parameter, type)
      })
      const isUnchanged =
        properties.every((property, i) => property === ast.propertySignatures[i]) &&
        indexes.every((index, i) => index === ast.indexSignatures[i])
      if (isSame && isUnchanged) return ast
      return new SchemaAST.Objects(properties, indexes, annotations, checks, encoding, context, ast.encodingChecks)
    }
    case "Union": {
      const types = rewriteAll(ast.types)
      if (isSame && types === ast.types) return ast
      return new SchemaAST.Union(types, ast.options, annotations, checks, encoding, context, ast.encodingChecks)
    }
    case "Suspend": {
      const { thunk } = ast
      return new SchemaAST.Suspend(() => canonicalOrder(thunk()), annotations, checks, encoding, context)
    }
    default:
      return ast
  }
}

/** A collection's annotations, with a JSON codec that sorts its entries. */
const sorted = (annotations: Schema.Annotations.Annotations | undefined): Schema.Annotations.Annotations => {
  const toLink = annotations?.toCodecJson ?? annotations?.toCodec
  if (typeof toLink !== "function") return annotations ?? {}
  return {
    ...annotations,
    toCodecJson: (parameters: ReadonlyArray<unknown>) => {
      const link = toLink(parameters) as SchemaAST.Link | undefined
      return link === undefined ? undefined : sortedLink(link)
    }
  }
}

/**
 * A link from a collection to the JSON of its entries, sorted. A single link leads all the way to JSON, because whether
 * a property may be missing is recorded at the end of the last link.
 */
const sortedLink = (link: SchemaAST.Link): SchemaAST.Link => {
  const list = Schema.toCodecJson(Schema.make<Schema.Codec<unknown, unknown>>(canonicalOrder(link.to)))
  const toList = SchemaParser.decodeUnknownEffect(list)
  const toJson = SchemaParser.encodeUnknownEffect(list)
  const { decode, encode } = link.transformation as SchemaTransformation.Transformation<unknown, unknown> // a collection has an ordinary transformation
  return new SchemaAST.Link(
    Schema.Json.ast,
    new SchemaTransformation.Transformation(
      SchemaGetter.compose(
        SchemaGetter.transformEffect((json: unknown) => toList(json)),
        decode
      ),
      SchemaGetter.compose(
        encode,
        SchemaGetter.transformEffect((items: unknown) =>
          Effect.map(toJson(items), (json) => (Array.isArray(json) ? json.toSorted(byKey) : json))
        )
      )
    )
  )
}

/** Numbers are compared by value, lists item by item, everything else by its text. */
const byKey = (a: unknown, b: unknown): number => {
  if (typeof a === "number" && typeof b === "number") return a - b
  if (Array.isArray(a) && Array.isArray(b)) {
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      const order = byKey(a[i], b[i])
      if (order !== 0) return order
    }
    return a.length - b.length
  }
  const left = CanonicalJson.stringify(a)
  const right = CanonicalJson.stringify(b)
  return left < right ? -1 : left > right ? 1 : 0
}
