/**
 * The JSON text that a dataset is stored as: its parts in order, each with its address, its rows, and what is known of its
 * columns. Bounds that JSON has no form for are tagged: `{ "int": "9007199254740993" }`, `{ "date": 0 }`.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Known, Ordered } from "../parquet/condition.ts"
import * as CanonicalJson from "../schema/canonicalJson.ts"
import { CodecError } from "../schema/codecError.ts"

/** What a dataset's bytes are. */
export const mediaType = "application/vnd.effect-flow.dataset+json"

/** A part of a dataset. */
export interface Part {
  readonly digest: string
  /** In bytes. */
  readonly size: number
  readonly numRows: number
  readonly statistics: { readonly [column: string]: Known }
}

const Bound = Schema.Union([
  Schema.String,
  Schema.Number,
  Schema.Boolean,
  Schema.Struct({ int: Schema.String }),
  Schema.Struct({ date: Schema.Number })
])

const Manifest = Schema.Struct({
  version: Schema.Literal(1),
  numRows: Schema.Int,
  parts: Schema.Array(
    Schema.Struct({
      digest: Schema.String,
      size: Schema.Int,
      numRows: Schema.Int,
      statistics: Schema.Record(
        Schema.String,
        Schema.Struct({
          nullCount: Schema.optionalKey(Schema.Int),
          min: Schema.optionalKey(Bound),
          max: Schema.optionalKey(Bound)
        })
      )
    })
  )
})

const decodeManifest = Schema.decodeUnknownEffect(Schema.fromJsonString(Manifest))

/** A manifest's bytes. */
export const encode = (parts: ReadonlyArray<Part>): Uint8Array =>
  new TextEncoder().encode(
    CanonicalJson.stringify({
      version: 1,
      numRows: parts.reduce((sum, { numRows }) => sum + numRows, 0),
      parts: parts.map(({ digest, numRows, size, statistics }) => ({
        digest,
        numRows,
        size,
        statistics: Object.fromEntries(
          Object.entries(statistics).map(([column, known]) => [column, encodeKnown(known)])
        )
      }))
    })
  )

/** The parts that a manifest lists. */
export const decode = (bytes: Uint8Array): Effect.Effect<ReadonlyArray<Part>, CodecError> =>
  Effect.matchEffect(decodeManifest(new TextDecoder().decode(bytes)), {
    onFailure: (error) =>
      Effect.fail(
        new CodecError({ message: `the stored bytes are not a list of a dataset's parts: ${error.message}` })
      ),
    onSuccess: ({ parts }) =>
      Effect.succeed(
        parts.map((part) => ({
          ...part,
          statistics: Object.fromEntries(
            Object.entries(part.statistics).map(([column, known]) => [column, decodeKnown(known)])
          )
        }))
      )
  })

type Stored = typeof Bound.Type

const encodeKnown = ({ max, min, nullCount }: Known) => ({
  ...(nullCount === undefined ? {} : { nullCount }),
  ...(isStorable(min) && isStorable(max) ? { min: encodeBound(min), max: encodeBound(max) } : {})
})

const isStorable = (bound: Ordered | undefined): bound is Ordered =>
  bound !== undefined && (typeof bound !== "number" || Number.isFinite(bound))

const encodeBound = (bound: Ordered): Stored =>
  typeof bound === "bigint"
    ? { int: String(bound) }
    : bound instanceof Date
      ? { date: bound.getTime() }
      : bound === 0
        ? 0 // without a sign
        : bound

const decodeKnown = ({
  max,
  min,
  nullCount
}: {
  readonly nullCount?: number
  readonly min?: Stored
  readonly max?: Stored
}): Known => ({
  ...(nullCount === undefined ? {} : { nullCount }),
  ...(min === undefined || max === undefined ? {} : { min: decodeBound(min), max: decodeBound(max) })
})

const decodeBound = (stored: Stored): Ordered =>
  typeof stored !== "object" ? stored : "int" in stored ? BigInt(stored.int) : new Date(stored.date)
