/**
 * Writes a stream of rows or tables as the parts of a dataset. Rows are gathered column by column into row groups, a group
 * is encoded as soon as it is full, and a part is stored as soon as it is. Where parts begin depends on the rows alone and
 * not on how the stream hands them over, so that equal rows make equal parts.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ArtifactError, ArtifactStore } from "../../ArtifactStore.ts"
import { ColumnError } from "../parquet/columnCodec.ts"
import { type ColumnType, isNumbers, type NumberArrays, numberArrays } from "../parquet/columnType.ts"
import type { Known, Ordered } from "../parquet/condition.ts"
import * as Parquet from "../parquet/lazy.ts"
import { type ChunkStatistics, isBefore } from "../parquet/statistics.ts"
import type { AnyTable, Groups } from "../parquet/writer.ts"
import type { Part } from "./datasetManifest.ts"

/** A row group ends after so many rows, or where its texts and bytes are so long. */
const maxGroupRows = 100_000
const maxGroupBytes = 16 * 1024 ** 2
/** Where `rowsPerPart` is not given, a part ends after so many rows or bytes. */
const defaultPartRows = 1_000_000
const defaultPartBytes = 32 * 1024 ** 2

type AnyRow = { readonly [column: string]: unknown }

/**
 * Stores rows in parts.
 *
 * @param before Parts that come before the new ones.
 * @returns All parts.
 */
export const write = Effect.fnUntraced(function* <E, R>(
  types: ReadonlyArray<ColumnType>,
  rows: Stream.Stream<AnyTable | AnyRow, E, R>,
  rowsPerPart: number | undefined,
  before: ReadonlyArray<Part>
) {
  const store = yield* ArtifactStore
  const writer = yield* Parquet.writer
  const partRows = rowsPerPart ?? defaultPartRows
  const partBytes = rowsPerPart === undefined ? defaultPartBytes : Number.POSITIVE_INFINITY
  const parts: Array<Part> = [...before]
  const pending = new Pending(types, Math.min(maxGroupRows, partRows))
  let rowsBefore = before.reduce((sum, { numRows }) => sum + numRows, 0)
  let groups: Groups | undefined
  let chunks: Array<Uint8Array> = []
  const gather = (more: ReadonlyArray<Uint8Array>) => Effect.sync(() => void chunks.push(...more))

  const endPart = Effect.fnUntraced(function* (full: Groups) {
    const statistics = Object.fromEntries(types.map((type) => [type.name, knownOf(type, full.statistics(type.name))]))
    const { digest, size } = yield* store.put([...chunks, full.footer()])
    parts.push({ digest, size, numRows: full.numRows, statistics })
    groups = undefined
    chunks = []
  })
  const endGroup = Effect.fnUntraced(function* () {
    const table = pending.take()
    if (groups === undefined) {
      groups = new writer.Groups(types, "zstd")
      chunks.push(writer.magic)
    }
    yield* Effect.mapError(groups.add(table, 0, table.numRows, gather), (fault) => refused(fault, rowsBefore))
    rowsBefore += table.numRows
    if (groups.numRows >= partRows || groups.size >= partBytes) yield* endPart(groups)
  })
  /** How many rows the group may have without making its part too long. */
  const room = () => partRows - (groups?.numRows ?? 0)

  yield* Stream.runForEachArray(
    rows,
    Effect.fnUntraced(function* (some) {
      for (const given of some) {
        if (!isTable(given, types)) {
          const flaw = pending.addRow(given)
          if (flaw !== undefined) return yield* refused(flaw, rowsBefore)
          if (pending.isFull(room())) yield* endGroup()
          continue
        }
        const flaw = writer.shapeError(types, given)
        if (flaw !== undefined) return yield* refused(flaw, rowsBefore)
        for (let at = 0; at < given.numRows; ) {
          at += pending.add(given, at, room())
          if (pending.isFull(room())) yield* endGroup()
        }
      }
    })
  )
  if (pending.numRows > 0) yield* endGroup()
  if (groups !== undefined) yield* endPart(groups)
  return parts
})

const isTable = (given: AnyTable | AnyRow, types: ReadonlyArray<ColumnType>): given is AnyTable =>
  typeof given === "object" &&
  given !== null &&
  typeof given.numRows === "number" &&
  typeof given.columns === "object" &&
  !types.some(({ name }) => name === "numRows" || name === "columns")

const refused = (fault: ColumnError, rowsBefore: number): ArtifactError => {
  const { column, detail, reason, row } = fault
  const placed = new ColumnError(reason, column, row === undefined ? undefined : row + rowsBefore, detail)
  return new ArtifactError({ reason: "invalid", message: `The dataset can't be written: ${placed.message}.` })
}

/** The rows of a group that is not full yet, column by column. */
class Pending {
  readonly #types: ReadonlyArray<ColumnType>
  readonly #maxRows: number
  #columns: Record<string, Array<unknown> | NumberArrays[keyof NumberArrays]> = {}
  #bytes = 0
  numRows = 0

  constructor(types: ReadonlyArray<ColumnType>, maxRows: number) {
    this.#types = types
    this.#maxRows = maxRows
    this.#begin()
  }

  #begin(): void {
    this.numRows = 0
    this.#bytes = 0
    this.#columns = Object.fromEntries(
      this.#types.map(({ kind, name }) => [name, isNumbers(kind) ? new numberArrays[kind](this.#maxRows) : []])
    )
  }

  isFull(room: number): boolean {
    return this.numRows >= Math.min(this.#maxRows, room) || this.#bytes >= maxGroupBytes
  }

  /** Gives the rows away, and begins anew. */
  take(): AnyTable {
    const { numRows } = this
    const columns = Object.fromEntries(
      Object.entries(this.#columns).map(([name, values]) => [
        name,
        Array.isArray(values) ? values : values.subarray(0, numRows)
      ])
    )
    this.#begin()
    return { numRows, columns }
  }

  /** Adds rows of a table until the group is full, and says how many. */
  add(table: AnyTable, start: number, room: number): number {
    const last = Math.min(table.numRows, start + Math.min(this.#maxRows, room) - this.numRows)
    const long = this.#types.filter(isLong).map(({ name }) => table.columns[name] as ArrayLike<unknown>) // it has the shape
    let end = start
    while (end < last && this.#bytes < maxGroupBytes) {
      for (const values of long) this.#bytes += lengthOf(values[end])
      end++
    }
    for (const { name } of this.#types) {
      const values = table.columns[name] as ArrayLike<unknown> // it has the shape
      const into = this.#columns[name] as Array<unknown> // one for each type
      for (let row = start, at = this.numRows; row < end; row++, at++) into[at] = values[row]
    }
    this.numRows += end - start
    return end - start
  }

  addRow(row: AnyRow): ColumnError | undefined {
    for (const type of this.#types) {
      const { kind, name } = type
      const value = row?.[name]
      if (isNumbers(kind) && !isNumberOf(kind, value)) {
        return new ColumnError("invalid", name, this.numRows, `expected ${type.declared}, got ${String(value)}`)
      }
      const into = this.#columns[name] as Array<unknown> // one for each type
      into[this.numRows] = value
      if (isLong(type)) this.#bytes += lengthOf(value)
    }
    this.numRows++
    return undefined
  }
}

/** Whether a typed array keeps a value as it is; a `float32` keeps the nearest that it has. */
const isNumberOf = (kind: keyof NumberArrays, value: unknown): boolean =>
  kind === "int64"
    ? typeof value === "bigint" && BigInt.asIntN(64, value) === value
    : typeof value === "number" && (kind !== "int32" || (value | 0) === value)

const isLong = ({ kind }: ColumnType): boolean => kind === "text" || kind === "bytes" || kind === "json"

/** About how much memory a value takes; what is not a text or bytes is taken for short. */
const lengthOf = (value: unknown): number =>
  typeof value === "string" || value instanceof Uint8Array ? value.length : 64

/** A long text's bound is not worth its place. */
const maxBoundLength = 64

/** What the row groups of a part together say of a column. */
const knownOf = ({ kind }: ColumnType, chunks: ReadonlyArray<ChunkStatistics>): Known => {
  let min: unknown
  let max: unknown
  let isBounded = true
  let nullCount = 0
  for (const { max_value, min_value, null_count } of chunks) {
    nullCount += Number(null_count)
    if (min_value === undefined || max_value === undefined) isBounded = false
    else {
      if (min === undefined || isBefore(min_value, min)) min = min_value
      if (max === undefined || isBefore(max, max_value)) max = max_value
    }
  }
  const short = (bound: unknown) => typeof bound !== "string" || bound.length <= maxBoundLength
  return isBounded && min !== undefined && short(min) && short(max)
    ? { nullCount, min: boundOf(kind, min), max: boundOf(kind, max) }
    : { nullCount }
}

const boundOf = (kind: ColumnType["kind"], bound: unknown): Ordered =>
  kind === "date" ? new Date(Number(bound)) : kind === "int" ? Number(bound) : (bound as Ordered) // of a kind with an order
