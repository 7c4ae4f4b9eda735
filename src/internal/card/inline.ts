/**
 * Markdown within a block: emphasis, code, links, escapes and line breaks. One pass over the text: matches are skipped,
 * and a search without a match is not repeated, so the time is linear in the length of any text.
 */
import { element, type Node } from "./tree.ts"

/** Emphasis nested beyond this depth is shown as plain text. */
const depthLimit = 12

/** Parses a text into elements. */
export const inline = (text: string): ReadonlyArray<Node> => parse(text, 0)

const parse = (text: string, depth: number): ReadonlyArray<Node> => {
  if (depth >= depthLimit) return [text]
  const nodes: Array<Node> = []
  const spans = makeSpans(text)
  let plainFrom = 0
  for (let at = 0; at < text.length; ) {
    const span = spanAt(text, at, spans, depth)
    if (span === undefined) at++
    else {
      if (at > plainFrom) nodes.push(text.slice(plainFrom, at))
      nodes.push(span.node)
      at = span.end
      plainFrom = at
    }
  }
  if (plainFrom < text.length) nodes.push(text.slice(plainFrom))
  return nodes
}

/** An element, and the position after it in the text. */
interface Span {
  readonly node: Node
  readonly end: number
}

const spanAt = (text: string, at: number, spans: Spans, depth: number): Span | undefined => {
  switch (text[at]) {
    case "\\":
      return escapable.test(text[at + 1] ?? "") ? { node: text[at + 1] as string, end: at + 2 } : undefined // tested
    case "`":
      return code(text, at, spans)
    case "!":
      return text[at + 1] === "[" ? link(text, at + 1, depth) : undefined
    case "[":
      return link(text, at, depth)
    case "*":
    case "_":
      return emphasis(text, at, spans, depth)
    case "~":
      return text[at + 1] === "~" ? delimited(text, at, "~~", "del", spans, depth) : undefined
    case "h":
      return address(text, at)
    case " ":
      return lineBreak(text, at)
    default:
      return undefined
  }
}

const escapable = /[\\`*_{}[\]()#+\-.!|<>~]/
const word = /\w/
const space = /\s/

/** Finds the ends of code and emphasis in a text. */
interface Spans {
  /** The position of the next run of exactly this many backticks. */
  readonly backticks: (from: number, count: number) => number | undefined
  /** The next position at which a mark can end emphasis. */
  readonly mark: (from: number, mark: string) => number | undefined
}

const makeSpans = (text: string): Spans => {
  let lastRuns: Map<number, number> | undefined
  const exhausted = new Set<string>()
  return {
    backticks: (from, count) => {
      lastRuns ??= lastBacktickRuns(text)
      if ((lastRuns.get(count) ?? -1) < from) return undefined
      for (let at = text.indexOf("`", from); at >= 0; ) {
        const end = runEnd(text, at)
        if (end - at === count) return at
        at = text.indexOf("`", end)
      }
      return undefined
    },
    mark: (from, mark) => {
      if (exhausted.has(mark)) return undefined
      for (let at = text.indexOf(mark, from); at >= 0; at = text.indexOf(mark, at + 1)) {
        const before = text[at - 1] ?? " "
        const isInWord = mark[0] === "_" && word.test(text[at + mark.length] ?? "")
        if (!space.test(before) && before !== "\\" && !isInWord) return at
      }
      exhausted.add(mark)
      return undefined
    }
  }
}

/** The position of the last run of backticks of each length. */
const lastBacktickRuns = (text: string): Map<number, number> => {
  const positions = new Map<number, number>()
  for (let at = text.indexOf("`"); at >= 0; ) {
    const end = runEnd(text, at)
    positions.set(end - at, at)
    at = text.indexOf("`", end)
  }
  return positions
}

const runEnd = (text: string, from: number): number => {
  let end = from
  while (text[end] === "`") end++
  return end
}

const code = (text: string, at: number, spans: Spans): Span => {
  const start = runEnd(text, at)
  const count = start - at
  const close = spans.backticks(start, count)
  // Without a closing run, the backticks are plain text.
  if (close === undefined) return { node: text.slice(at, start), end: start }
  return { node: element("code", {}, [text.slice(start, close).trim()]), end: close + count }
}

const emphasis = (text: string, at: number, spans: Spans, depth: number): Span | undefined => {
  const mark = text[at] as string // the caller checked it
  // `snake_case_names` are not emphasis.
  if (mark === "_" && word.test(text[at - 1] ?? "")) return undefined
  const strong = text[at + 1] === mark ? delimited(text, at, mark + mark, "strong", spans, depth) : undefined
  return strong ?? delimited(text, at, mark, "em", spans, depth)
}

const delimited = (
  text: string,
  at: number,
  mark: string,
  tag: "strong" | "em" | "del",
  spans: Spans,
  depth: number
): Span | undefined => {
  const start = at + mark.length
  if (space.test(text[start] ?? " ")) return undefined
  const close = spans.mark(start + 1, mark)
  if (close === undefined) return undefined
  return { node: element(tag, {}, parse(text.slice(start, close), depth + 1)), end: close + mark.length }
}

/** `[label](target "title")`. An image becomes a link: loading it would tell its host that the card was opened. */
const link = (text: string, at: number, depth: number): Span | undefined => {
  const labelEnd = endOfLabel(text, at + 1)
  if (labelEnd === undefined || text[labelEnd + 1] !== "(") return undefined
  let from = skipSpaces(text, labelEnd + 2)
  if (text[from] === "<") from++
  const targetEnd = endOfTarget(text, from)
  let end = text[targetEnd] === ">" ? targetEnd + 1 : targetEnd
  const title = skipSpaces(text, end)
  if (title > end && text[title] === '"') {
    const close = text.indexOf('"', title + 1)
    if (close < 0) return undefined
    end = close + 1
  }
  end = skipSpaces(text, end)
  if (text[end] !== ")") return undefined
  const label = parse(text.slice(at + 1, labelEnd), depth + 1)
  const target = text.slice(from, targetEnd)
  return { node: isSafe(target) ? anchor(target, label) : element("span", {}, label), end: end + 1 }
}

/** The position of the label's "]", or `undefined` if another "[" comes first. */
const endOfLabel = (text: string, from: number): number | undefined => {
  for (let at = from; at < text.length; at++) {
    if (text[at] === "\\") at++
    else if (text[at] === "]") return at
    else if (text[at] === "[") return undefined
  }
  return undefined
}

/** The end of a link's target, which has no spaces and only balanced parentheses. */
const endOfTarget = (text: string, from: number): number => {
  let at = from
  let open = -1
  for (; at < text.length; at++) {
    const character = text[at] as string // within bounds
    if (space.test(character) || character === "<" || character === ">") break
    if (character === "(") {
      if (open >= 0) return open
      open = at
    } else if (character === ")") {
      if (open < 0) break
      open = -1
    }
  }
  return open >= 0 ? open : at
}

const skipSpaces = (text: string, from: number): number => {
  let at = from
  while (space.test(text[at] ?? "x")) at++
  return at
}

/** A bare URL, without the punctuation after it. */
const address = (text: string, at: number): Span | undefined => {
  const start = text.startsWith("http://", at) ? at + 7 : text.startsWith("https://", at) ? at + 8 : undefined
  if (start === undefined) return undefined
  let end = start
  while (end < text.length && !/[\s<>()]/.test(text[end] as string)) end++ // within bounds
  while (end > start && /[.,;:!?'"]/.test(text[end - 1] as string)) end-- // within bounds
  if (end === start) return undefined
  const target = text.slice(at, end)
  return { node: anchor(target, [target]), end }
}

/** Two or more spaces at the end of a line are a line break. Elsewhere they are plain text. */
const lineBreak = (text: string, at: number): Span | undefined => {
  let end = at
  while (text[end] === " ") end++
  if (end - at < 2) return undefined
  return text[end] === "\n" ? { node: element("br", {}, []), end: end + 1 } : { node: text.slice(at, end), end }
}

const anchor = (href: string, children: ReadonlyArray<Node>): Node =>
  element("a", { href, rel: "noreferrer noopener", target: "_blank" }, children)

/** Whether a URL has a harmless scheme. */
const isSafe = (target: string): boolean => /^(https?:\/\/|mailto:)/i.test(target)
