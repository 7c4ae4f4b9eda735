/**
 * Counts terms row by row while texts are scanned, and builds a sparse matrix once it is known which terms are columns.
 * So the texts are scanned only once, and a term's entry in its row is found in constant time.
 *
 * Every index is within its array by construction, which justifies each `as number`.
 */
import * as Effect from "effect/Effect"
import type { SparseMatrix } from "../SparseMatrix.ts"

const grown = (array: Int32Array, length: number): Int32Array => {
  const next = new Int32Array(length)
  next.set(array)
  return next
}

/** Rows with up to this many entries are sorted by insertion, longer ones by the engine's sort. */
const fewEntries = 64

/** The fiber yields after about this many entries, some 10 ms. */
const entriesPerTurn = 500_000

/** Rows of terms with their counts, in order of occurrence. */
export class RowCounts {
  rows = 0
  private entries = 0
  private readonly pointers: Int32Array
  private terms: Int32Array
  private counts: Int32Array
  /** The last row that had a term, plus one, and the term's entry in that row. */
  private lastRow: Int32Array = new Int32Array(256)
  private lastEntry: Int32Array = new Int32Array(256)
  /** The number of rows that have each term, if no row was added since they were counted. */
  private documents: Int32Array | undefined

  /** The maximum number of rows. */
  constructor(rows: number) {
    this.pointers = new Int32Array(rows + 1)
    const room = Math.min(16384, 64 * (rows + 1))
    this.terms = new Int32Array(room)
    this.counts = new Int32Array(room)
  }

  /**
   * Adds a row.
   *
   * @param tokens The terms of its text, by number.
   * @param count The number of tokens.
   * @param from Terms with lower numbers are not counted.
   * @param size All term numbers are below this.
   */
  add(tokens: Int32Array, count: number, from: number, size: number): void {
    if (size > this.lastRow.length) {
      this.lastRow = grown(this.lastRow, 2 * size)
      this.lastEntry = grown(this.lastEntry, 2 * size)
    }
    if (this.entries + count > this.terms.length) {
      // Grow for the remaining rows, assuming that they are as long as those so far.
      const needed = this.entries + count
      const expected = (1.02 * needed * this.pointers.length) / (this.rows + 1)
      const room = Math.ceil(Math.max(1.5 * needed, Math.min(4 * needed, expected)))
      this.terms = grown(this.terms, room)
      this.counts = grown(this.counts, room)
    }
    const { counts, lastEntry, lastRow, terms } = this
    this.documents = undefined
    const row = ++this.rows
    let entries = this.entries
    for (let i = 0; i < count; i++) {
      const term = tokens[i] as number
      if (term < from) continue
      if (lastRow[term] === row) {
        const entry = lastEntry[term] as number
        counts[entry] = (counts[entry] as number) + 1
      } else {
        lastRow[term] = row
        lastEntry[term] = entries
        terms[entries] = term
        counts[entries++] = 1
      }
    }
    this.pointers[row] = entries
    this.entries = entries
  }

  /** For each term below `size`, the number of rows that have it and its total count. */
  totals(size: number): { readonly documents: Int32Array; readonly occurrences: Float64Array } {
    const documents = new Int32Array(size)
    const occurrences = new Float64Array(size)
    for (let i = 0; i < this.entries; i++) {
      const term = this.terms[i] as number
      documents[term] = (documents[term] as number) + 1
      occurrences[term] = (occurrences[term] as number) + (this.counts[i] as number)
    }
    this.documents = documents
    return { documents, occurrences }
  }

  /**
   * Builds the matrix.
   *
   * @param columns The number of columns.
   * @param columnOf The column of each term, or -1.
   */
  toMatrix(columns: number, columnOf: Int32Array): Effect.Effect<SparseMatrix> {
    return Effect.gen({ self: this }, function* () {
      const { rows } = this
      const kept = this.entriesIn(columnOf)
      const matrix: SparseMatrix = {
        rows,
        columns,
        rowPointers: new Int32Array(rows + 1),
        columnIndices: new Int32Array(kept),
        values: new Float32Array(kept)
      }
      const countOf = new Int32Array(columns)
      const rowsPerTurn = Math.ceil((entriesPerTurn * rows) / (this.entries + 1))
      for (let row = 0; row < rows; row += rowsPerTurn) {
        this.putRows(matrix, row, Math.min(row + rowsPerTurn, rows), columnOf, countOf)
        yield* Effect.yieldNow
      }
      return matrix
    })
  }

  private entriesIn(columnOf: Int32Array): number {
    const { documents = this.totals(columnOf.length).documents } = this
    let kept = 0
    for (let term = 0; term < columnOf.length; term++) {
      if ((columnOf[term] as number) >= 0) kept += documents[term] as number
    }
    return kept
  }

  private putRows(matrix: SparseMatrix, start: number, end: number, columnOf: Int32Array, countOf: Int32Array): void {
    for (let row = start; row < end; row++) this.putRow(matrix, row, columnOf, countOf)
  }

  /** Appends a row's entries with ascending columns. `countOf` is scratch space for one count per column. */
  private putRow(matrix: SparseMatrix, row: number, columnOf: Int32Array, countOf: Int32Array): void {
    const { counts, pointers, terms } = this
    const { columnIndices, rowPointers, values } = matrix
    const first = pointers[row] as number
    const last = pointers[row + 1] as number
    const start = rowPointers[row] as number
    const isLong = last - first > fewEntries
    let end = start
    for (let i = first; i < last; i++) {
      const column = columnOf[terms[i] as number] as number
      if (column < 0) continue
      countOf[column] = counts[i] as number
      // Short rows are sorted by insertion.
      let place = end++
      for (; !isLong && place > start && column < (columnIndices[place - 1] as number); place--) {
        columnIndices[place] = columnIndices[place - 1] as number
      }
      columnIndices[place] = column
    }
    if (isLong) columnIndices.subarray(start, end).sort()
    for (let i = start; i < end; i++) values[i] = countOf[columnIndices[i] as number] as number
    rowPointers[row + 1] = end
  }
}
