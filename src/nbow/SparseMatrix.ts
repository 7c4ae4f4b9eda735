/**
 * A sparse matrix in compressed rows (CSR): for every row its nonzero entries, columns ascending. It is what texts become:
 * of 750 columns a review fills about twenty, and neither training nor scoring ever makes the other zeros.
 */

/** Rows of counts. Row `i` has the entries from `rowPointers[i]` up to `rowPointers[i + 1]`. */
export interface SparseMatrix {
  readonly rows: number
  readonly columns: number
  readonly rowPointers: Int32Array
  readonly columnIndices: Int32Array
  readonly values: Float32Array
}

/**
 * The rows from `start` up to but not including `end`. They share their memory with the whole matrix.
 *
 * @example
 * ```ts
 * const firstTen = SparseMatrix.slice(matrix, 0, 10)
 * ```
 */
export const slice = (self: SparseMatrix, start: number, end: number): SparseMatrix => ({
  ...self,
  rows: end - start,
  rowPointers: self.rowPointers.subarray(start, end + 1)
})

/**
 * Every entry, zeros included, as an array for each row. Only for small matrices.
 *
 * @example
 * ```ts
 * const rows = SparseMatrix.toDense(SparseMatrix.slice(matrix, 0, 3))
 * ```
 */
export const toDense = (self: SparseMatrix): ReadonlyArray<ReadonlyArray<number>> =>
  Array.from({ length: self.rows }, (_, row) => {
    const dense = new Array<number>(self.columns).fill(0)
    const end = self.rowPointers[row + 1] ?? 0
    for (let i = self.rowPointers[row] ?? 0; i < end; i++) dense[self.columnIndices[i] ?? 0] = self.values[i] ?? 0
    return dense
  })
