/**
 * The terms of a vocabulary whose texts another tokenizer splits, such as `Intl.Segmenter`. Its tokens are strings and may
 * have any characters, so n-grams are joined and looked up as strings: two ways to get one string are one term, as in
 * scikit-learn.
 */
import { compareCodePoints } from "./codePoints.ts"
import type { Term, TermScanner } from "./terms.ts"

/** Splits a lower-cased text into tokens. */
export type Splitter = (text: string) => ReadonlyArray<string>

/** Finds the terms of texts. */
export class TokenTable implements TermScanner {
  tokens: Int32Array = new Int32Array(256)
  private readonly terms = new Map<string, number>()
  private readonly split: Splitter
  private readonly prepare: (text: string) => string
  private readonly stopWords: ReadonlySet<string>
  private readonly least: number
  private readonly most: number

  constructor(
    split: Splitter,
    stripAccents: "ascii" | null,
    stopWords: ReadonlyArray<string>,
    [least, most]: readonly [least: number, most: number],
    vocabulary: ReadonlyArray<string> = []
  ) {
    this.split = split
    this.prepare =
      stripAccents === null
        ? (text) => text.toLowerCase()
        : (text) => text.toLowerCase().normalize("NFKD").replaceAll(notAscii, "")
    this.stopWords = new Set(stopWords)
    this.least = least
    this.most = most
    for (const [index, term] of vocabulary.entries()) this.terms.set(term, index)
  }

  get size(): number {
    return this.terms.size
  }

  scan(text: string, learn: boolean): number {
    const { least, most, stopWords, terms } = this
    const words = this.split(this.prepare(text)).filter((word) => !stopWords.has(word))
    const possible = words.length * (most - least + 1)
    if (possible > this.tokens.length) this.tokens = new Int32Array(2 * possible)
    let count = 0
    for (let length = least; length <= most; length++) {
      for (let first = 0; first + length <= words.length; first++) {
        const term = length === 1 ? (words[first] as string) : words.slice(first, first + length).join(" ") // within bounds
        let id = terms.get(term)
        if (id === undefined) {
          if (!learn) continue
          id = terms.size
          terms.set(term, id)
        }
        this.tokens[count++] = id
      }
    }
    return count
  }

  inOrder(isWanted: (id: number) => boolean): Array<Term> {
    return Array.from(this.terms, ([text, id]) => ({ id, text }))
      .filter(({ id }) => isWanted(id))
      .sort((a, b) => compareCodePoints(a.text, b.text))
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const notAscii = /[^\x00-\x7f]/g
