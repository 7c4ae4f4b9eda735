/** Literals that some loaders compute when they print a function anew: joined texts, `!0`, and `new X` for `new X()`. */
import { isClosing, isMark, type Token } from "./tokens.ts"

/** `!0` and `!false` are `true`, `!1` and `!true` are `false`. */
const negated: Readonly<Record<string, string>> = { 0: "true", false: "true", 1: "false", true: "false" }

/** The text with every literal in one form. */
export const withPlainLiterals = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> =>
  joined(withoutEmptyArguments(withoutTemplates(negations(tokens))))

const negations = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> =>
  tokens.flatMap((token, at): ReadonlyArray<Token> => {
    const isLiteral = (place: number) =>
      isMark(tokens[place - 1], "!") &&
      (tokens[place]?.kind === "number" || tokens[place]?.kind === "word") &&
      Object.hasOwn(negated, tokens[place]?.text ?? "") &&
      !isMark(tokens[place + 1], ".", "?.", "[", "(")
    if (isLiteral(at + 1)) return []
    return isLiteral(at) ? [{ kind: "word", text: negated[token.text] as string }] : [token] // just looked up
  })

/** A template without expressions, which no tag reads, is a string. */
const withoutTemplates = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> =>
  tokens.flatMap((token, at): ReadonlyArray<Token> => {
    if (isPlain(tokens, at - 1)) return []
    return isPlain(tokens, at) ? [{ kind: "string", text: JSON.stringify(token.text.slice(1, -1)) }] : [token]
  })

const isPlain = (tokens: ReadonlyArray<Token>, at: number): boolean =>
  tokens[at]?.kind === "template" &&
  tokens[at].isTagged !== true &&
  tokens[at].text !== "`" &&
  tokens[at].text.startsWith("`") &&
  tokens[at + 1]?.text === "`"

/** `new X()` is `new X`, where nothing is read of it. */
const withoutEmptyArguments = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> => {
  const gone = new Set<number>()
  tokens.forEach((token, at) => {
    if (token.kind !== "word" || token.text !== "new") return
    let end = at + 1
    if (tokens[end]?.kind !== "word") return
    while (isMark(tokens[end + 1], ".") && tokens[end + 2]?.kind === "property") end += 2
    const isRead = isMark(tokens[end + 3], ".", "?.", "(", "[") || tokens[end + 3]?.kind === "template"
    if (isRead || !isMark(tokens[end + 1], "(") || !isMark(tokens[end + 2], ")")) return
    gone.add(end + 1).add(end + 2)
  })
  return tokens.filter((_, at) => !gone.has(at))
}

/** After these, `+` takes more than the text that stands before it, or less. */
const before = new Set("- * / % ** ! ~ ++ -- . ?.".split(" "))
const after = [".", "?.", "(", "[", "*", "/", "%", "**"]
const words = new Set("typeof void delete await new".split(" "))

/** `"a" + "b"` is `"ab"`, and so with templates. */
const joined = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> => {
  const kept: Array<Token> = []
  tokens.forEach((token, at) => {
    const start = isMark(kept.at(-1), "+") ? startOf(kept, kept.length - 2) : undefined
    const end = start === undefined ? undefined : endOf(tokens, at)
    const last = kept.at(-2)
    if (start === undefined || end === undefined || last === undefined) kept.push(token)
    else if (bindsMore(kept, start) || isMark(tokens[end + 1], ...after)) kept.push(token)
    else if (last.kind === "string") {
      const text = valueOf(last) + valueOf(token)
      kept.splice(
        -2,
        2,
        token.kind === "string" ? { ...token, text: JSON.stringify(text) } : { ...token, text: `\`${text}\`` }
      )
    } else {
      const [part] = kept.slice(-3, -2)
      if (part === undefined) return
      const whole = { ...part, text: `${part.text.slice(0, -1)}${valueOf(token)}\`` }
      kept.splice(-3, 3, ...(token.kind === "string" ? [whole, last] : [whole]))
    }
  })
  return kept
}

const valueOf = ({ kind, text }: Token): string =>
  kind === "string" ? (JSON.parse(text) as string) : text.slice(1, -1) // strings were written by JSON

/** Where the text begins that ends here, if no tag reads it. */
const startOf = (tokens: ReadonlyArray<Token>, end: number): number | undefined => {
  if (tokens[end]?.kind === "string") return end
  if (tokens[end]?.kind !== "template") return undefined
  let depth = 0
  for (let at = end; at >= 0; at--) {
    const token = tokens[at]
    if (token?.kind !== "template") continue
    if (token.text === "`") depth++
    else if (token.text.startsWith("`") && --depth === 0) return token.isTagged === true ? undefined : at
  }
  return undefined
}

/** Where the text ends that begins here, if no tag reads it. */
const endOf = (tokens: ReadonlyArray<Token>, start: number): number | undefined => {
  const first = tokens[start]
  if (first?.kind === "string") return start
  if (first?.kind !== "template" || !first.text.startsWith("`") || first.text === "`" || first.isTagged === true)
    return undefined
  let depth = 0
  for (let at = start; at < tokens.length; at++) {
    const token = tokens[at]
    if (token?.kind !== "template") continue
    if (token.text === "`" && --depth === 0) return at
    if (token.text !== "`" && token.text.startsWith("`")) depth++
  }
  return undefined
}

/** Whether what stands before a text takes it before a `+` after it does. */
const bindsMore = (tokens: ReadonlyArray<Token>, at: number): boolean => {
  const first = tokens[at - 1]
  if (first?.kind === "word") return words.has(first.text)
  return (
    first?.kind === "punctuator" && (before.has(first.text) || (first.text === "+" && !endsOperand(tokens[at - 2])))
  )
}

const endsOperand = (token: Token | undefined): boolean =>
  token !== undefined && (token.kind !== "punctuator" || isClosing(token))
