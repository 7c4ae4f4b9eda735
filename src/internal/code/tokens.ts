/**
 * JavaScript as tokens: enough to compare two texts of one function, not to check them. The text comes from
 * `Function.prototype.toString`, so it has been parsed already and is valid.
 */

/**
 * A token. Strings and numbers are written by their value, so that `'a'` and `"a"`, `1_000` and `1e3` are equal. The name of
 * a property that is read, or of a method, is no word: it may be `of`, `for` or `delete`, and means nothing of the kind.
 */
export interface Token {
  readonly kind: "word" | "property" | "number" | "string" | "template" | "regex" | "punctuator"
  readonly text: string
  /** Whether a template is read by a tag, which sees its escapes. */
  readonly isTagged?: boolean
}

/** Longest first: the first that fits is taken. */
const punctuators = [
  ">>>=",
  ...["...", "===", "!==", "**=", "<<=", ">>=", ">>>", "&&=", "||=", "??="],
  ...["=>", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^="],
  ...["<<", ">>", "**"]
]

/** After these a slash starts a regular expression; after any other word it divides. */
const beforeExpression = new Set(
  "return typeof case in of delete void throw new instanceof do else yield await".split(" ")
)

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", v: "\v", 0: "\0" }

/** The value of what stands between a string's quotes. */
const cooked = (raw: string): string =>
  raw.replace(
    /\\(?:u\{([\da-fA-F]+)\}|u([\da-fA-F]{4})|x([\da-fA-F]{2})|(\r\n|[\s\S]))/g,
    (_, braced: string | undefined, four: string | undefined, two: string | undefined, other: string | undefined) => {
      const code = braced ?? four ?? two
      if (code !== undefined) return String.fromCodePoint(Number.parseInt(code, 16))
      if (other === undefined || other === "\n" || other === "\r\n") return ""
      return escapes[other] ?? other
    }
  )

/** A bracket after these is a statement's condition, so that what follows it begins an expression. */
export const beforeCondition = new Set("if while for with".split(" "))

/** Whether a token is one of these marks, and no string. */
export const isMark = (token: Token | undefined, ...texts: ReadonlyArray<string>): boolean =>
  token?.kind === "punctuator" && texts.includes(token.text)

export const isOpening = (token: Token | undefined): boolean =>
  token?.kind === "punctuator" && (token.text === "(" || token.text === "[" || token.text === "{")
export const isClosing = (token: Token | undefined): boolean =>
  token?.kind === "punctuator" && (token.text === ")" || token.text === "]" || token.text === "}")

/**
 * Which token closes another, by their places. A token may close one and open the next, as parts of a template do.
 *
 * @param opens Whether the token at a place opens a pair. Default: whether it is an opening bracket.
 * @param closes Whether a token closes one. Default: whether it is a closing bracket.
 */
export const partners = (
  tokens: ReadonlyArray<Token>,
  opens: (token: Token, at: number) => boolean = isOpening,
  closes: (token: Token) => boolean = isClosing
): ReadonlyMap<number, number> => {
  const partner = new Map<number, number>()
  const opened: Array<number> = []
  tokens.forEach((token, at) => {
    const open = closes(token) ? opened.pop() : undefined
    if (open !== undefined) partner.set(open, at)
    if (opens(token, at)) opened.push(at)
  })
  return partner
}

const isWord = (token: Token | undefined, words: ReadonlySet<string>): boolean =>
  token?.kind === "word" && words.has(token.text)

/** Whether the last token closes the bracket of an `if` or of a loop. */
const closesCondition = (tokens: ReadonlyArray<Token>): boolean => {
  let depth = 0
  for (let at = tokens.length - 1; at >= 0; at--) {
    if (isMark(tokens[at], ")")) depth++
    else if (isMark(tokens[at], "(") && --depth === 0) return isWord(tokens[at - 1], beforeCondition)
  }
  return false
}

/** Whether a slash after these tokens starts a regular expression. */
const isRegexPlace = (tokens: ReadonlyArray<Token>): boolean => {
  const before = tokens.at(-1)
  if (before === undefined) return true
  if (before.kind === "word") return isWord(before, beforeExpression)
  if (before.kind === "template") return before.text !== "`" // an expression follows the parts that end in `${`
  if (before.kind !== "punctuator") return false
  return before.text === ")" ? closesCondition(tokens) : !["]", "++", "--"].includes(before.text)
}

/** After these a template is an operand; after any other word it is read by a tag. */
const isTagged = (tokens: ReadonlyArray<Token>): boolean => {
  const before = tokens.at(-1)
  if (before?.kind === "word" || before?.kind === "property") return !isWord(before, beforeExpression)
  return isMark(before, ")", "]") ? !closesCondition(tokens) : before?.text === "`"
}

/** After these a line that ends is a statement that ends: what follows is not theirs. */
export const beforeLineEnd = new Set("return break continue".split(" "))

/** Brackets after these, with a block after them, are no parameters. */
const beforeBlock = new Set([...beforeCondition, "switch", "catch", "function"])

/** The tokens of a text; comments and white space are left out. */
export const tokenize = (source: string): ReadonlyArray<Token> => withMethodNames(tokensOf(source))

/** Names of methods, `delete(x) { … }`, as names of properties. */
const withMethodNames = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> => {
  const names = new Set<number>()
  for (const [open, close] of partners(tokens)) {
    const name = tokens[open - 1]
    const isMethod = name?.kind === "word" && !beforeBlock.has(name.text)
    if (isMethod && !isFunctionWord(tokens, open - 2) && isMark(tokens[open], "(") && isMark(tokens[close + 1], "{"))
      names.add(open - 1)
  }
  return tokens.map((token, at) => (names.has(at) ? { ...token, kind: "property" } : token))
}

/** Whether this is the word `function`, or the star after it. */
const isFunctionWord = (tokens: ReadonlyArray<Token>, at: number): boolean => {
  const word = isMark(tokens[at], "*") ? tokens[at - 1] : tokens[at]
  return word?.kind === "word" && word.text === "function"
}

const tokensOf = (source: string): ReadonlyArray<Token> => {
  const tokens: Array<Token> = []
  /** For each open template, how many braces are open within its current `${`, and whether a tag reads it. */
  const templates: Array<{ braces: number; readonly isTagged: boolean }> = []
  let at = 0

  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const text = pattern.exec(source)?.[0]
    if (text !== undefined) at += text.length
    return text
  }
  /** A template's text up to its end or its next `${`. A tag may read the escapes. */
  const takeTemplate = (isTagged: boolean, quote: "`" | "}") => {
    const raw = (take(/(?:\\[\s\S]|\$(?!\{)|[^\\`$])*/y) ?? "").replaceAll("\r\n", "\n")
    tokens.push({ kind: "template", text: `${quote}${isTagged ? raw : cooked(raw)}\``, isTagged })
    if (source[at] === "`") {
      at++
      tokens.push({ kind: "template", text: "`" })
    } else {
      at += 2
      templates.push({ braces: 0, isTagged })
    }
  }

  while (at < source.length) {
    const space = take(/(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)+/y)
    if (space !== undefined) {
      const isEnd = space.includes("\n") && source[at] !== ";" && isWord(tokens.at(-1), beforeLineEnd)
      if (isEnd) tokens.push({ kind: "punctuator", text: ";" })
      continue
    }
    const character = source[at] as string // within bounds
    const word = take(
      /[#@]?(?:[\p{ID_Start}$_]|\\u[\da-fA-F]{4}|\\u\{[\da-fA-F]+\})(?:[\p{ID_Continue}$\u200c\u200d]|\\u[\da-fA-F]{4}|\\u\{[\da-fA-F]+\})*/uy
    )
    if (word !== undefined) {
      tokens.push({ kind: isMark(tokens.at(-1), ".", "?.") ? "property" : "word", text: cooked(word) })
      continue
    }
    const number = take(/(?:0[xXbBoO][\da-fA-F_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)n?/y)
    if (number !== undefined && number !== "") {
      const plain = number.replaceAll("_", "")
      tokens.push({ kind: "number", text: plain.endsWith("n") ? `${BigInt(plain.slice(0, -1))}n` : `${Number(plain)}` })
      continue
    }
    if (character === '"' || character === "'") {
      // A quote without a second one is read as a character, so that no text is read without end.
      const raw =
        take(character === '"' ? /"(?:\\[\s\S]|[^\\"])*"/y : /'(?:\\[\s\S]|[^\\'])*'/y) ?? source.slice(at++, at)
      tokens.push({ kind: "string", text: JSON.stringify(cooked(raw.slice(1, -1))) })
      continue
    }
    if (character === "`") {
      at++
      takeTemplate(isTagged(tokens), "`")
      continue
    }
    const open = templates.at(-1)
    if (character === "}" && open?.braces === 0) {
      templates.pop()
      at++
      takeTemplate(open.isTagged, "}")
      continue
    }
    if (character === "/" && isRegexPlace(tokens)) {
      const regex = take(/\/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\[])+\/[a-z]*/y)
      if (regex !== undefined) {
        tokens.push({ kind: "regex", text: regex })
        continue
      }
    }
    if (open !== undefined && character === "{") open.braces++
    if (open !== undefined && character === "}") open.braces--
    const long = punctuators.find(
      // "a?.5:b" is a condition.
      (text) => source.startsWith(text, at) && !(text === "?." && /\d/.test(source[at + 2] ?? ""))
    )
    const text = long ?? character
    at += text.length
    tokens.push({ kind: "punctuator", text })
  }
  return tokens
}
