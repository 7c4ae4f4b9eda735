/**
 * One text for all the texts that loaders make of one function. Node strips types and keeps the rest; tsx and esbuild print
 * the function anew, with other quotes, semicolons and parentheses, and wrap functions to keep their names; the TypeScript
 * compiler keeps comments and adds semicolons; vitest reads imports from an object. Formatting and comments go as well.
 */
import { withPlainLiterals } from "./literals.ts"
import { withoutRedundant } from "./parentheses.ts"
import { withDeclaredNames } from "./scopes.ts"
import { beforeLineEnd, isClosing, isMark, isOpening, type Token, tokenize } from "./tokens.ts"

/** The canonical text of a function's source. */
export const canonicalCode = (source: string): string =>
  withoutSeparators(
    withDeclaredNames(
      withPlainLiterals(
        withoutRedundant(
          withArrowParentheses(
            withDeclarations(
              withoutImportObjects(
                withUndefined(withRegexLiterals(withoutImportInterop(withoutNameHelpers(tokenize(source)))))
              )
            )
          )
        )
      )
    )
  )
    .map(({ text }) => text)
    .join(" ")

const is = (token: Token | undefined, text: string): boolean => token?.text === text && token.kind !== "string"

/** The place of the bracket that closes the one at `open`. */
const closing = (tokens: ReadonlyArray<Token>, open: number): number => {
  let depth = 0
  for (let at = open; at < tokens.length; at++) {
    if (isOpening(tokens[at])) depth++
    if (isClosing(tokens[at]) && --depth === 0) return at
  }
  return tokens.length
}

/** Whether a statement ends here: the last one of a block needs no semicolon. */
const isEnd = (token: Token | undefined): boolean => token === undefined || is(token, ";") || is(token, "}")

/**
 * esbuild's `keepNames`: `__name(f, "f")` is `f`, `static { __name(this, "C"); }` and a statement `__name(f, "f");` are
 * nothing.
 */
const withoutNameHelpers = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> => {
  const kept: Array<Token> = []
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] as Token // within bounds
    if (token.kind !== "word" || !/^__name\d*$/.test(token.text) || !is(tokens[at + 1], "(")) {
      kept.push(token)
      continue
    }
    const close = closing(tokens, at + 1)
    const argument = tokens.slice(at + 2, close - 2) // without the comma and the name
    const before = kept.at(-1)
    const single = argument.length === 1 && argument[0]?.kind === "word"
    if (single && is(argument[0], "this") && is(before, "{") && is(kept.at(-2), "static")) {
      kept.splice(-2)
      at = is(tokens[close + 1], ";") ? close + 2 : close + 1
    } else if (single && (isEnd(before) || is(before, "{")) && isEnd(tokens[close + 1])) {
      at = is(tokens[close + 1], ";") ? close + 1 : close
    } else {
      kept.push(...withoutNameHelpers(argument))
      at = close
    }
  }
  return kept
}

/** tsx looks in what `import()` gives for a module's CommonJS exports: `import(x).then((s) => … "__esModule" …)` is `import(x)`. */
const withoutImportInterop = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> => {
  const kept: Array<Token> = []
  for (let at = 0; at < tokens.length; at++) {
    kept.push(tokens[at] as Token) // within bounds
    if (!is(tokens[at], "import") || !is(tokens[at + 1], "(")) continue
    const close = closing(tokens, at + 1)
    if (!is(tokens[close + 1], ".") || !is(tokens[close + 2], "then") || !is(tokens[close + 3], "(")) continue
    const end = closing(tokens, close + 3)
    if (!tokens.slice(close, end).some(({ kind, text }) => kind === "string" && text === '"__esModule"')) continue
    kept.push(...tokens.slice(at + 1, close + 1))
    at = end
  }
  return kept
}

/** esbuild makes `new RegExp("\\p{L}", "u")` of `/\p{L}/u`, and so of other regular expressions that some targets lack. */
const withRegexLiterals = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> => {
  const kept: Array<Token> = []
  for (let at = 0; at < tokens.length; at++) {
    const isMade = is(tokens[at], "new") && is(tokens[at + 1], "RegExp") && is(tokens[at + 2], "(")
    const [pattern, comma, flags, close] = tokens.slice(at + 3, at + 7)
    if (isMade && pattern?.kind === "string" && is(comma, ",") && flags?.kind === "string" && is(close, ")")) {
      kept.push({ kind: "regex", text: `/${JSON.parse(pattern.text)}/${JSON.parse(flags.text)}` })
      at += 6
    } else kept.push(tokens[at] as Token) // within bounds
  }
  return kept
}

/** `void 0` is `undefined`. */
const withUndefined = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> =>
  tokens.flatMap((token, at): ReadonlyArray<Token> => {
    if (is(token, "void") && tokens[at + 1]?.kind === "number" && is(tokens[at + 1], "0"))
      return [{ kind: "word", text: "undefined" }]
    return token.kind === "number" && is(tokens[at - 1], "void") && token.text === "0" ? [] : [token]
  })

/** `(0, __vi_import_3__.f)(x)` and `import_effect.f(x)` are `f(x)`: the object's name depends on the module's other imports. */
const withoutImportObjects = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> => {
  const isObject = (token: Token | undefined) =>
    token?.kind === "word" && /^(__vi_import_\d+__|__vite_ssr_import_\d+__|import_\w+)$/.test(token.text)
  const kept: Array<Token> = []
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] as Token // within bounds
    if (
      is(token, "(") &&
      is(tokens[at + 1], "0") &&
      is(tokens[at + 2], ",") &&
      isObject(tokens[at + 3]) &&
      is(tokens[at + 6], ")")
    ) {
      kept.push({ kind: "word", text: tokens[at + 5]?.text ?? "" }) // before the bracket that was just seen
      at += 6
    } else if (isObject(token) && is(tokens[at + 1], ".")) {
      kept.push({ kind: "word", text: tokens[at + 2]?.text ?? "" }) // a name follows a dot
      at += 2
    } else kept.push(token)
  }
  return kept
}

/** esbuild makes `let f2 = function () {…}; var f = f2;` of a function that is declared in a block, or only the first. */
const withDeclarations = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> => {
  const kept: Array<Token> = []
  const declared = new Set<string>()
  for (let at = 0; at < tokens.length; at++) {
    const start = is(tokens[at + 3], "async") ? at + 4 : at + 3
    const end = is(tokens[start + 1], "*") ? start + 2 : start + 1
    const [name] = tokens.slice(at + 1, at + 2)
    const isFunction = is(tokens[at + 2], "=") && is(tokens[start], "function") && is(tokens[end], "(")
    const other = tokens[at + 3]?.text ?? ""
    const isSame = declared.has(other) && name !== undefined && other.startsWith(name.text)
    if (is(tokens[at], "var") && is(tokens[at + 2], "=") && isSame) at += 3
    else if (!is(tokens[at], "let") || name === undefined || !isFunction)
      kept.push(tokens[at] as Token) // within bounds
    else {
      kept.push(...tokens.slice(at + 3, end), name)
      declared.add(name.text)
      at = end - 1
    }
  }
  return kept
}

const bracket = (text: string): Token => ({ kind: "punctuator", text })

/** `x => …` is `(x) => …`. */
const withArrowParentheses = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> =>
  tokens.flatMap((token, at) =>
    token.kind === "word" && is(tokens[at + 1], "=>") ? [bracket("("), token, bracket(")")] : [token]
  )

/**
 * Leaves out commas before a closing bracket, and semicolons where a line's end says the same: not in the brackets of a
 * `for`, nor where the next statement could be read as more of this one.
 */
const withoutSeparators = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> => {
  const openers: Array<Token | undefined> = [] // what stands before each open bracket
  let closed: Token | undefined // and before the one that was just closed
  return tokens.filter((token, at) => {
    if (token.kind !== "punctuator") return true
    const isHeader = is(openers.at(-1), "for")
    if (isOpening(token)) openers.push(is(token, "(") ? tokens[at - 1] : undefined)
    else if (isClosing(token)) closed = openers.pop()
    // A comma after another one, or after the bracket, is a place in a list.
    if (token.text === ",") return !isClosing(tokens[at + 1]) || isMark(tokens[at - 1], "[", ",")
    return token.text !== ";" || isHeader || separates(tokens, at, closed)
  })
}

/** Whether the text would mean something else without a semicolon. */
const separates = (tokens: ReadonlyArray<Token>, at: number, closed: Token | undefined): boolean => {
  const before = tokens[at - 1]
  const after = tokens[at + 1]
  if (before?.kind === "word" && beforeLineEnd.has(before.text)) return !isEnd(after)
  if (isEnd(before) || is(before, "{")) return false
  const isWhole = is(before, ")") && closed?.kind === "word" && (closed.text === "if" || closed.text === "for")
  return isWhole || is(before, "else") || isMark(after, "(", "[", "+", "-") || after?.kind === "template"
}
