/**
 * A sparse matrix in compressed row format (CSR): the nonzero entries of every row, with ascending columns. Texts are
 * sparse: a review fills about 20 of 750 columns, and neither training nor scoring ever materializes the zeros.
 */

/** Rows of counts. Row `i` has the entries from `rowPointers[i]` to `rowPointers[i + 1]`, exclusive. */
export interface SparseMatrix {
  readonly rows: number
  readonly columns: number
  readonly rowPointers: Int32Array
  readonly columnIndices: Int32Array
  readonly values: Float32Array
}

/**
 * The rows from `start` to `end`, exclusive. They share memory with the matrix.
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
 * All entries including zeros, as one array per row. Use it for small matrices only.
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
