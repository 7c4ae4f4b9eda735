/**
 * Rows of lists, structs and maps, taken apart into their leaves: for each leaf its values, and two levels for every
 * place where one could be, which say in which list it begins and what is missing. What comes back from them is compared
 * with what was given, so a value that the file can't hold is refused when it is written.
 *
 * The procedure is the column striping of "Dremel: Interactive Analysis of Web-Scale Datasets" (2010), section 4.2.
 */
import * as SchemaParser from "effect/SchemaParser"
import * as CanonicalJson from "../schema/canonicalJson.ts"
import * as CodecIssue from "../schema/codecIssue.ts"
import { difference } from "../schema/difference.ts"
import { ColumnError, type Physical } from "./columnCodec.ts"
import { isInt64, lossMessage, negativeZeroMessage, pack } from "./columnRows.ts"
import type { ColumnType } from "./columnType.ts"
import type { LeafKind } from "./leafKind.ts"
import type { LevelCursor } from "./levelCursor.ts"
import { ShapeError } from "./nestedFault.ts"
import type { LeafRange, NestedLayout, Node } from "./nestedLayout.ts"

/** A leaf's values and levels. */
export interface LeafRows {
  readonly values: Physical
  readonly definition: Uint8Array
  readonly repetition: Uint8Array
}

/** Takes some rows of a column apart. */
export const toLeaves = (
  type: ColumnType,
  layout: NestedLayout,
  values: ArrayLike<unknown>,
  start: number,
  end: number
): ReadonlyArray<LeafRows> | ColumnError => {
  const { codec, name, schema } = type
  if (schema === undefined || codec === undefined) throw new Error("a column with a layout has a schema and a codec")
  const encode = SchemaParser.encodeUnknownExit(schema)
  const decode = SchemaParser.decodeUnknownExit(schema)
  const builders = layout.leaves.map(({ type }) => new LeafBuilder(type))
  const stripe = striper(layout.root, builders)
  const invalid = (row: number, detail: string) => new ColumnError("invalid", name, row, detail)
  for (let row = start; row < end; row++) {
    const given = values[row]
    const encoded = encode(given)
    if (encoded._tag === "Failure") return invalid(row, CodecIssue.causeText(encoded.cause, given))
    try {
      stripe(encoded.value, 0, 0)
    } catch (cause) {
      if (!(cause instanceof Unfit)) throw cause
      const path = pathOf(layout.root, encoded.value, layout.leaves)
      return new ColumnError(
        cause.reason,
        name,
        row,
        `${path.length === 0 ? "" : `at ${path.join(".")}: `}${cause.message}`
      )
    }
  }
  const cursors = builders.map((builder) => builder.cursor())
  for (let row = start; row < end; row++) {
    const given = values[row]
    let read: unknown
    try {
      read = layout.assembly.read(cursors) ?? type.empty
    } catch (cause) {
      if (!(cause instanceof ShapeError)) throw cause
      return invalid(row, cause.message)
    }
    const decoded = decode(read)
    if (decoded._tag === "Failure") return invalid(row, CodecIssue.causeText(decoded.cause, read))
    const loss = difference(given, decoded.value, codec.unions())
    if (loss === undefined) continue
    if (!loss.isCertain && jsonOf(codec.encode(decoded.value)) === jsonOf(codec.encode(given))) continue
    return invalid(row, lossMessage(loss))
  }
  return builders.map((builder) => builder.rows())
}

const jsonOf = (encoded: { readonly _tag: string; readonly value?: unknown }): string =>
  encoded._tag === "Success" ? CanonicalJson.stringify(encoded.value) : ""

/** Thrown for a leaf's value that the file can't hold. */
class Unfit extends Error {
  readonly reason: "invalid" | "outOfRange"
  constructor(message: string, reason: "invalid" | "outOfRange" = "invalid") {
    super(message)
    this.reason = reason
  }
}

/** Why a leaf can't hold a value. Its type was checked by the schema. */
const unfitness = (type: LeafKind, value: unknown): Unfit | undefined => {
  switch (type) {
    case "text":
      return (value as string).isWellFormed() // the schema's
        ? undefined
        : new Unfit("the text has half a surrogate pair, which UTF-8 can't hold")
    case "int":
      if (!Number.isSafeInteger(value)) return new Unfit(`${CodecIssue.valueText(value)} is not a safe integer`)
      return Object.is(value, -0) ? new Unfit(negativeZeroMessage) : undefined
    case "bigint":
      return isInt64(value as bigint) // the schema's
        ? undefined
        : new Unfit(`${value} does not fit the 64 bits of an integer column`, "outOfRange")
    case "date":
      return Number.isNaN((value as Date).getTime()) ? new Unfit("it is an invalid date") : undefined // the schema's
    default:
      return undefined
  }
}

/** A leaf that is being filled. */
class LeafBuilder {
  readonly #type: LeafKind
  readonly #values: Array<unknown> = []
  /** The texts of a leaf of JSON. */
  readonly #texts: Array<Uint8Array> = []
  #definition = new Uint8Array(1024)
  #repetition = new Uint8Array(1024)
  #length = 0

  constructor(type: LeafKind) {
    this.#type = type
  }

  /** Notes a place without a value. */
  skip(repetition: number, definition: number): void {
    if (this.#length === this.#definition.length) {
      this.#definition = doubled(this.#definition)
      this.#repetition = doubled(this.#repetition)
    }
    this.#definition[this.#length] = definition
    this.#repetition[this.#length++] = repetition
  }

  /** Adds a value. Throws `Unfit`. */
  add(value: unknown, repetition: number, definition: number): void {
    if (this.#type === "json") {
      const text = jsonText(value)
      this.#texts.push(encoder.encode(text))
      this.#values.push(JSON.parse(text))
    } else {
      const unfit = unfitness(this.#type, value)
      if (unfit !== undefined) throw unfit
      this.#values.push(value)
    }
    this.skip(repetition, definition)
  }

  cursor(): LevelCursor {
    return {
      definition: this.#definition.subarray(0, this.#length),
      repetition: this.#repetition.subarray(0, this.#length),
      values: this.#values,
      at: 0,
      valueAt: 0
    }
  }

  rows(): LeafRows {
    const { definition, repetition } = this.cursor()
    return { definition, repetition, values: this.#physical() }
  }

  #physical(): Physical {
    if (this.#type === "json") return this.#texts
    if (this.#type !== "date") return pack(this.#type, this.#values)
    return pack(
      "date",
      this.#values.map((value) => (value as Date).getTime()) // its type was checked by the schema
    )
  }
}

const encoder = new TextEncoder()

const jsonText = (value: unknown): string => {
  try {
    return CanonicalJson.stringify(value)
  } catch (cause) {
    throw new Unfit(CodecIssue.fromThrown(cause, value).message)
  }
}

const doubled = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => {
  const larger = new Uint8Array(bytes.length * 2)
  larger.set(bytes)
  return larger
}

/** Adds a value below a node, which begins at a repetition level and whose parent is at a definition level. */
type Stripe = (value: unknown, repetition: number, definition: number) => void

const striper = (node: Node, builders: ReadonlyArray<LeafBuilder>): Stripe => {
  const content = contentStriper(node, builders)
  if (!node.optional) return content
  const leaves = rangeOf(node)
  return (value, repetition, definition) => {
    if (value === null || value === undefined) skipAll(builders, leaves, repetition, definition)
    else content(value, repetition, definition + 1)
  }
}

const rangeOf = (node: Node): LeafRange =>
  node.kind === "leaf" ? { start: node.leaf, end: node.leaf + 1 } : node.leaves

const skipAll = (
  builders: ReadonlyArray<LeafBuilder>,
  { end, start }: LeafRange,
  repetition: number,
  definition: number
): void => {
  for (let leaf = start; leaf < end; leaf++) builders[leaf]?.skip(repetition, definition)
}

const contentStriper = (node: Node, builders: ReadonlyArray<LeafBuilder>): Stripe => {
  switch (node.kind) {
    case "leaf": {
      const builder = builders[node.leaf] as LeafBuilder // one for each leaf
      return (value, repetition, definition) => builder.add(value, repetition, definition)
    }
    case "struct": {
      const fields = node.fields.map(({ name, node }) => ({ name, stripe: striper(node, builders) }))
      return (value, repetition, definition) => {
        const object = value as Readonly<Record<string, unknown>> // the schema's
        for (const { name, stripe } of fields) stripe(object[name], repetition, definition)
      }
    }
    case "list": {
      const stripe = striper(node.item, builders)
      return (value, repetition, definition) => {
        if (sizeOf(value) === 0) return skipAll(builders, node.leaves, repetition, definition)
        let at = repetition
        for (const item of value as Iterable<unknown>) {
          stripe(item, at, definition + 1)
          at = node.repetition
        }
      }
    }
    case "map": {
      const [stripeKey, stripeValue] = [striper(node.key, builders), striper(node.value, builders)]
      return (value, repetition, definition) => {
        const entries = entriesOf(value)
        if (entries.length === 0) return skipAll(builders, node.leaves, repetition, definition)
        let at = repetition
        for (const [key, item] of entries) {
          stripeKey(key, at, definition + 1)
          stripeValue(item, at, definition + 1)
          at = node.repetition
        }
      }
    }
  }
}

const sizeOf = (list: unknown): number => (list instanceof Set ? list.size : (list as ReadonlyArray<unknown>).length) // it is one of them

const entriesOf = (map: unknown): ReadonlyArray<readonly [unknown, unknown]> =>
  map instanceof Map ? [...map] : Object.entries(map as object) // it is one of them

/** The path to the first value that a leaf can't hold. */
const pathOf = (
  node: Node,
  value: unknown,
  leaves: NestedLayout["leaves"],
  path: ReadonlyArray<string> = []
): ReadonlyArray<string> => {
  const fits = (node: Node, value: unknown): boolean => {
    const builders = leaves.map(({ type }) => new LeafBuilder(type))
    try {
      striper(node, builders)(value, 0, 0)
      return true
    } catch {
      return false
    }
  }
  const parts: ReadonlyArray<readonly [string, Node, unknown]> =
    value === null || value === undefined || node.kind === "leaf"
      ? []
      : node.kind === "struct"
        ? node.fields.map(({ name, node }) => [name, node, (value as Readonly<Record<string, unknown>>)[name]]) // the schema's
        : node.kind === "list"
          ? Array.from(value as Iterable<unknown>, (item, i) => [String(i), node.item, item]) // the schema's
          : entriesOf(value).flatMap(([key, item]) => [
              [String(key), node.key, key],
              [String(key), node.value, item]
            ])
  const part = parts.find(([, node, value]) => !fits(node, value))
  return part === undefined ? path : pathOf(part[1], part[2], leaves, [...path, part[0]])
}
