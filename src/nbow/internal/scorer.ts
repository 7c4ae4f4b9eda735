/**
 * From a text to what a network says about it: the text's terms, their values (counts, marks or TF-IDF), and the outputs.
 * Where values are plain counts and there is one output, terms are added up as they are found; else they are gathered first.
 *
 * Every index is within its array by construction, which justifies each `as number`.
 */
import * as CountVectorizer from "../CountVectorizer.ts"
import { softmax, tokenScore, type Weights } from "./network.ts"
import { weighRow } from "./tfidf.ts"

/** A trained network and the vectorizer of its texts. */
export interface TextNetwork {
  readonly vectorizer: CountVectorizer.CountVectorizer
  readonly weights: Weights
}

/** The distinct terms of a text with their counts: those in the first `length` places. */
export interface TermCounts {
  columns: Int32Array
  counts: Int32Array
  length: number
}

/** Makes a function that counts the terms of a text. Its result is valid until the next call. */
export const makeTermCounts = (vectorizer: CountVectorizer.CountVectorizer): ((text: string) => TermCounts) => {
  const finder = CountVectorizer.finderOf(vectorizer)
  const placeOf = new Int32Array(vectorizer.vocabulary.length).fill(-1)
  const result: TermCounts = { columns: new Int32Array(64), counts: new Int32Array(64), length: 0 }
  return (text) => {
    const tokenCount = finder.scan(text, false)
    if (tokenCount > result.columns.length) {
      result.columns = new Int32Array(2 * tokenCount)
      result.counts = new Int32Array(2 * tokenCount)
    }
    const { columns, counts } = result
    let length = 0
    for (let i = 0; i < tokenCount; i++) {
      const column = finder.tokens[i] as number
      const place = placeOf[column] as number
      if (place >= 0) counts[place] = (counts[place] as number) + 1
      else {
        placeOf[column] = length
        columns[length] = column
        counts[length++] = 1
      }
    }
    for (let i = 0; i < length; i++) placeOf[columns[i] as number] = -1
    result.length = length
    return result
  }
}

/** Whether a text's values are its counts. */
const isPlain = ({ options: { binary, tfidf } }: CountVectorizer.CountVectorizer): boolean =>
  binary !== true && (tfidf ?? null) === null

/**
 * Makes a function that computes the outputs of counted terms before the last function: log-odds, or a score for each
 * class. Its result is valid until the next call.
 */
export const makeLogits = ({ vectorizer, weights }: TextNetwork): ((terms: TermCounts) => Float64Array) => {
  const { hiddenBias, hiddenKernel, outputBias, outputKernel } = weights
  const { binary, tfidf } = vectorizer.options
  const units = hiddenBias.length
  const outputs = outputBias.length
  const hidden = new Float64Array(units)
  const logits = new Float64Array(outputs)
  let values = new Float32Array(64)
  return ({ columns, counts, length }) => {
    if (length > values.length) values = new Float32Array(2 * length)
    for (let i = 0; i < length; i++) values[i] = binary === true ? 1 : (counts[i] as number)
    if (tfidf !== undefined && tfidf !== null) weighRow(columns, values, 0, length, tfidf, vectorizer.idf)
    hidden.set(hiddenBias)
    for (let i = 0; i < length; i++) {
      const value = values[i] as number
      const at = (columns[i] as number) * units
      for (let u = 0; u < units; u++) hidden[u] = (hidden[u] as number) + value * (hiddenKernel[at + u] as number)
    }
    for (let k = 0; k < outputs; k++) {
      let sum = outputBias[k] as number
      for (let u = 0; u < units; u++) {
        sum += Math.max(0, hidden[u] as number) * (outputKernel[u * outputs + k] as number)
      }
      logits[k] = sum
    }
    return logits
  }
}

/** Scores of a text, written into an array at a place: one for each output of the network. */
export type Scorer = (text: string, into: Float32Array, at: number) => void

/** Makes a function that scores texts. */
export const makeScorer = (network: TextNetwork): Scorer => {
  const { vectorizer, weights } = network
  const outputs = weights.outputBias.length
  if (outputs === 1 && isPlain(vectorizer)) {
    const finder = CountVectorizer.finderOf(vectorizer)
    const hidden = new Float64Array(weights.hiddenBias.length)
    return (text, into, at) => {
      const count = finder.scan(text, false)
      into[at] = tokenScore(weights, hidden, finder.tokens, count)
    }
  }
  const count = makeTermCounts(vectorizer)
  const logitsOf = makeLogits(network)
  return (text, into, at) => {
    const logits = logitsOf(count(text))
    if (outputs === 1) into[at] = 1 / (1 + Math.exp(-(logits[0] as number)))
    else {
      softmax(logits)
      into.set(logits, at)
    }
  }
}
