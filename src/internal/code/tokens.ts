/**
 * JavaScript as tokens: enough to compare two texts of one function, not to check them. The text comes from
 * `Function.prototype.toString`, so it has been parsed already and is valid.
 */

/** A token. Strings and numbers are written by their value, so that `'a'` and `"a"`, `1_000` and `1e3` are equal. */
export interface Token {
  readonly kind: "word" | "number" | "string" | "template" | "regex" | "punctuator"
  readonly text: string
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

const isRegexPlace = (before: Token | undefined): boolean => {
  if (before === undefined) return true
  if (before.kind === "word") return beforeExpression.has(before.text)
  return before.kind === "punctuator" && before.text !== ")" && before.text !== "]"
}

/** The tokens of a text; comments and white space are left out. */
export const tokenize = (source: string): ReadonlyArray<Token> => {
  const tokens: Array<Token> = []
  /** For each open template, how many braces are open within its current `${`. */
  const templates: Array<number> = []
  let at = 0

  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const text = pattern.exec(source)?.[0]
    if (text !== undefined) at += text.length
    return text
  }
  /** A template's text up to its end or its next `${`. Escapes stay, because a tag may read them. */
  const takeTemplate = () => {
    const raw = take(/(?:\\[\s\S]|\$(?!\{)|[^\\`$])*/y) ?? ""
    const text = raw
      .replaceAll("\r\n", "\n")
      .replace(/\\(?:u([\da-fA-F]{4})|x([\da-fA-F]{2}))/g, (_, four: string | undefined, two: string) =>
        String.fromCharCode(Number.parseInt(four ?? two, 16))
      )
    tokens.push({ kind: "template", text: `\`${text}\`` })
    if (source[at] === "`") {
      at++
      tokens.push({ kind: "template", text: "`" })
    } else {
      at += 2
      templates.push(0)
    }
  }

  while (at < source.length) {
    if (take(/(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)+/y) !== undefined) continue
    const character = source[at] as string // within bounds
    const word = take(/[#@]?[\p{ID_Start}$_](?:[\p{ID_Continue}$\u200c\u200d])*/uy)
    if (word !== undefined) {
      tokens.push({ kind: "word", text: word })
      continue
    }
    const number = take(/(?:0[xXbBoO][\da-fA-F_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)n?/y)
    if (number !== undefined && number !== "") {
      const plain = number.replaceAll("_", "")
      tokens.push({ kind: "number", text: plain.endsWith("n") ? `${BigInt(plain.slice(0, -1))}n` : `${Number(plain)}` })
      continue
    }
    if (character === '"' || character === "'") {
      const raw = take(character === '"' ? /"(?:\\[\s\S]|[^\\"])*"/y : /'(?:\\[\s\S]|[^\\'])*'/y) ?? ""
      tokens.push({ kind: "string", text: JSON.stringify(cooked(raw.slice(1, -1))) })
      continue
    }
    if (character === "`") {
      at++
      takeTemplate()
      continue
    }
    const open = templates.at(-1)
    if (character === "}" && open === 0) {
      templates.pop()
      at++
      takeTemplate()
      continue
    }
    if (character === "/" && isRegexPlace(tokens.at(-1))) {
      const regex = take(/\/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\[])+\/[a-z]*/y)
      if (regex !== undefined) {
        tokens.push({ kind: "regex", text: regex })
        continue
      }
    }
    if (open !== undefined && character === "{") templates[templates.length - 1] = open + 1
    if (open !== undefined && character === "}") templates[templates.length - 1] = open - 1
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
