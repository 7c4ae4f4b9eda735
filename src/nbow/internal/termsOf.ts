/**
 * What learns and finds the terms of texts, chosen by the options: single words of the default pattern, n-grams of such
 * words, or the tokens of another tokenizer. All number their terms, so counting and scoring do not depend on the choice.
 */
import * as Effect from "effect/Effect"
import { NgramLearner } from "./NgramLearner.ts"
import { NgramTable } from "./NgramTable.ts"
import { RowCounts } from "./RowCounts.ts"
import { english } from "./stopWords.ts"
import { TermTable } from "./TermTable.ts"
import { TokenTable } from "./TokenTable.ts"
import type { Finder, Learner, TermScanner } from "./terms.ts"
import { splitterOf } from "./tokenizers.ts"
import type { Options } from "./vectorizerOptions.ts"

const stopWordsOf = ({ stopWords }: Options): ReadonlyArray<string> =>
  stopWords === "english" ? english : (stopWords ?? [])

/** A scanner of single tokens for which no token is a stop word. */
export const tokens = ({ stripAccents, tokenizer }: Options): TermScanner =>
  tokenizer === undefined || tokenizer === null
    ? new TermTable(stripAccents)
    : new TokenTable(splitterOf(tokenizer), stripAccents, [], [1, 1])

/** Learns the terms of this many texts. */
export const learner = (options: Options, rows: number): Learner => {
  const { ngramRange = [1, 1], stripAccents, tokenizer } = options
  const stopWords = stopWordsOf(options)
  if (tokenizer !== undefined && tokenizer !== null) {
    return counting(new TokenTable(splitterOf(tokenizer), stripAccents, stopWords, ngramRange), 0, rows)
  }
  if (ngramRange[1] > 1) return new NgramLearner(stripAccents, stopWords, ngramRange, rows)
  const table = new TermTable(stripAccents, stopWords)
  return counting(table, table.size, rows)
}

/** Counts the terms that a scanner learns, from a number on. */
const counting = (scanner: TermScanner, stops: number, rows: number): Learner => {
  const counts = new RowCounts(rows)
  return {
    get rows() {
      return counts.rows
    },
    add: (text) => {
      const count = scanner.scan(text, true)
      counts.add(scanner.tokens, count, stops, scanner.size)
    },
    totals: () =>
      Effect.sync(() => {
        const totals = counts.totals(scanner.size)
        return { ...totals, terms: totals.documents.reduce((sum, count) => sum + Math.sign(count), 0) }
      }),
    inOrder: (isWanted) => scanner.inOrder(isWanted),
    toMatrix: (columns, columnOf) => counts.toMatrix(columns, columnOf)
  }
}

/** Finds the terms of a vocabulary: the number of a term is its index there. */
export const finder = (options: Options, vocabulary: ReadonlyArray<string>): Finder => {
  const { ngramRange = [1, 1], stripAccents, tokenizer } = options
  if (tokenizer !== undefined && tokenizer !== null) {
    return new TokenTable(splitterOf(tokenizer), stripAccents, stopWordsOf(options), ngramRange, vocabulary)
  }
  if (ngramRange[1] > 1) return new NgramTable(stripAccents, stopWordsOf(options), ngramRange, vocabulary)
  return new TermTable(stripAccents, vocabulary)
}
