/**
 * Parentheses that change nothing: some loaders print a function anew and leave them out, others keep what was written.
 * A pair is removed where what it holds binds more tightly than what stands beside it.
 */
import { beforeCondition, isClosing, isMark, partners, type Token } from "./tokens.ts"

/** How tightly operators bind, by the table of operator precedence in ECMA-262. */
const binary: Readonly<Record<string, number>> = Object.assign(Object.create(null), {
  ",": 0,
  ...Object.fromEntries(
    "= += -= *= /= %= **= <<= >>= >>>= &= |= ^= &&= ||= ??= =>".split(" ").map((text) => [text, 1])
  ),
  "?": 2,
  ":": 2,
  "??": 3,
  "||": 4,
  "&&": 5,
  "|": 6,
  "^": 7,
  "&": 8,
  ...Object.fromEntries("== != === !==".split(" ").map((text) => [text, 9])),
  ...Object.fromEntries("< > <= >= in instanceof".split(" ").map((text) => [text, 10])),
  ...Object.fromEntries("<< >> >>>".split(" ").map((text) => [text, 11])),
  "+": 12,
  "-": 12,
  "*": 13,
  "/": 13,
  "%": 13,
  "**": 14
})
const unaryLevel = 15
const memberLevel = 17
const primaryLevel = 18

const unaryWords = new Set("typeof void delete await".split(" "))
const unaryMarks = new Set("! ~ + - ++ --".split(" "))
/** Words after which an expression of any kind stands. */
const leadingWords = new Set("return throw case do else default".split(" "))

const isOperand = (token: Token | undefined): boolean =>
  token !== undefined &&
  (token.kind === "punctuator"
    ? isClosing(token)
    : token.kind !== "word" || !(token.text in binary || unaryWords.has(token.text) || isLeading(token.text)))

const isLeading = (word: string) =>
  leadingWords.has(word) || word === "yield" || word === "of" || word === "new" || word === "extends"

/** The tokens without such pairs. */
export const withoutRedundant = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> => {
  const partner = partners(tokens)
  /** Brackets of an `if` or a loop: a statement follows. */
  const conditions = new Set<number>()
  for (const [open, close] of partner)
    if (tokens[open - 1]?.kind === "word" && beforeCondition.has(tokens[open - 1]?.text ?? "")) conditions.add(close)
  const gone = new Set<number>()
  const beside = (index: number, step: 1 | -1): number => {
    let at = index + step
    while (gone.has(at)) at += step
    return at
  }

  /** How loosely the loosest operator between two places binds. */
  const levelBetween = (from: number, to: number): number => {
    let level = primaryLevel
    let previous: Token | undefined
    for (let at = from; at < to; at++) {
      if (gone.has(at)) continue
      const token = tokens[at] as Token // within bounds
      const operand = isOperand(previous)
      if (token.kind === "word" && (token.text === "yield" || token.text === "async")) level = Math.min(level, 1)
      else if (token.kind === "word" && unaryWords.has(token.text)) level = Math.min(level, unaryLevel)
      else if (token.kind === "punctuator" && unaryMarks.has(token.text) && (!operand || token.text.length === 2))
        level = Math.min(level, unaryLevel)
      else if ((token.kind === "punctuator" || token.kind === "word") && token.text in binary)
        level = Math.min(level, binary[token.text] ?? 0)
      else if (token.kind === "punctuator" && /^(\.|\?\.|\(|\[)$/.test(token.text) && previous !== undefined)
        level = Math.min(level, memberLevel)
      else if (token.kind === "word" && token.text === "new") level = Math.min(level, memberLevel)
      const end = token.kind === "punctuator" ? partner.get(at) : undefined
      if (end !== undefined) at = end
      previous = tokens[at]
    }
    return level
  }

  /** How tightly what stands before a pair demands that its content binds; nothing where the pair is no grouping. */
  const demandBefore = (open: number): number | undefined => {
    const at = beside(open, -1)
    const before = tokens[at]
    if (before === undefined) return 0
    if (before.kind === "word") {
      if (leadingWords.has(before.text)) return 0
      if (unaryWords.has(before.text)) return unaryLevel
      if (before.text === "yield" || before.text === "of") return 1
      return before.text in binary ? (binary[before.text] ?? 0) + 1 : undefined
    }
    if (before.kind === "template" && before.text !== "`") return 0
    if (before.kind !== "punctuator") return undefined
    const { text } = before
    if (conditions.has(at)) return 0
    if (/^[)\]}]$|^\?\.$|^\.$/.test(text)) return undefined
    const earlier = tokens[beside(at, -1)]
    if (text === "*" && earlier?.kind === "word" && earlier.text === "function") return undefined
    if (text === "*" && earlier?.kind === "word" && earlier.text === "yield") return 1
    if (text === ";" || text === "{") return 0
    if (/^[([,:?]$|^\.\.\.$/.test(text)) return 1
    if (unaryMarks.has(text) && !isOperand(earlier)) return unaryLevel
    const level = binary[text]
    if (level === undefined) return unaryLevel
    return level === 1 || text === "**" ? level : level + 1
  }

  /** The same for what stands after it. */
  const demandAfter = (close: number): number => {
    const after = tokens[beside(close, 1)]
    if (after === undefined) return 0
    if (after.kind === "template") return after.text.startsWith("}") ? 0 : memberLevel
    if (after.kind === "word") return after.text in binary ? (binary[after.text] ?? 0) : 0
    if (after.kind !== "punctuator") return 0
    if (/^(\.|\?\.|\(|\[|\+\+|--)$/.test(after.text)) return memberLevel
    if (after.text === "?") return 3
    if (after.text === "**") return unaryLevel + 1
    if (/^[,:]$/.test(after.text)) return 1
    const level = binary[after.text]
    return level === undefined ? 0 : level === 1 ? memberLevel : level
  }

  const pairs = [...partner].filter(([open]) => tokens[open]?.text === "(").sort(([a], [b]) => b - a)
  for (const [open, close] of pairs) {
    const first = beside(open, 1)
    const after = tokens[beside(close, 1)]
    if (first === close || after?.text === "=>") continue
    if (isMark(after, "(") && isConstructor(tokens, beside(open, -1), first, close)) gone.add(open).add(close)
    const before = demandBefore(open)
    if (before === undefined) continue
    const level = levelBetween(first, close)
    const demanded = Math.max(before, demandAfter(close))
    if (level < demanded) continue
    // "{", "function" and "class" would start something else; "?.", "new" and a mix with "??" are what pairs are for.
    const left = tokens[beside(open, -1)]
    const content = tokens.slice(first, close)
    /** What is in no other bracket. */
    const own: Array<Token> = []
    for (let at = first; at < close; at = (partner.get(at) ?? at) + 1) own.push(tokens[at] as Token) // within bounds
    const isBody = isMark(left, "=>") && content[0]?.kind === "word"
    if (/^(\{|function|class|let)$/.test(content[0]?.text ?? "") && !isBody && !isOperator(left)) continue
    const constructed = content[0]?.text === "new" && tokens[beside(close, -1)]?.text === ")"
    if (demanded >= memberLevel && own.some(({ text }) => text === "?." || (text === "new" && !constructed))) continue
    if (demanded >= 3 && demanded <= 6 && content.some(({ text }) => /^(\?\?|\|\||&&)$/.test(text)) && level <= 5) {
      const neighbours = [left?.text, after?.text]
      if ((level === 3) !== neighbours.includes("??")) continue
    }
    gone.add(open).add(close)
  }
  return tokens.filter((_, index) => !gone.has(index))
}

/** Whether these brackets hold a name, or a property's, of what is made: `new (a.b)()`. */
const isConstructor = (tokens: ReadonlyArray<Token>, before: number, first: number, close: number): boolean =>
  tokens[before]?.kind === "word" &&
  tokens[before].text === "new" &&
  tokens[first]?.kind === "word" &&
  tokens.slice(first + 1, close).every((token) => isMark(token, ".") || token.kind === "property")

/** Whether what follows is the right side of something, where an object or a function can't be a statement. */
const isOperator = (token: Token | undefined): boolean =>
  token !== undefined &&
  (token.kind === "punctuator"
    ? token.text !== "=>" && (token.text in binary || /^[([]$/.test(token.text))
    : token.kind === "word" &&
      (token.text in binary || /^(return|throw|case|yield|await|typeof|void)$/.test(token.text)))
