/**
 * Names of a function's own variables, told apart by where they are declared: esbuild, and so tsx, gives a variable that
 * has another one's name, in an outer block or in the module, a number (`auc2`). A variable is written as its name without
 * digits at its end, and its place among all declarations, so that `auc1` and `auc2` are still two.
 */
import { isClosing, isMark, isOpening, partners, type Token } from "./tokens.ts"

/** A part of the text, in which names are declared. */
interface Region {
  readonly start: number
  readonly end: number
  readonly isFunction: boolean
  /** The place of each name's declaration. */
  readonly names: Map<string, number>
}

/** Their brackets hold no parameters. */
const conditions = new Set("if for while switch with".split(" "))
/** Words that begin or continue an expression or a statement, so that another word may follow them. */
const leading = new Set(
  "typeof void delete await yield new return throw case else do in of instanceof async function class extends default get set static".split(
    " "
  )
)
/** Statements of one word: in `case 1: { break }` it is no property. */
const statements = new Set("break continue debugger return".split(" "))
const beforeObject = new Set("const let var return throw yield await typeof void case in of default".split(" "))

/** The text with the variables of the function written so, and each `{ x }` as `{ x: x }`. */
export const withDeclaredNames = (source: ReadonlyArray<Token>): ReadonlyArray<Token> => {
  const tokens = withoutShorthand(source)
  const partner = partners(
    tokens,
    (token, at) => isOpening(token) || opensPart(tokens, at),
    (token) => isClosing(token) || isContinued(token)
  )
  const regions: Array<Region> = []
  const open = (start: number, end: number, isFunction: boolean) =>
    regions.push({ start, end, isFunction, names: new Map() })
  const whole: Region = { start: -1, end: tokens.length, isFunction: true, names: new Map() }
  regions.push(whole)
  const bodies = new Set<number>()
  const classBodies = new Set<number>()
  const closesCondition = new Set<number>()

  /** Where the block is that follows. */
  const blockAfter = (start: number): number => {
    let at = start
    while (at < tokens.length && !isMark(tokens[at], "{")) at = (partner.get(at) ?? at) + 1
    return at
  }

  tokens.forEach((token, at) => {
    if (token.kind === "word" && token.text === "class") classBodies.add(blockAfter(at))
    const close = partner.get(at)
    if (!isMark(token, "(") || close === undefined) return
    const before = tokens[at - 1]
    const after = close + 1
    if (before?.kind === "word" && conditions.has(before.text)) closesCondition.add(close)
    else if (isMark(tokens[after], "{") && !classBodies.has(after)) bodies.add(after)
  })
  /** Where the expression or the statement that begins here ends. */
  const endOf = (start: number): number => {
    let choices = 0
    for (let at = start; at < tokens.length; at++) {
      const token = tokens[at] as Token // within bounds
      if (isMark(token, "?")) choices++
      if (isMark(token, ":") && choices-- === 0) return at - 1
      if (isMark(token, ",", ";", ")", "]", "}") || isContinued(token)) return at - 1
      const follows = at > start && endsOperand(tokens, at - 1) && !closesCondition.has(at - 1)
      if (follows && beginsOperand(token) && !bodies.has(at) && !classBodies.has(at)) return at - 1
      for (let end = partner.get(at); end !== undefined; end = partner.get(at)) at = end
    }
    return tokens.length - 1
  }
  tokens.forEach((token, at) => {
    const close = partner.get(at)
    if (close === undefined) return
    const after = close + 1
    if (isMark(token, "{")) open(at, close, false)
    if (!isMark(token, "(")) return
    if (isMark(tokens[after], "=>")) {
      open(at, isMark(tokens[after + 1], "{") ? (partner.get(after + 1) ?? after) : endOf(after + 1), true)
    } else if (bodies.has(after)) open(at, partner.get(after) ?? after, true)
    else if (tokens[at - 1]?.kind === "word" && tokens[at - 1]?.text === "for")
      open(at, isMark(tokens[after], "{") ? (partner.get(after) ?? after) : endOf(after), false)
  })
  regions.sort((a, b) => a.start - b.start)
  const outer = regionsAt(regions)
  const around = (at: number, fits: (region: Region) => boolean): Region =>
    outer(at).findLast((region) => region.start < at && fits(region)) ?? whole
  const declare = (region: Region, at: number) => {
    const name = (tokens[at] as Token).text // a caller has seen it
    if (!region.names.has(name)) region.names.set(name, at)
  }

  /** Declares the names of a list of patterns, and says where the list ends. */
  const patterns = (region: Region, start: number, end: number): void => {
    let at = start
    while (at < end) {
      if (isMark(tokens[at], "...")) at++
      // A property's name, `a:`, `"a":` or `[a]:`, is none of the pattern's.
      const named = isMark(tokens[at], "[") ? (partner.get(at) ?? at) + 1 : at + 1
      if (isMark(tokens[named], ":")) at = named + 1
      const close = partner.get(at)
      if (close !== undefined) {
        patterns(region, at + 1, close)
        at = close + 1
      } else if (tokens[at]?.kind === "word") declare(region, at++)
      if (isMark(tokens[at], "=")) at = endOf(at + 1) + 1
      if (!isMark(tokens[at], ",")) return
      at++
    }
  }

  /** Of functions and classes that are expressions: their names are known in them only. */
  const own: Array<Region> = []
  for (const region of regions) {
    const close = partner.get(region.start)
    if (region.isFunction && close !== undefined) patterns(region, region.start + 1, close)
  }
  tokens.forEach((token, at) => {
    if (token.kind !== "word" || isMark(tokens[at + 1], ":")) return
    if (token.text === "const" || token.text === "let" || token.text === "var") {
      patterns(
        around(at, ({ isFunction }) => token.text !== "var" || isFunction),
        at + 1,
        tokens.length
      )
    } else if (token.text === "function" || token.text === "class") {
      const name = isMark(tokens[at + 1], "*") ? at + 2 : at + 1
      const first = tokens[at - 1]?.text === "async" ? at - 1 : at
      const isStatement = isMark(tokens[first - 1], "{", "}", ";") || endsOperand(tokens, first - 1)
      if (tokens[name]?.kind !== "word" || tokens[name].text === "extends") return
      if (isStatement)
        declare(
          around(at, () => true),
          name
        )
      else {
        const block = blockAfter(name + 1)
        const names = new Map([[tokens[name].text, name]])
        own.push({ start: at, end: partner.get(block) ?? block, isFunction: false, names })
      }
    }
  })
  regions.push(...own)
  regions.sort((a, b) => a.start - b.start)

  const places = regions.flatMap(({ names }) => [...names.values()]).sort((a, b) => a - b)
  const numbers = new Map(places.map((place, index) => [place, index]))
  const known = regionsAt(regions)
  return tokens.map((token, at) => {
    if (token.kind !== "word") return token
    if (isMark(tokens[at + 1], ":") && isMark(tokens[at - 1], "{", ",")) return token
    const place = known(at)
      .findLast(({ names }) => names.has(token.text))
      ?.names.get(token.text)
    if (place === undefined) return token
    return { kind: "word", text: `${token.text.replace(/\d+$/, "")}#${numbers.get(place)}` }
  })
}

/** The regions that a place is in, the outer ones first. Places are asked for in their order. */
const regionsAt = (regions: ReadonlyArray<Region>): ((at: number) => ReadonlyArray<Region>) => {
  let next = 0
  let open: Array<Region> = []
  return (at) => {
    for (let region = regions[next]; region !== undefined && region.start <= at; region = regions[++next])
      open.push(region)
    if (open.some(({ end }) => end < at)) open = open.filter(({ end }) => at <= end)
    return open
  }
}

/** `{ x }` and `{ x = 1 }` with what they stand for. */
const withoutShorthand = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> => {
  const areObjects: Array<boolean> = []
  return tokens.flatMap((token, at) => {
    if (isOpening(token)) areObjects.push(token.text === "{" && isObject(tokens[at - 1]))
    if (isClosing(token)) areObjects.pop()
    const isShort =
      token.kind === "word" &&
      areObjects.at(-1) === true &&
      !statements.has(token.text) &&
      isMark(tokens[at - 1], "{", ",") &&
      isMark(tokens[at + 1], ",", "}", "=")
    return isShort ? [token, { kind: "punctuator", text: ":" }, token] : [token]
  })
}

/** Whether a brace after this token opens an object or a pattern, and no block. */
const isObject = (before: Token | undefined): boolean =>
  before?.kind === "word"
    ? beforeObject.has(before.text)
    : before?.kind === "punctuator" && !isMark(before, ")", "=>", "{", "}", ";", "]")

/** Whether a template goes on after an expression in it. */
const isContinued = (token: Token | undefined): boolean => token?.kind === "template" && token.text.startsWith("}")

/** Whether an expression follows a template's part. */
const opensPart = (tokens: ReadonlyArray<Token>, at: number): boolean => {
  const token = tokens[at]
  return token?.kind === "template" && token.text !== "`" && tokens[at + 1]?.text !== "`"
}

const endsOperand = (tokens: ReadonlyArray<Token>, at: number): boolean => {
  const token = tokens[at]
  if (token === undefined) return false
  if (token.kind === "word") return !leading.has(token.text)
  if (token.kind === "template") return token.text === "`"
  return token.kind !== "punctuator" || isClosing(token)
}

const beginsOperand = (token: Token): boolean =>
  token.kind === "word"
    ? token.text !== "in" && token.text !== "of" && token.text !== "instanceof"
    : token.kind === "number" || token.kind === "string" || isMark(token, "{")
