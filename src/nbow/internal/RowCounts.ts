/**
 * Counts of terms row by row, gathered while texts are scanned, and made into a sparse matrix once it is known which
 * terms are columns. Counting needs no second scan of the texts, and a term's place in its row is found in one look.
 *
 * Every index is within its array by construction, which is the reason of each `as number`.
 */
import * as Effect from "effect/Effect"
import type { SparseMatrix } from "../SparseMatrix.ts"

const grown = (array: Int32Array, length: number): Int32Array => {
  const next = new Int32Array(length)
  next.set(array)
  return next
}

/** A row's columns are sorted as they come up to this many, by the engine's sort beyond. */
const fewEntries = 64

/** Other fibers run after about this many entries: some ten milliseconds. */
const entriesPerTurn = 500_000

/** Rows of terms with their counts, terms in the order in which they were met. */
export class RowCounts {
  rows = 0
  private entries = 0
  private readonly pointers: Int32Array
  private terms: Int32Array = new Int32Array(16384)
  private counts: Int32Array = new Int32Array(16384)
  /** The row that had a term last, plus one, and the term's entry there. */
  private lastRow: Int32Array = new Int32Array(1024)
  private lastEntry: Int32Array = new Int32Array(1024)

  /** For at most so many rows. */
  constructor(rows: number) {
    this.pointers = new Int32Array(rows + 1)
  }

  /**
   * Adds a row.
   *
   * @param tokens The terms of its text, by number.
   * @param count How many of `tokens` there are.
   * @param from Terms below this number are not counted.
   * @param size All term numbers are below this.
   */
  add(tokens: Int32Array, count: number, from: number, size: number): void {
    if (size > this.lastRow.length) {
      this.lastRow = grown(this.lastRow, 2 * size)
      this.lastEntry = grown(this.lastEntry, 2 * size)
    }
    if (this.entries + count > this.terms.length) {
      // Room for the rows to come, if they are as long as those so far.
      const needed = this.entries + count
      const expected = (1.02 * needed * this.pointers.length) / (this.rows + 1)
      const room = Math.ceil(Math.max(1.5 * needed, Math.min(4 * needed, expected)))
      this.terms = grown(this.terms, room)
      this.counts = grown(this.counts, room)
    }
    const { counts, lastEntry, lastRow, terms } = this
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

  /** For each term below `size`, in how many rows it is and how often in all. */
  totals(size: number): { readonly documents: Int32Array; readonly occurrences: Float64Array } {
    const documents = new Int32Array(size)
    const occurrences = new Float64Array(size)
    for (let i = 0; i < this.entries; i++) {
      const term = this.terms[i] as number
      documents[term] = (documents[term] as number) + 1
      occurrences[term] = (occurrences[term] as number) + (this.counts[i] as number)
    }
    return { documents, occurrences }
  }

  /**
   * The rows as a matrix.
   *
   * @param columns How many columns there are.
   * @param columnOf Each term's column, or -1 for a term that has none.
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
    const { entries, terms } = this
    let kept = 0
    for (let i = 0; i < entries; i++) if ((columnOf[terms[i] as number] as number) >= 0) kept++
    return kept
  }

  private putRows(matrix: SparseMatrix, start: number, end: number, columnOf: Int32Array, countOf: Int32Array): void {
    for (let row = start; row < end; row++) this.putRow(matrix, row, columnOf, countOf)
  }

  /** Puts a row's entries behind those of the row before, columns ascending. `countOf` is room for a count a column. */
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
      // Few entries are sorted as they come.
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
