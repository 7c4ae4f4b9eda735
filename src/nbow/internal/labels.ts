/** Checks the labels of two classes. */

/** The first label that is neither 0 nor 1, with a message. */
export const badLabel = (labels: ArrayLike<number>): { readonly row: number; readonly message: string } | undefined => {
  for (let row = 0; row < labels.length; row++) {
    const label: unknown = labels[row]
    if (label !== 0 && label !== 1) {
      const text =
        typeof label === "bigint" ? `${label}n` : typeof label === "string" ? JSON.stringify(label) : String(label)
      return { row, message: `The label of row ${row} is ${text}. Labels must be 0 or 1.` }
    }
  }
  return undefined
}
