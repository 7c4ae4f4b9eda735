/** Splits source code into words to colour: comments, texts, numbers and keywords of common languages. */

/** A piece of code, and what it is. */
export interface Token {
  readonly text: string
  readonly kind: "plain" | "comment" | "string" | "number" | "keyword"
}

const keywords = new Set(
  (
    "abstract and as assert async await break case catch class const continue def default del delete do elif else enum " +
    "except export extends false finally fn for from func function global if implements import in interface is lambda let " +
    "match mod mut new nil nonlocal not null or package pass private protected public pub raise readonly return self " +
    "static struct super switch this throw true try type typeof undefined use var void where while with yield None True False " +
    "select insert update from group by order having join left right inner outer on create table values limit"
  ).split(" ")
)

/** Languages by the ending of a file, with how their comments begin. */
const comments: Readonly<Record<string, RegExp>> = {
  hash: /#[^\n]*/y,
  slash: /\/\/[^\n]*|\/\*(?:[^*]|\*(?!\/))*(?:\*\/)?/y,
  dash: /--[^\n]*/y,
  none: /(?!)/y
}

const languages: Readonly<Record<string, keyof typeof comments>> = {
  py: "hash",
  sh: "hash",
  rb: "hash",
  yaml: "hash",
  yml: "hash",
  toml: "hash",
  r: "hash",
  js: "slash",
  mjs: "slash",
  cjs: "slash",
  ts: "slash",
  tsx: "slash",
  jsx: "slash",
  java: "slash",
  c: "slash",
  h: "slash",
  cpp: "slash",
  go: "slash",
  rs: "slash",
  kt: "slash",
  swift: "slash",
  css: "slash",
  php: "slash",
  json: "none",
  sql: "dash",
  lua: "dash",
  xml: "none",
  html: "none"
}

const types: Readonly<Record<string, string>> = {
  "text/x-python": "py",
  "text/javascript": "js",
  "application/javascript": "js",
  "text/typescript": "ts",
  "application/sql": "sql",
  "text/x-sql": "sql",
  "text/css": "css",
  "text/html": "html",
  "text/xml": "xml",
  "application/xml": "xml",
  "application/yaml": "yaml",
  "text/yaml": "yaml",
  "text/x-sh": "sh"
}

/** How a text is shown, by its media type and the ending of its file. */
export const languageOf = (mediaType: string, extension = ""): string | undefined => {
  const type = mediaType.split(";")[0] ?? ""
  const ending = extension.replace(/^\./, "").toLowerCase()
  const language = types[type] ?? ending
  return Object.hasOwn(languages, language) ? language : undefined
}

const text = /"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|`(?:[^`\\]|\\[\s\S])*`?/y
const number = /\b\d[\w.]*/y
const word = /[A-Za-z_$][\w$]*/y

/** The tokens of a text. */
export const tokens = (source: string, language: string): ReadonlyArray<Token> => {
  const comment = comments[languages[language] ?? "none"] ?? /(?!)/y
  const all: Array<Token> = []
  let plainFrom = 0
  let at = 0
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(source)?.[0]
  }
  const push = (kind: Token["kind"], length: number) => {
    if (plainFrom < at) all.push({ kind: "plain", text: source.slice(plainFrom, at) })
    all.push({ kind, text: source.slice(at, at + length) })
    at += length
    plainFrom = at
  }
  while (at < source.length) {
    const commented = match(comment)
    if (commented !== undefined && commented !== "") {
      push("comment", commented.length)
      continue
    }
    const quoted = match(text)
    if (quoted !== undefined) {
      push("string", quoted.length)
      continue
    }
    const named = match(word)
    if (named !== undefined) {
      if (keywords.has(named)) push("keyword", named.length)
      else at += named.length
      continue
    }
    const counted = match(number)
    if (counted !== undefined) push("number", counted.length)
    else at++
  }
  if (plainFrom < at) all.push({ kind: "plain", text: source.slice(plainFrom, at) })
  return all
}
