/**
 * What single terms do to a prediction. Effects are differences of log-odds: that of label 1, or of a class against all
 * others. The network is not additive, so the effects of a text's terms do not sum up to its log-odds.
 */
import * as Effect from "effect/Effect"
import * as CodecIssue from "../../internal/schema/codecIssue.ts"
import { makeLogits, makeTermCounts, type TermCounts, type TextNetwork } from "./scorer.ts"
import { TextError } from "./texts.ts"

/** A term, and the difference that it makes to the log-odds. */
export interface TermEffect {
  readonly term: string
  readonly effect: number
}

/** A term of a text, how often it is there, and the difference that it makes to the log-odds. */
export interface CountedEffect extends TermEffect {
  readonly count: number
}

/** Why a text is scored as it is. */
export interface Explanation {
  /** The probability, from 0 to 1. */
  readonly score: number
  /** The log-odds of the text: `ln(score / (1 − score))`. */
  readonly logOdds: number
  /** The log-odds of a text without known terms. */
  readonly baseline: number
  /** The text's known terms. The effect of one is how much lower the log-odds were without it. Largest effects first. */
  readonly terms: ReadonlyArray<CountedEffect>
}

/** The log-odds of an output: of the only one, or of a class against all others. */
const logOddsOf = (logits: Float64Array, output: number): number => {
  if (logits.length === 1) return logits[0] as number
  let highest = Number.NEGATIVE_INFINITY
  for (const [k, logit] of logits.entries()) if (k !== output) highest = Math.max(highest, logit)
  let sum = 0
  for (const [k, logit] of logits.entries()) if (k !== output) sum += Math.exp(logit - highest)
  return (logits[output] as number) - highest - Math.log(sum)
}

const none: TermCounts = { columns: new Int32Array(0), counts: new Int32Array(0), length: 0 }

/** Explains the score of an output for a text. `output` may depend on the outputs of the text. Throws `TextError`. */
const explain = (
  network: TextNetwork,
  text: string,
  outputOf: (logits: Float64Array) => number
): Explanation & { readonly output: number } => {
  if (typeof text !== "string") {
    throw new TextError({ message: `The text is ${CodecIssue.valueText(text)}. It must be a string.` })
  }
  const { vocabulary } = network.vectorizer
  const logitsOf = makeLogits(network)
  const { columns, counts, length } = makeTermCounts(network.vectorizer)(text)
  const logits = logitsOf({ columns, counts, length })
  const output = outputOf(logits)
  const logOdds = logOddsOf(logits, output)
  const terms = Array.from({ length }, (_, place) => {
    const without = (values: Int32Array): Int32Array =>
      Int32Array.from(values.subarray(0, length)).filter((_, i) => i !== place)
    const others = logitsOf({ columns: without(columns), counts: without(counts), length: length - 1 })
    return {
      term: vocabulary[columns[place] as number] as string, // a column, as the counts are one for each
      count: counts[place] as number,
      effect: logOdds - logOddsOf(others, output)
    }
  })
  const baseline = logOddsOf(logitsOf(none), output)
  terms.sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect))
  return { output, score: 1 / (1 + Math.exp(-logOdds)), logOdds, baseline, terms }
}

/** As `explain`. Fails with what it throws. */
export const explained = (network: TextNetwork, text: string, outputOf: (logits: Float64Array) => number) =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(explain(network, text, outputOf))
    } catch (cause) {
      return cause instanceof TextError ? Effect.fail(cause) : Effect.die(cause)
    }
  })

/**
 * The effect of every term on each output: the log-odds of a text that has only this term, less those of a text without
 * known terms. Sorted, the highest first.
 */
export const ofTerms = (network: TextNetwork, output: number): ReadonlyArray<TermEffect> => {
  const logitsOf = makeLogits(network)
  const baseline = logOddsOf(logitsOf(none), output)
  const one = { columns: Int32Array.of(0), counts: Int32Array.of(1), length: 1 }
  const effects = network.vectorizer.vocabulary.map((term, column) => {
    one.columns[0] = column
    return { term, effect: logOddsOf(logitsOf(one), output) - baseline }
  })
  return effects.sort((a, b) => b.effect - a.effect)
}
