/** What all that find and learn terms have in common, whatever they take for a term. */
import type * as Effect from "effect/Effect"
import type { SparseMatrix } from "../SparseMatrix.ts"

/** A term and its number. */
export interface Term {
  readonly id: number
  readonly text: string
}

/** Finds the terms of a vocabulary, numbered as there. */
export interface Finder {
  /** The numbers of the terms of the last scanned text. `scan` returns how many are valid. */
  readonly tokens: Int32Array
  /** Finds the terms of a text. If `learn` is set, new terms are added, otherwise they are skipped. */
  scan(text: string, learn: boolean): number
}

/** Finds terms, and can add new ones. */
export interface TermScanner extends Finder {
  /** All numbers are below this. */
  readonly size: number
  /** The terms whose numbers are wanted, in code point order. */
  inOrder(isWanted: (id: number) => boolean): Array<Term>
}

/** For each number: how many texts have the term, and how often it occurs. */
export interface Totals {
  readonly documents: Int32Array
  readonly occurrences: Float64Array
  /** The number of terms in any text, or `undefined` if there are some and not all were counted. */
  readonly terms: number | undefined
}

/** Learns terms from texts. */
export interface Learner {
  /** The number of texts so far. */
  readonly rows: number
  /** Counts the terms of the next text. */
  add(text: string): void
  /** Sums up after the last text. Terms in fewer texts may be left out. */
  totals(minTexts: number): Effect.Effect<Totals>
  /** The terms whose numbers are wanted, in code point order. */
  inOrder(isWanted: (id: number) => boolean): Array<Term>
  /** The counts of the terms that have a column, which is -1 for the others. */
  toMatrix(columns: number, columnOf: Int32Array): Effect.Effect<SparseMatrix>
}
