/**
 * Tokenizers other than the default pattern. Options hold them as data, a language or a name, because functions can't be
 * stored with a model. A named tokenizer is defined by the program, once in each process that trains or scores.
 */
import * as CodecIssue from "../../internal/schema/codecIssue.ts"
import type { Splitter } from "./TokenTable.ts"
import { TextError } from "./texts.ts"

/** A tokenizer, as options hold it. */
export type Tokenizer = { readonly locale: string } | { readonly name: string }

const defined = new Map<string, Splitter>()

/** Defines a named tokenizer. The latest definition counts. */
export const define = (name: string, split: Splitter): void => {
  defined.set(name, split)
}

/** Why a tokenizer can't be used, or `undefined`. */
export const problemOf = (tokenizer: Tokenizer): string | undefined => {
  if ("name" in tokenizer) {
    return defined.has(tokenizer.name)
      ? undefined
      : `the tokenizer ${JSON.stringify(tokenizer.name)} is not defined in this program: ` +
          `call CountVectorizer.tokenizer(${JSON.stringify(tokenizer.name)}, …) at the top of a module that it imports`
  }
  return isSupported(tokenizer.locale)
    ? undefined
    : `${JSON.stringify(tokenizer.locale)} is not a language that Intl.Segmenter knows, such as "ja"`
}

const isSupported = (locale: string): boolean => {
  try {
    return Intl.Segmenter.supportedLocalesOf(locale).length > 0
  } catch {
    return false // not a language tag
  }
}

/** The function of a tokenizer. */
export const splitterOf = (tokenizer: Tokenizer): Splitter => {
  const problem = problemOf(tokenizer)
  if (problem !== undefined) throw new Error(`CountVectorizer: ${problem}`)
  if ("locale" in tokenizer) {
    const segmenter = new Intl.Segmenter(tokenizer.locale, { granularity: "word" })
    return (text) => {
      const words: Array<string> = []
      for (const { isWordLike, segment } of segmenter.segment(text)) if (isWordLike === true) words.push(segment)
      return words
    }
  }
  const { name } = tokenizer
  return (text) => {
    const words: unknown = (defined.get(name) as Splitter)(text) // checked above
    if (Array.isArray(words) && words.every((word) => typeof word === "string")) return words
    const bad = Array.isArray(words) ? words.find((word) => typeof word !== "string") : words
    throw new TextError({
      message: `the tokenizer ${JSON.stringify(name)} returned ${CodecIssue.valueText(bad)}. It must return a list of strings.`
    })
  }
}
