/**
 * The digest of a step's own source: what `why` compares to say that the code has changed, and what `version: "code"` makes
 * part of a task's key. It covers the function that was given as `run`, not the functions that it calls.
 */
import * as Effect from "effect/Effect"
import * as Digest from "../schema/digest.ts"
import { canonicalCode } from "./canonicalCode.ts"
import { closureOf } from "./closure.ts"

type Body = (...values: ReadonlyArray<never>) => unknown

const digests = new WeakMap<Body, string>()

/** The digest of a function's source, computed once in a process. Empty where the source can't be read, as of a bound function. */
export const codeDigest = (body: Body): string => {
  const remembered = digests.get(body)
  if (remembered !== undefined) return remembered
  const sources = sourcesOf(body)
  const native = sources.length === 0 || sources.some((source) => source.includes("{ [native code] }"))
  const digest = native ? "" : Digest.ofTexts("effect-flow/code/1", sources.map(canonicalCode))
  digests.set(body, digest)
  return digest
}

/** What `Effect.fnUntraced` and its like return has one text whatever it wraps: the user's function is in its closure. */
let wrapperTexts: ReadonlySet<string> | undefined

const isWrapper = (source: string): boolean => {
  wrapperTexts ??= new Set(
    [
      Effect.fnUntraced(sample),
      Effect.fnUntraced(sample, (effect) => effect),
      Effect.fnUntracedEager(sample),
      Effect.fnUntracedEager(sample, (effect) => effect),
      Effect.fn(sample),
      Effect.fn("sample")(sample)
    ].map((wrapper) => Function.prototype.toString.call(wrapper))
  )
  return wrapperTexts.has(source)
}

const sample = function* () {}

/** The texts that a body is made of. */
export const sourcesOf = (body: Body): ReadonlyArray<string> => {
  const source = Function.prototype.toString.call(body)
  return isWrapper(source) ? closureOf(body, ["body", "pipeables"]) : [source]
}
