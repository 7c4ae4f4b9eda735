/**
 * Learns n-grams: words that follow each other, stop words left out. The words of all texts are kept as one stream of
 * numbers, and the n-grams of a length are found from those with one word less: the places in the stream are sorted by the
 * n-gram that begins there, and within one n-gram, a table of words tells which next words were seen. So nothing is hashed,
 * no string is made but for the terms that are kept, and n-grams of words that are too rare are never looked at.
 *
 * Every index is within its array by construction, which justifies each `as number`.
 */
import * as Effect from "effect/Effect"
import type { SparseMatrix } from "../SparseMatrix.ts"
import { compareCodePoints } from "./codePoints.ts"
import * as Loops from "./ngramLoops.ts"
import { TermTable } from "./TermTable.ts"
import type { Learner, Term, Totals } from "./terms.ts"

const grown = (array: Int32Array, length: number): Int32Array => {
  const next = new Int32Array(Math.max(length, 2 * array.length))
  next.set(array)
  return next
}

/** The fiber yields after about this many places, some 10 ms. */
const placesPerTurn = 500_000

/** Calls a function with ranges that cover all numbers below `length`, and yields between them. */
const eachTurn = Effect.fnUntraced(function* (length: number, use: (from: number, to: number) => void) {
  for (let from = 0; from < length; from += placesPerTurn) {
    use(from, Math.min(from + placesPerTurn, length))
    yield* Effect.yieldNow
  }
})

/** The parent of the n-grams with one word. */
const root = -1

/** Counts the n-grams of texts. */
export class NgramLearner implements Learner {
  rows = 0
  private readonly words: TermTable
  /** The numbers of the words below this are stop words. */
  private readonly stops: number
  private readonly least: number
  private readonly most: number
  /** How many texts there will be. */
  private readonly expectedRows: number
  /** The words of all texts, and the row of each. */
  private stream: Int32Array = new Int32Array(16384)
  private rowAt: Int32Array = new Int32Array(16384)
  private length = 0
  /** Whether a text has enough words for an n-gram. */
  private hasAny = false
  // The n-grams, of which the first are the single words: the n-gram without the last word, the last word, and counts.
  private size = 0
  private parents: Int32Array = new Int32Array(0)
  private lasts: Int32Array = new Int32Array(0)
  private documents: Int32Array = new Int32Array(0)
  private occurrences: Int32Array = new Int32Array(0)
  /** For each length that is wanted, the n-grams and their rows: those of an n-gram are ascending. */
  private readonly wanted: Array<Loops.Entries> = []

  constructor(
    stripAccents: "ascii" | null,
    stopWords: ReadonlyArray<string>,
    [least, most]: readonly [least: number, most: number],
    expectedRows: number
  ) {
    this.words = new TermTable(stripAccents, stopWords)
    this.stops = this.words.size
    this.least = least
    this.most = most
    this.expectedRows = expectedRows
  }

  add(text: string): void {
    const { stops, words } = this
    const tokenCount = words.scan(text, true)
    const needed = this.length + tokenCount
    if (needed > this.stream.length) {
      // Grow for the remaining texts, assuming that they are as long as those so far.
      const expected = Math.ceil((1.02 * needed * this.expectedRows) / (this.rows + 1))
      const room = Math.min(4 * needed, expected)
      this.stream = grown(this.stream, Math.max(needed, room))
      this.rowAt = grown(this.rowAt, Math.max(needed, room))
    }
    const { rowAt, rows, stream } = this
    const ids = words.tokens
    let length = this.length
    for (let i = 0; i < tokenCount; i++) {
      const word = (ids[i] as number) - stops
      if (word < 0) continue
      stream[length] = word
      rowAt[length++] = rows
    }
    if (length - this.length >= this.least) this.hasAny = true
    this.length = length
    this.rows++
  }

  totals(minTexts: number): Effect.Effect<Totals> {
    return Effect.gen({ self: this }, function* () {
      yield* this.countWords()
      const { length, rowAt, stream } = this
      if (this.least === 1) this.wanted.push({ nodes: stream.subarray(0, length), rows: rowAt.subarray(0, length) })
      let at = stream
      for (let words = 2; words <= this.most; words++) {
        const lengthened = yield* this.lengthen(at, words, minTexts)
        at = lengthened.at
        if (words >= this.least) this.wanted.push(lengthened.entries)
      }
      const documents = this.documents.subarray(0, this.size)
      const occurrences = Float64Array.from(this.occurrences.subarray(0, this.size))
      // Shorter n-grams than the shortest were only counted to find the longer ones.
      if (this.least > 1) this.withoutShort(documents)
      const terms = documents.reduce((sum, count) => sum + Math.sign(count), 0)
      return { documents, occurrences, terms: minTexts > 1 && this.hasAny ? undefined : terms }
    })
  }

  private withoutShort(documents: Int32Array): void {
    const depths = new Int32Array(this.size)
    for (let node = 0; node < this.size; node++) {
      const parent = this.parents[node] as number
      depths[node] = parent === root ? 1 : (depths[parent] as number) + 1
      if ((depths[node] as number) < this.least) documents[node] = 0
    }
  }

  /** Counts the single words. */
  private *countWords() {
    const words = this.words.size - this.stops
    this.reserve(words)
    this.size = words
    for (let word = 0; word < words; word++) {
      this.parents[word] = root
      this.lasts[word] = word
    }
    const { documents, occurrences, rowAt, stream } = this
    const lastRow = new Int32Array(words).fill(-1)
    yield* eachTurn(this.length, (from, to) =>
      Loops.countWords(stream, rowAt, from, to, lastRow, documents, occurrences)
    )
  }

  /** Finds the n-grams of so many words. `shorter` has the n-gram with one word less at each place, or -1. */
  private *lengthen(shorter: Int32Array, words: number, minTexts: number) {
    const { length, rowAt, size, stream } = this
    const offset = words - 1
    const given = { shorter, stream, rowAt, documents: this.documents, length, offset, minTexts }
    // Places by the shorter n-gram that begins there, if a longer one can be frequent enough.
    const at = new Int32Array(length)
    const ends = new Int32Array(size)
    yield* eachTurn(length, (from, to) => Loops.markCandidates(given, from, to, at, ends))
    const total = Loops.startsOf(ends)
    const sorted = { parents: new Int32Array(total), words: new Int32Array(total), rows: new Int32Array(total) }
    // Only an n-gram that may be lengthened again has to be found by its place.
    const places = words < this.most ? new Int32Array(total) : undefined
    yield* eachTurn(length, (from, to) => Loops.sortPlaces(given, at, from, to, ends, sorted, places))
    const seen = new Int32Array(3 * (this.words.size - this.stops)).fill(-1)
    yield* eachTurn(total, (from, to) => {
      this.reserve(this.size + to - from)
      this.size = Loops.divide(this.counts(), this.size, sorted, from, to, seen)
    })
    const nodes = sorted.parents // overwritten
    if (places !== undefined) for (let i = 0; i < total; i++) at[places[i] as number] = nodes[i] as number
    return { at, entries: { nodes, rows: sorted.rows } }
  }

  private counts(): Loops.Counts {
    const { documents, lasts, occurrences, parents } = this
    return { documents, lasts, occurrences, parents }
  }

  private reserve(size: number): void {
    if (size <= this.parents.length) return
    this.parents = grown(this.parents, size)
    this.lasts = grown(this.lasts, size)
    this.documents = grown(this.documents, size)
    this.occurrences = grown(this.occurrences, size)
  }

  inOrder(isWanted: (id: number) => boolean): Array<Term> {
    // A space is less than any character of a word, so n-grams are in the order of their words.
    const texts = Array.from({ length: this.words.size - this.stops }, (_, word) => this.words.term(word + this.stops))
    const order = Int32Array.from(texts.keys()).sort((a, b) =>
      compareCodePoints(texts[a] as string, texts[b] as string)
    )
    const { first, next } = this.children(order)
    const { lasts, parents } = this
    const text = (node: number): string => {
      const word = texts[lasts[node] as number] as string
      const parent = parents[node] as number
      return parent === root ? word : `${text(parent)} ${word}`
    }
    const terms: Array<Term> = []
    // From an n-gram to the first of those that begin with it, else to the next one that is as long or shorter.
    for (let node = first[0] as number; node !== root; ) {
      if (isWanted(node)) terms.push({ id: node, text: text(node) })
      const child = first[node + 1] as number
      if (child >= 0) {
        node = child
        continue
      }
      while (node !== root && (next[node] as number) < 0) node = parents[node] as number
      if (node !== root) node = next[node] as number
    }
    return terms
  }

  /** The first of each n-gram's continuations by the order of words, with that of the root in front, and the next of each. */
  private children(order: Int32Array): { readonly first: Int32Array; readonly next: Int32Array } {
    const { lasts, parents, size } = this
    const withWord = new Int32Array(order.length).fill(-1)
    const sameWord = new Int32Array(size)
    for (let node = 0; node < size; node++) {
      const word = lasts[node] as number
      sameWord[node] = withWord[word] as number
      withWord[word] = node
    }
    const first = new Int32Array(size + 1).fill(-1)
    const next = new Int32Array(size)
    for (let i = order.length - 1; i >= 0; i--) {
      for (let node = withWord[order[i] as number] as number; node >= 0; node = sameWord[node] as number) {
        const parent = parents[node] as number
        next[node] = first[parent + 1] as number
        first[parent + 1] = node
      }
    }
    return { first, next }
  }

  toMatrix(columns: number, columnOf: Int32Array): Effect.Effect<SparseMatrix> {
    return Effect.gen({ self: this }, function* () {
      const { rows, wanted } = this
      // The rows of each column, ascending, a row as often as it has the term.
      const ends = new Int32Array(columns)
      for (const { nodes } of wanted) {
        yield* eachTurn(nodes.length, (from, to) => Loops.countEntries(nodes, from, to, columnOf, ends))
      }
      const byColumn = new Int32Array(Loops.startsOf(ends))
      for (const entries of wanted) {
        yield* eachTurn(entries.nodes.length, (from, to) =>
          Loops.sortEntries(entries, from, to, columnOf, ends, byColumn)
        )
      }
      const rowPointers = Loops.countRows(byColumn, ends, rows)
      yield* Effect.yieldNow
      const columnIndices = new Int32Array(rowPointers[rows] as number)
      const values = new Float32Array(columnIndices.length)
      Loops.fillRows(byColumn, ends, rowPointers.slice(), columnIndices, values)
      yield* Effect.yieldNow
      return { rows, columns, rowPointers, columnIndices, values }
    })
  }
}
