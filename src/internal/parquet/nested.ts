/**
 * Lists, structs and maps, put together from their leaves by the levels that say where each begins and what is missing.
 * The declared schema decides what each leaf is read as, so a list of bytes is a list of bytes and no detour through
 * JSON loses anything. Where the schema leaves a part open (`Schema.Unknown`), that part has the form that JSON has.
 *
 * Levels: https://parquet.apache.org/docs/file-format/nestedencoding/, and how lists and maps are annotated:
 * https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#nested-types
 */
import type * as Schema from "effect/Schema"
import * as SchemaModule from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaParser from "effect/SchemaParser"
import type { SchemaTree } from "hyparquet"
import * as CodecIssue from "../schema/codecIssue.ts"
import { toCodecJson } from "../schema/jsonCodec.ts"
import type { StorableSchema } from "../schema/storableSchema.ts"
import type { LeafColumn } from "./columnChunk.ts"
import type { Target } from "./convert.ts"
import { isElement, isList, isMap, isVariant, leafOf } from "./leaf.ts"
import { conversion } from "./leafValues.ts"
import { type LevelCursor, leafItems, levelOf, orNull, type Reader, skip } from "./levelCursor.ts"
import { type Entry, mapForm } from "./mapForm.ts"
import { mismatch, Refusal, ShapeError } from "./nestedFault.ts"
import { fieldsOf, openField } from "./structFields.ts"
import { type Exactness, isNullable, membersOf, type Want, wantOf } from "./wants.ts"

/** How a column is read from its leaves. */
export interface Assembly {
  readonly leaves: ReadonlyArray<LeafColumn>
  /** Whether what is read fits the schema whatever the file holds, and needs no decoding. */
  readonly isExact: boolean
  /** Reads the next row. Throws `ShapeError` where the schema does not allow a value, `Error` where the levels make no sense. */
  readonly read: (cursors: ReadonlyArray<LevelCursor>) => unknown
}

interface Context extends Exactness {
  readonly leaves: Array<LeafColumn>
}

const maxDepth = 64

/** How a column of the file is read as a schema's values; or why it can't be. */
export const assemble = (node: SchemaTree, schema: StorableSchema): Assembly | Refusal => {
  const context: Context = { leaves: [], isExact: true }
  try {
    const read = nodeReader(context, node, schema.ast, 0, 0, 0)
    return { leaves: context.leaves, isExact: context.isExact, read }
  } catch (cause) {
    if (cause instanceof Refusal) return cause
    throw cause
  }
}

const nodeReader = (
  context: Context,
  node: SchemaTree,
  ast: SchemaAST.AST,
  definition: number,
  repetition: number,
  depth: number
): Reader => {
  if (depth > maxDepth) throw new Refusal(`is nested more than ${maxDepth} levels deep`)
  const { repetition_type: kind } = node.element
  if (kind === "REPEATED") return repeatedReader(context, node, ast, definition, repetition, depth)
  if (kind === "REQUIRED") return contentReader(context, node, ast, definition, repetition, depth)
  const start = context.leaves.length
  const read = contentReader(context, node, ast, definition + 1, repetition, depth)
  if (!isNullable(ast)) context.isExact = false
  const optional = orNull(read, start, context.leaves.length, definition + 1)
  if (leafReaders.has(read)) leafReaders.add(optional)
  return optional
}

/** The readers of leaves, null or not. Lists of them are read in one loop. */
const leafReaders = new WeakSet<Reader>()

/** A field that repeats without being annotated as a list. */
const repeatedReader = (
  context: Context,
  node: SchemaTree,
  ast: SchemaAST.AST,
  definition: number,
  repetition: number,
  depth: number
): Reader =>
  listReader(context, node, ast, definition + 1, repetition + 1, (item) =>
    contentReader(context, node, item, definition + 1, repetition + 1, depth + 1)
  )

const contentReader = (
  context: Context,
  node: SchemaTree,
  ast: SchemaAST.AST,
  definition: number,
  repetition: number,
  depth: number
): Reader => {
  const want = wantOf(context, ast)
  if (want.kind === "class") return classReader(context, node, want.ast, definition, repetition, depth)
  if (node.children.length === 0) return leafReader(context, node, ast, want, definition, repetition)
  const [repeated] = node.children
  if (repeated !== undefined && node.children.length === 1 && repeated.element.repetition_type === "REPEATED") {
    const [first, second] = repeated.children
    if (isMap(node) && first !== undefined && second !== undefined && repeated.children.length === 2) {
      return mapReader(context, node, want, first, second, definition + 1, repetition + 1, depth)
    }
    if (isList(node) || isMap(node)) {
      return listReader(context, node, ast, definition + 1, repetition + 1, (item) =>
        isElement(node, repeated) || first === undefined
          ? contentReader(context, repeated, item, definition + 1, repetition + 1, depth + 1)
          : nodeReader(context, first, item, definition + 1, repetition + 1, depth + 1)
      )
    }
  }
  return structReader(context, node, want, definition, repetition, depth)
}

const leafReader = (
  context: Context,
  { element, path }: SchemaTree,
  ast: SchemaAST.AST,
  want: Want,
  maxDefinition: number,
  maxRepetition: number
): Reader => {
  const node = { element, path, children: [], count: 1 }
  if (element.type === undefined) throw new Refusal("is a group without fields")
  const leaf = leafOf(element)
  const target: Target | undefined =
    want.kind === "leaf"
      ? want.target
      : want.kind === "plain"
        ? "plain"
        : leaf.kind === "json" || leaf.kind === "text"
          ? "json"
          : undefined
  if (target === undefined) throw mismatch(node)
  if (want.kind !== "leaf" && want.kind !== "plain") context.isExact = false
  const isMoment = leaf.kind === "date" || leaf.kind === "timestamp" || leaf.kind === "int96"
  const convert = isMoment && target === "text" && !acceptsMoments(ast, context) ? undefined : conversion(leaf, target)
  if (convert === undefined) throw mismatch(node)
  const index = context.leaves.length
  context.leaves.push({ element, path, leaf, target, convert, maxDefinition, maxRepetition })
  const read: Reader = (cursors) => {
    const cursor = cursors[index] as LevelCursor // one for each leaf
    const level = levelOf(cursor)
    cursor.at++
    if (level === maxDefinition) return cursor.values[cursor.valueAt++]
    if (level < maxDefinition) return null
    throw new Error("a level is beyond the schema")
  }
  leafReaders.add(read)
  return read
}

/** A plain text is no place for a moment: declare it a Date. A schema that decodes texts gets ISO 8601. */
const acceptsMoments = (ast: SchemaAST.AST, context: Context): boolean => ast.encoding !== undefined || !context.isExact

const listReader = (
  context: Context,
  node: SchemaTree,
  ast: SchemaAST.AST,
  present: number,
  repetition: number,
  makeItem: (item: SchemaAST.AST) => Reader
): Reader => {
  const want = wantOf(context, ast)
  const start = context.leaves.length
  const read = makeItem(itemOf(context, node, want))
  const end = context.leaves.length
  const leaf = context.leaves[start]
  const items: Reader =
    leaf !== undefined && leafReaders.has(read)
      ? leafItems(start, present, repetition, leaf.maxDefinition)
      : (cursors) => {
          const first = cursors[start] as LevelCursor // a list has a leaf
          const items: Array<unknown> = []
          if (levelOf(first) < present) {
            skip(cursors, start, end)
            return items
          }
          do items.push(read(cursors))
          while (first.at < first.repetition.length && first.repetition[first.at] === repetition)
          return items
        }
  return want.kind === "set" ? (cursors) => new Set(items(cursors) as ReadonlyArray<unknown>) : items // which gives a list
}

/** The schema of a list's items: a tuple's only where all of its elements are alike. */
const itemOf = (context: Context, node: SchemaTree, want: Want): SchemaAST.AST => {
  if (want.kind === "plain") return SchemaModule.Unknown.ast
  if (want.kind === "set") return want.item
  if (want.kind !== "list") throw mismatch(node)
  const { elements, rest } = want.ast
  const [item, ...others] = [...elements, ...rest]
  if (elements.length > 0 || rest.length > 1) context.isExact = false
  return item === undefined || others.some((other) => other !== item) ? SchemaModule.Unknown.ast : item
}

const structReader = (
  context: Context,
  node: SchemaTree,
  want: Want,
  definition: number,
  repetition: number,
  depth: number
): Reader => {
  if (want.kind === "plain" && isVariant(node)) {
    throw new Refusal(
      "is a VARIANT, which is not decoded here; declare it as Schema.Struct({ metadata: Schema.Uint8Array, value: Schema.NullOr(Schema.Uint8Array) }) to read its binary form"
    )
  }
  const fields =
    want.kind === "plain"
      ? node.children.map(openField)
      : want.kind === "object"
        ? fieldsOf(context, node, want.ast)
        : undefined
  if (fields === undefined) throw mismatch(node)
  const start = context.leaves.length
  const readers = fields.map(({ ast, isOmitted, node, name }) => ({
    name,
    isOmitted,
    read: nodeReader(context, node, ast, definition, repetition, depth + 1)
  }))
  if (context.leaves.length === start) firstLeaf(context, node, definition, repetition, depth) // for its levels
  const withoutField = context.leaves.length - start === 1 && readers.length === 0
  return (cursors) => {
    const value: Record<string, unknown> = {}
    for (const { isOmitted, name, read } of readers) {
      const field = read(cursors)
      if (field === null && isOmitted) continue
      if (name === "__proto__")
        Object.defineProperty(value, name, { value: field, enumerable: true, writable: true, configurable: true })
      else value[name] = field
    }
    if (withoutField) throw new ShapeError("its schema has none of the fields that the file has")
    return value
  }
}

/** The levels of a struct of which no field is wanted come from its first leaf. */
const firstLeaf = (context: Context, node: SchemaTree, definition: number, repetition: number, depth: number): void => {
  const [child] = node.children
  if (child !== undefined) nodeReader(context, child, SchemaModule.Unknown.ast, definition, repetition, depth + 1)
}

/** Another class of values (`Schema.DateTimeUtc`, `Schema.Option`): read in its JSON form, and decoded from that. */
const classReader = (
  context: Context,
  node: SchemaTree,
  ast: SchemaAST.AST,
  definition: number,
  repetition: number,
  depth: number
): Reader => {
  const codec = toCodecJson(SchemaModule.make<Schema.Codec<unknown, unknown>>(ast))
  const json = SchemaAST.toEncoded(codec.ast)
  if (json === ast || membersOf(json).some((member) => member._tag === "Declaration")) throw mismatch(node)
  const read = contentReader(context, node, json, definition, repetition, depth + 1)
  const decode = SchemaParser.decodeUnknownExit(codec)
  return (cursors) => {
    const value = read(cursors)
    const decoded = decode(value)
    if (decoded._tag === "Failure") throw new ShapeError(CodecIssue.causeText(decoded.cause, value))
    return decoded.value
  }
}

const mapReader = (
  context: Context,
  node: SchemaTree,
  want: Want,
  keyNode: SchemaTree,
  valueNode: SchemaTree,
  present: number,
  repetition: number,
  depth: number
): Reader => {
  const form = mapForm(context, node, want, keyNode)
  const start = context.leaves.length
  const readKey = nodeReader(context, keyNode, form.key, present, repetition, depth + 1)
  const readValue = nodeReader(context, valueNode, form.value, present, repetition, depth + 1)
  const end = context.leaves.length
  return (cursors) => {
    const first = cursors[start] as LevelCursor // a map has a key
    const entries: Array<Entry> = []
    if (levelOf(first) < present) skip(cursors, start, end)
    else {
      do entries.push([readKey(cursors), readValue(cursors)])
      while (first.at < first.repetition.length && first.repetition[first.at] === repetition)
    }
    return form.make(entries)
  }
}
