/**
 * TF-IDF as scikit-learn's `TfidfTransformer` computes it: counts, or their logarithms, are multiplied by how rare a term
 * is, and every row is scaled to the same length.
 *
 * Every index is within its array by construction, which justifies each `as number`.
 */
import type { SparseMatrix } from "../SparseMatrix.ts"

/** How counts are weighted. */
export interface TfIdf {
  readonly useIdf: boolean
  readonly smoothIdf: boolean
  readonly sublinearTf: boolean
  readonly norm: "l1" | "l2" | null
}

/** The inverse document frequency of each column: `ln(rows / documents) + 1`, with one more of both if it is smooth. */
export const idfOf = ({ columnIndices, columns, rows }: SparseMatrix, { smoothIdf }: TfIdf): Float64Array => {
  const documents = new Float64Array(columns)
  for (const column of columnIndices) documents[column] = (documents[column] as number) + 1
  const more = smoothIdf ? 1 : 0
  return documents.map((count) => Math.log((rows + more) / (count + more)) + 1)
}

/** Weighs the values of one row, in place. */
export const weighRow = (
  columns: Int32Array,
  values: Float32Array | Float64Array,
  start: number,
  end: number,
  { norm, sublinearTf }: TfIdf,
  idf: ArrayLike<number> | undefined
): void => {
  const weighted = (i: number): number => {
    const count = values[i] as number
    const tf = sublinearTf ? Math.log(count) + 1 : count
    return idf === undefined ? tf : tf * (idf[columns[i] as number] as number)
  }
  let length = 1
  if (norm !== null) {
    length = 0
    for (let i = start; i < end; i++) length += norm === "l1" ? Math.abs(weighted(i)) : weighted(i) ** 2
    if (norm === "l2") length = Math.sqrt(length)
    if (length === 0) length = 1
  }
  for (let i = start; i < end; i++) values[i] = weighted(i) / length
}

/** Weighs the values of a matrix, in place. */
export const weigh = (
  { columnIndices, rowPointers, rows, values }: SparseMatrix,
  options: TfIdf,
  idf: ArrayLike<number> | undefined
): void => {
  for (let row = 0; row < rows; row++) {
    weighRow(columnIndices, values, rowPointers[row] as number, rowPointers[row + 1] as number, options, idf)
  }
}
