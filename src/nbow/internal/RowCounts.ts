/**
 * Counts of terms row by row, gathered while texts are scanned, and made into a sparse matrix once it is known which
 * terms are columns. Counting needs no second scan of the texts, and a term's place in its row is found in one look.
 *
 * Every index is within its array by construction, which is the reason of each `as number`.
 */
import type { SparseMatrix } from "../SparseMatrix.ts"

const grown = (array: Int32Array, length: number): Int32Array => {
  const next = new Int32Array(Math.max(length, Math.ceil(1.5 * array.length)))
  next.set(array)
  return next
}

/** Rows of terms with their counts, terms in the order in which they were met. */
export class RowCounts {
  rows = 0
  private entries = 0
  private pointers: Int32Array = new Int32Array(1025)
  private terms: Int32Array = new Int32Array(16384)
  private counts: Int32Array = new Int32Array(16384)
  /** The row that had a term last, plus one, and the term's entry there. */
  private lastRow: Int32Array = new Int32Array(1024)
  private lastEntry: Int32Array = new Int32Array(1024)

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
      this.lastRow = grown(this.lastRow, size)
      this.lastEntry = grown(this.lastEntry, size)
    }
    if (this.entries + count > this.terms.length) {
      this.terms = grown(this.terms, this.entries + count)
      this.counts = grown(this.counts, this.entries + count)
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
    if (row >= this.pointers.length) this.pointers = grown(this.pointers, row + 1)
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
   * @param columnOf Each term's column, or -1 for a term that has none; without it, terms are columns.
   */
  toMatrix(columns: number, columnOf?: Int32Array): SparseMatrix {
    const { counts, rows, terms } = this
    const columnAt = (entry: number): number => {
      const term = terms[entry] as number
      return columnOf === undefined ? term : (columnOf[term] as number)
    }
    // Entries are put in order by column, and from there back into their rows: the columns of each row then ascend.
    const rowPointers = new Int32Array(rows + 1)
    const ends = new Int32Array(columns + 1)
    let kept = 0
    for (let row = 0; row < rows; row++) {
      const last = this.pointers[row + 1] as number
      for (let i = this.pointers[row] as number; i < last; i++) {
        const column = columnAt(i)
        if (column < 0) continue
        ends[column + 1] = (ends[column + 1] as number) + 1
        kept++
      }
      rowPointers[row + 1] = kept
    }
    for (let column = 0; column < columns; column++)
      ends[column + 1] = (ends[column + 1] as number) + (ends[column] as number)
    const rowsOf = new Int32Array(kept)
    const countsOf = new Int32Array(kept)
    for (let row = 0; row < rows; row++) {
      const last = this.pointers[row + 1] as number
      for (let i = this.pointers[row] as number; i < last; i++) {
        const column = columnAt(i)
        if (column < 0) continue
        const place = ends[column] as number
        ends[column] = place + 1
        rowsOf[place] = row
        countsOf[place] = counts[i] as number
      }
    }
    const columnIndices = new Int32Array(kept)
    const values = new Float32Array(kept)
    const next = rowPointers.slice()
    for (let column = 0, place = 0; column < columns; column++) {
      for (const end = ends[column] as number; place < end; place++) {
        const row = rowsOf[place] as number
        const entry = next[row] as number
        next[row] = entry + 1
        columnIndices[entry] = column
        values[entry] = countsOf[place] as number
      }
    }
    return { rows, columns, rowPointers, columnIndices, values }
  }
}
