/**
 * Datasets: tables in parts. Each part is a table artifact of its own, a Parquet file; the dataset itself is a short JSON
 * text that lists them with their rows and statistics. So a table may be larger than memory, and one that grew shares its
 * old parts with what it was before.
 */
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import { type ArtifactError, ArtifactStore } from "../../ArtifactStore.ts"
import type { Ref } from "../../Ref.ts"
import * as Checked from "../checked.ts"
import type { NumberColumn } from "../parquet/columnType.ts"
import * as ColumnType from "../parquet/columnType.ts"
import type { Known, Ordered, Range } from "../parquet/condition.ts"
import { CodecError } from "../schema/codecError.ts"
import * as Description from "../schema/description.ts"
import type { StorableSchema } from "../schema/storableSchema.ts"
import { type Artifact, make } from "./artifact.ts"
import * as Manifest from "./datasetManifest.ts"
import { scan } from "./datasetReader.ts"
import { write } from "./datasetWriter.ts"
import { StoredRef } from "./storedRef.ts"
import { type Table, type TableArtifact, type TableFields, table } from "./table.ts"
import { pathOf } from "./values.ts"

/** The value of a column in one row. */
export type Cell<F> =
  F extends NumberColumn<infer T> ? (T extends "int64" ? bigint : number) : F extends StorableSchema ? F["Type"] : never

/** A row of a table, as an object. */
export type Row<F extends TableFields> = { readonly [K in keyof F]: Cell<F[K]> }

type OrderedCell<F> = Extract<NonNullable<Cell<F>>, Ordered>

/** Which rows to read: a value for a column, or a `Range` of values. All conditions hold together. */
export type Where<F extends TableFields> = {
  readonly [K in keyof F]?: OrderedCell<F[K]> | null | Range<OrderedCell<F[K]>>
}

/** What to read of a dataset. */
export interface ScanOptions<F extends TableFields, C extends keyof F> {
  /** Only these columns. Default: all. */
  readonly columns?: ReadonlyArray<C>
  /** Only rows like these. Parts and row groups whose statistics exclude them are not read. */
  readonly where?: Where<F>
}

/** A part of a dataset, without its rows. */
export interface PartSummary {
  readonly numRows: number
  /** In bytes, as stored. */
  readonly size: number
  /** How many values of a column are missing, and the least and greatest of the others. */
  readonly statistics: { readonly [column: string]: Known }
}

/** A table in parts. Its rows are read as they are asked for, and never all at once. */
export interface Dataset<F extends TableFields> {
  readonly numRows: number
  /** The parts: refs of tables, which `Step.forEach` gives to a task each. */
  readonly parts: ReadonlyArray<Ref<Table<F>>>
  /** What is known of each part without reading it. */
  readonly summaries: ReadonlyArray<PartSummary>
  /** Local Parquet files that hold the parts, for other tools. Nobody may write to them. */
  readonly paths: Effect.Effect<ReadonlyArray<string>, ArtifactError, ArtifactStore>
  /** All rows, as tables of up to 100,000 rows. */
  readonly stream: () => Stream.Stream<Table<F>, ArtifactError, ArtifactStore>
  /**
   * Some rows, or only some columns of them, as tables.
   *
   * @example
   * ```ts
   * const best = reviews.scan({ columns: ["review"], where: { stars: { gte: 4 } } })
   * ```
   */
  readonly scan: <const C extends keyof F & string = keyof F & string>(
    options?: ScanOptions<F, C>
  ) => Stream.Stream<Table<Pick<F, C>>, ArtifactError, ArtifactStore>
}

/** A dataset's artifact, which knows its columns and writes datasets. */
export interface DatasetArtifact<F extends TableFields> extends Artifact<Dataset<F>> {
  readonly fields: F
  /** The artifact of a part. */
  readonly table: TableArtifact<F>
  /**
   * Writes rows, or tables, as they come. A part is stored as soon as it is full. Fails with `ArtifactError` where a
   * value does not fit its column, which it names with the row.
   */
  readonly write: <E, R>(
    rows: Stream.Stream<Table<F> | Row<F>, E, R>
  ) => Effect.Effect<Dataset<F>, E | ArtifactError, R | ArtifactStore>
  /** The dataset that has the given one's parts and, after them, new ones with these rows. The old parts are not read. */
  readonly append: <E, R>(
    dataset: Dataset<F>,
    rows: Stream.Stream<Table<F> | Row<F>, E, R>
  ) => Effect.Effect<Dataset<F>, E | ArtifactError, R | ArtifactStore>
}

/**
 * A table in parts, for tables that may be larger than memory or that grow. Its value has no rows, but reads them:
 * `stream()`, `scan({ columns, where })`, `parts` and `paths`.
 *
 * @param fields As for `Artifact.table`.
 * @param options.rowsPerPart How many rows a part has at most. A part is held in memory, compressed, while it is written.
 * Default: a part ends at a million rows or where it takes 32 MiB.
 *
 * @example
 * ```ts
 * const Reviews = Artifact.dataset({ review: Schema.String, stars: Schema.Int })
 * const reviews = yield* Reviews.write(Stream.make({ review: "good", stars: 5 }))
 * const more = yield* Reviews.append(reviews, Stream.make({ review: "bad", stars: 1 }))
 * ```
 */
export const dataset = <const F extends TableFields>(
  fields: F,
  options: {
    /** How many rows a part has at most. A part is held in memory, compressed, while it is written. */
    readonly rowsPerPart?: number
  } = {}
): DatasetArtifact<F> => {
  Checked.things(
    "The first argument of Artifact.dataset",
    fields,
    "an object of schemas by name, such as { review: Schema.String }"
  )
  Checked.options("Artifact.dataset", options)
  const rowsPerPart = Checked.wholeNumber("`rowsPerPart` of Artifact.dataset", options.rowsPerPart, 1)
  const ofParts = table(fields)
  const types = ColumnType.lazy(fields)
  const description = Description.lazy(() =>
    Description.make({ format: "dataset", table: ofParts.description().digest })
  )
  const shape: Shape<F> = { table: ofParts, types }
  const writeParts = <E, R>(before: ReadonlyArray<Manifest.Part>, rows: Stream.Stream<Table<F> | Row<F>, E, R>) =>
    Effect.map(write(types(), rows, rowsPerPart, before), (parts) => new StoredDataset(shape, parts, undefined))
  return {
    ...make<Dataset<F>>({
      format: "dataset",
      mediaType: Manifest.mediaType,
      description,
      partDescription: ofParts.description,
      encode: (value) => Effect.map(captureOf(shape, value), ({ encoded }) => encoded),
      decode: (stored) =>
        Effect.flatMap(stored.bytes, (bytes) =>
          Effect.map(Manifest.decode(bytes), (parts) => new StoredDataset(shape, parts, stored.origin))
        ),
      capture: (value) => captureOf(shape, value),
      problem: () => ofParts.problem?.()
    }),
    fields,
    table: ofParts,
    write: (rows) => writeParts([], rows),
    append: (dataset, rows) => Effect.suspend(() => writeParts(partsOf(dataset), rows))
  }
}

interface Shape<F extends TableFields> {
  readonly table: TableArtifact<F>
  readonly types: () => ReadonlyArray<ColumnType.ColumnType>
}

const captureOf = <F extends TableFields>(shape: Shape<F>, value: unknown) => {
  if (!(value instanceof StoredDataset)) {
    return Effect.fail(
      new CodecError({
        message: "expected a dataset: make one from rows or tables with `write` or `append` of its artifact"
      })
    )
  }
  const own = shape.table.description()
  const there = value.table.description()
  if (own.digest !== there.digest) {
    const message = `the dataset was written with other columns. ${Description.difference(there.text, own.text)}`
    return Effect.fail(new CodecError({ message }))
  }
  const parts = partsOf(value)
  return Effect.succeed({
    encoded: [Manifest.encode(parts)],
    parts: parts.map(({ digest, size }) => ({ digest, size }))
  })
}

/** What a dataset's manifest lists. */
export const partsOf = (dataset: unknown): ReadonlyArray<Manifest.Part> =>
  (dataset as StoredDataset<TableFields>).manifest // every dataset is one

/** A dataset whose parts are in a store. */
export class StoredDataset<F extends TableFields> implements Dataset<F> {
  readonly numRows: number
  readonly parts: ReadonlyArray<StoredRef<Table<F>>>
  readonly #shape: Shape<F>
  readonly #manifest: ReadonlyArray<Manifest.Part>

  constructor(
    shape: Shape<F>,
    manifest: ReadonlyArray<Manifest.Part>,
    origin: { readonly name: string; readonly writer: string | undefined; readonly via: string | undefined } | undefined
  ) {
    this.#shape = shape
    this.#manifest = manifest
    this.numRows = manifest.reduce((sum, part) => sum + part.numRows, 0)
    const schema = shape.table.description().digest
    this.parts = Object.freeze(
      manifest.map(({ digest, size }, index) => {
        const record = {
          name: `${origin?.name ?? "part"}.${index}`,
          digest,
          size,
          format: shape.table.format,
          mediaType: shape.table.mediaType,
          schema,
          ...(origin?.writer === undefined ? undefined : { writer: origin.writer })
        }
        return new StoredRef(record, shape.table, origin?.via)
      })
    )
    Object.freeze(this)
  }

  get manifest(): ReadonlyArray<Manifest.Part> {
    return this.#manifest
  }

  get table(): TableArtifact<F> {
    return this.#shape.table
  }

  get summaries(): ReadonlyArray<PartSummary> {
    return this.#manifest.map(({ numRows, size, statistics }) => ({ numRows, size, statistics }))
  }

  get paths(): Effect.Effect<ReadonlyArray<string>, ArtifactError, ArtifactStore> {
    return Effect.flatMap(ArtifactStore, (store) => Effect.forEach(this.parts, ({ record }) => pathOf(store, record)))
  }

  stream(): Stream.Stream<Table<F>, ArtifactError, ArtifactStore> {
    return this.scan() as Stream.Stream<Table<F>, ArtifactError, ArtifactStore> // all columns, whose names are texts
  }

  scan<const C extends keyof F & string = keyof F & string>(
    options: ScanOptions<F, C> = {}
  ): Stream.Stream<Table<Pick<F, C>>, ArtifactError, ArtifactStore> {
    const parts = this.#manifest.map((part, index) => ({
      ...part,
      record: (this.parts[index] as StoredRef<unknown>).record
    })) // one each
    return scan(this.#shape.types(), parts, options) as Stream.Stream<
      Table<Pick<F, C>>, // each column was checked by its type
      ArtifactError,
      ArtifactStore
    >
  }
}
