/**
 * Markdown as a tree of elements: the part of CommonMark (and the tables of GitHub) that a report needs. What it does not
 * know, HTML above all, stays text. Links lead to `http`, `https` and `mailto` only.
 */
import { element, type Node } from "./tree.ts"

/** The elements of a text. */
export const parse = (text: string): ReadonlyArray<Node> => blocks(text.replace(/\r\n?/g, "\n").split("\n"), 0)

/** Quotes and lists within each other beyond this are text. */
const deepest = 12

const fence = /^ {0,3}(`{3,}|~{3,})\s*([^`]*)$/
const heading = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/
const rule = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/
const item = /^( {0,3})([-*+]|(\d{1,9})[.)])(\s+|$)/
const quote = /^ {0,3}> ?/
const divider = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/

const blocks = (lines: ReadonlyArray<string>, depth: number): ReadonlyArray<Node> => {
  const found: Array<Node> = []
  let paragraph: Array<string> = []
  const flush = () => {
    if (paragraph.length > 0) found.push(element("p", {}, inline(paragraph.join("\n"))))
    paragraph = []
  }
  for (let i = 0; i < lines.length; ) {
    const line = lines[i] as string // below its length
    const fenced = fence.exec(line)
    const headed = heading.exec(line)
    if (fenced !== null) {
      flush()
      const mark = fenced[1] as string // the expression has it
      const code: Array<string> = []
      i++
      while (i < lines.length && !(lines[i] as string).trim().startsWith(mark)) code.push(lines[i++] as string)
      i++
      found.push(element("pre", {}, [element("code", {}, [code.join("\n")])]))
    } else if (headed !== null) {
      flush()
      // A card stands within a page that has headings of its own.
      const level = Math.min(6, (headed[1] as string).length + 2)
      found.push(element(`h${level}` as "h3", {}, inline(headed[2] as string)))
      i++
    } else if (rule.test(line)) {
      flush()
      found.push(element("hr", {}, []))
      i++
    } else if (quote.test(line) && depth < deepest) {
      flush()
      const inner: Array<string> = []
      while (i < lines.length && quote.test(lines[i] as string)) inner.push((lines[i++] as string).replace(quote, ""))
      found.push(element("blockquote", {}, blocks(inner, depth + 1)))
    } else if (item.test(line) && depth < deepest) {
      flush()
      const [list, next] = listAt(lines, i, depth)
      found.push(list)
      i = next
    } else if (line.includes("|") && divider.test(lines[i + 1] ?? "") && (lines[i + 1] ?? "").includes("-")) {
      flush()
      const [table, next] = tableAt(lines, i)
      found.push(table)
      i = next
    } else {
      if (line.trim() === "") flush()
      else paragraph.push(line.trim())
      i++
    }
  }
  flush()
  return found
}

const listAt = (lines: ReadonlyArray<string>, start: number, depth: number): readonly [Node, number] => {
  const first = item.exec(lines[start] as string)
  const ordered = first?.[3] !== undefined
  const items: Array<Node> = []
  let i = start
  for (;;) {
    const match = item.exec(lines[i] ?? "")
    if (match === null || (match[3] !== undefined) !== ordered) break
    const indent = match[0].length
    const inner = [(lines[i++] as string).slice(indent)]
    // What is indented, or carries the paragraph on, belongs to the item.
    while (i < lines.length) {
      const line = lines[i] as string
      if (line.trim() === "") {
        if (!/^\s{2,}\S/.test(lines[i + 1] ?? "")) break
        inner.push("")
      } else if (/^\s{2,}/.test(line)) inner.push(line.slice(Math.min(indent, line.length - line.trimStart().length)))
      else if (item.test(line) || heading.test(line) || fence.test(line) || quote.test(line)) break
      else inner.push(line)
      i++
    }
    while ((lines[i] ?? "x").trim() === "" && item.test(lines[i + 1] ?? "")) i++
    const parts = blocks(inner, depth + 1)
    const [only] = parts
    // A tight item is its text, not a paragraph.
    const rest = typeof only === "object" && only.tag === "p" ? [...only.children, ...parts.slice(1)] : parts
    items.push(element("li", {}, rest))
  }
  const number = Number(first?.[3] ?? 1)
  return [element(ordered ? "ol" : "ul", ordered && number !== 1 ? { start: String(number) } : {}, items), i]
}

const cells = (line: string): ReadonlyArray<string> =>
  line
    .trim()
    .replace(/^\||\|$/g, "")
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll("\\|", "|"))

const tableAt = (lines: ReadonlyArray<string>, start: number): readonly [Node, number] => {
  const heads = cells(lines[start] as string)
  const right = cells(lines[start + 1] as string).map((cell) => cell.endsWith(":") && !cell.startsWith(":"))
  const cell = (tag: "td" | "th") => (text: string, column: number) =>
    element(tag, right[column] === true ? { class: "right" } : {}, inline(text))
  const rows: Array<Node> = []
  let i = start + 2
  while (i < lines.length && (lines[i] as string).includes("|")) {
    rows.push(
      element(
        "tr",
        {},
        cells(lines[i++] as string)
          .slice(0, heads.length)
          .map(cell("td"))
      )
    )
  }
  const head = element("thead", {}, [element("tr", {}, heads.map(cell("th")))])
  return [element("table", {}, [head, element("tbody", {}, rows)]), i]
}

const marks =
  /(\\[\\`*_{}[\]()#+\-.!|<>~])|(`+)([\s\S]*?[^`])\2(?!`)|!?\[((?:[^[\]\\]|\\.)*)\]\(\s*<?([^\s<>()]*(?:\([^\s()]*\)[^\s<>()]*)*)>?(?:\s+"[^"]*")?\s*\)|(\*\*|__)(?=\S)([\s\S]*?\S)\6|(\*|_)(?=\S)([\s\S]*?\S)\8|~~(?=\S)([\s\S]*?\S)~~|(https?:\/\/[^\s<>()]+[^\s<>().,;:!?'"])| {2,}\n/

/** The text within a block. */
const inline = (text: string, depth = 0): ReadonlyArray<Node> => {
  const found: Array<Node> = []
  let rest = text
  while (rest !== "") {
    const match = depth < deepest ? marks.exec(rest) : null
    if (match === null) {
      found.push(rest)
      break
    }
    if (match.index > 0) found.push(rest.slice(0, match.index))
    const [whole, escaped, , code, label, target, , strong, , emphasized, struck, bare] = match
    const within = rest[match.index - 1]
    rest = rest.slice(match.index + whole.length)
    if (escaped !== undefined) found.push(escaped.slice(1))
    else if (code !== undefined) found.push(element("code", {}, [code.trim()]))
    else if (label !== undefined) {
      const inner = inline(label, depth + 1)
      const href = safe(target ?? "")
      // An image from elsewhere would tell somebody else that the card was looked at: it stays a link.
      found.push(href === undefined ? element("span", {}, inner) : link(href, inner))
    } else if (strong !== undefined) found.push(element("strong", {}, inline(strong, depth + 1)))
    else if (emphasized !== undefined) {
      // `snake_case_names` are no emphasis.
      if (whole.startsWith("_") && (/\w/.test(within ?? "") || /^\w/.test(rest))) found.push(whole)
      else found.push(element("em", {}, inline(emphasized, depth + 1)))
    } else if (struck !== undefined) found.push(element("del", {}, inline(struck, depth + 1)))
    else if (bare !== undefined) found.push(link(bare, [bare]))
    else found.push(element("br", {}, []))
  }
  return found
}

const link = (href: string, children: ReadonlyArray<Node>): Node =>
  element("a", { href, rel: "noreferrer noopener", target: "_blank" }, children)

/** The address, if it is one that runs nothing. */
const safe = (target: string): string | undefined => (/^(https?:\/\/|mailto:)/i.test(target) ? target : undefined)
