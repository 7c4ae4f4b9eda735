/**
 * The loops of `NgramLearner`, over all words of all texts. They are functions of their own, with what they use in variables,
 * because that makes them fast. A range of a loop is from `from` to `to`, exclusive.
 *
 * Every index is within its array by construction, which justifies each `as number`.
 */

/** N-grams and their rows. */
export interface Entries {
  readonly nodes: Int32Array
  readonly rows: Int32Array
}

/** The n-grams: the n-gram without the last word, the last word, and counts. */
export interface Counts {
  readonly parents: Int32Array
  readonly lasts: Int32Array
  readonly documents: Int32Array
  readonly occurrences: Int32Array
}

/** Turns counts into the start of each one's range, and returns the sum. */
export const startsOf = (counts: Int32Array): number => {
  let total = 0
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i] as number
    counts[i] = total
    total += count
  }
  return total
}

/** Counts single words. */
export const countWords = (
  stream: Int32Array,
  rowAt: Int32Array,
  from: number,
  to: number,
  lastRow: Int32Array,
  documents: Int32Array,
  occurrences: Int32Array
): void => {
  for (let place = from; place < to; place++) {
    const word = stream[place] as number
    const row = rowAt[place] as number
    occurrences[word] = (occurrences[word] as number) + 1
    if (lastRow[word] === row) continue
    lastRow[word] = row
    documents[word] = (documents[word] as number) + 1
  }
}

/** What there is to lengthen. */
export interface Given {
  readonly shorter: Int32Array
  readonly stream: Int32Array
  readonly rowAt: Int32Array
  readonly documents: Int32Array
  readonly length: number
  readonly offset: number
  readonly minTexts: number
}

/** Notes for each place the n-gram there, if it may be lengthened, or -1, and counts the places of each. */
export const markCandidates = (
  { documents, length, minTexts, offset, rowAt, shorter, stream }: Given,
  from: number,
  to: number,
  at: Int32Array,
  counts: Int32Array
): void => {
  for (let place = from; place < to; place++) {
    const next = place + offset
    const parent = shorter[place] as number
    if (
      parent < 0 ||
      next >= length ||
      rowAt[next] !== rowAt[place] ||
      (documents[parent] as number) < minTexts ||
      (documents[stream[next] as number] as number) < minTexts
    ) {
      at[place] = -1
      continue
    }
    at[place] = parent
    counts[parent] = (counts[parent] as number) + 1
  }
}

/** Entries sorted by the n-gram that is lengthened. */
export interface Sorted {
  readonly parents: Int32Array
  readonly words: Int32Array
  readonly rows: Int32Array
}

/** Sorts places by the n-gram there, with its next word and row. They are then no longer noted at their places. */
export const sortPlaces = (
  { offset, rowAt, stream }: Given,
  at: Int32Array,
  from: number,
  to: number,
  ends: Int32Array,
  { parents, rows, words }: Sorted,
  places: Int32Array | undefined
): void => {
  for (let place = from; place < to; place++) {
    const parent = at[place] as number
    if (parent < 0) continue
    const end = ends[parent] as number
    ends[parent] = end + 1
    parents[end] = parent
    words[end] = stream[place + offset] as number
    rows[end] = rowAt[place] as number
    if (places === undefined) continue
    places[end] = place
    at[place] = -1
  }
}

/**
 * Divides the entries of one n-gram by their next words: each gets the longer n-gram in place of its parent. `seen` has three
 * numbers for each word: the n-gram it was last seen after, the longer n-gram, and its last row.
 */
export const divide = (
  { documents, lasts, occurrences, parents }: Counts,
  first: number,
  sorted: Sorted,
  from: number,
  to: number,
  seen: Int32Array
): number => {
  const { parents: nodes, rows, words } = sorted
  let size = first
  for (let i = from; i < to; i++) {
    const parent = nodes[i] as number
    const word = words[i] as number
    const row = rows[i] as number
    const at = 3 * word
    if (seen[at] !== parent) {
      seen[at] = parent
      seen[at + 1] = size
      seen[at + 2] = -1
      parents[size] = parent
      lasts[size++] = word
    }
    const node = seen[at + 1] as number
    nodes[i] = node
    occurrences[node] = (occurrences[node] as number) + 1
    if (seen[at + 2] === row) continue
    seen[at + 2] = row
    documents[node] = (documents[node] as number) + 1
  }
  return size
}

/** Counts the entries of each column. */
export const countEntries = (
  nodes: Int32Array,
  from: number,
  to: number,
  columnOf: Int32Array,
  counts: Int32Array
): void => {
  for (let i = from; i < to; i++) {
    const column = columnOf[nodes[i] as number] as number
    if (column >= 0) counts[column] = (counts[column] as number) + 1
  }
}

/** Sorts rows by column. */
export const sortEntries = (
  { nodes, rows }: Entries,
  from: number,
  to: number,
  columnOf: Int32Array,
  ends: Int32Array,
  byColumn: Int32Array
): void => {
  for (let i = from; i < to; i++) {
    const column = columnOf[nodes[i] as number] as number
    if (column < 0) continue
    const end = ends[column] as number
    byColumn[end] = rows[i] as number
    ends[column] = end + 1
  }
}

/** The row pointers of a matrix whose rows are sorted by column. */
export const countRows = (byColumn: Int32Array, ends: Int32Array, rows: number): Int32Array => {
  const pointers = new Int32Array(rows + 1)
  for (let column = 0, i = 0; column < ends.length; column++) {
    const end = ends[column] as number
    for (let last = -1; i < end; i++) {
      const row = byColumn[i] as number
      if (row !== last) pointers[row + 1] = (pointers[row + 1] as number) + 1
      last = row
    }
  }
  for (let row = 0; row < rows; row++) pointers[row + 1] = (pointers[row + 1] as number) + (pointers[row] as number)
  return pointers
}

/** Fills the rows of a matrix: columns are ascending, because they come one after the other. */
export const fillRows = (
  byColumn: Int32Array,
  ends: Int32Array,
  nextOf: Int32Array,
  columnIndices: Int32Array,
  values: Float32Array
): void => {
  for (let column = 0, i = 0; column < ends.length; column++) {
    const end = ends[column] as number
    for (let last = -1; i < end; i++) {
      const row = byColumn[i] as number
      const next = nextOf[row] as number
      if (row === last) {
        values[next - 1] = (values[next - 1] as number) + 1
        continue
      }
      columnIndices[next] = column
      values[next] = 1
      nextOf[row] = next + 1
      last = row
    }
  }
}
