/**
 * Parses Markdown into a tree of elements: the parts of CommonMark and of GitHub's tables that a report needs.
 * Everything else, including HTML, is shown as plain text. Only `http`, `https` and `mailto` links are allowed. The
 * time is linear in the length of the text: no regular expression here can backtrack.
 */
import { inline } from "./inline.ts"
import { element, type Node } from "./tree.ts"

/** Parses a text. */
export const parse = (text: string): ReadonlyArray<Node> => blocks(text.replace(/\r\n?/g, "\n").split("\n"), 0)

/** Quotes and lists nested beyond this depth are shown as plain text. */
const depthLimit = 12

const item = /^( {0,3})([-*+]|(\d{1,9})[.)])(\s+|$)/
const quote = /^ {0,3}> ?/

/** The fence that opens a code block. */
const fenceOf = (line: string): string | undefined => {
  const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1]
  return mark === undefined ||
    (mark.startsWith("`") && line.trimEnd().lastIndexOf("`") >= line.indexOf(mark) + mark.length)
    ? undefined
    : mark
}

/** A heading's level and text, without the `#` after it. */
const headingOf = (line: string): { readonly level: number; readonly text: string } | undefined => {
  const marks = /^ {0,3}(#{1,6})(?=\s|$)/.exec(line)
  if (marks === null) return undefined
  const text = line.slice(marks[0].length).trim()
  let end = text.length
  while (text[end - 1] === "#") end--
  const isClosed = end === 0 || /\s/.test(text[end - 1] as string) // within bounds
  return { level: marks[1]?.length ?? 1, text: isClosed ? text.slice(0, end).trimEnd() : text }
}

const isRule = (line: string): boolean =>
  /^ {0,3}[-*_]/.test(line) && /^(?:-{3,}|\*{3,}|_{3,})$/.test(line.replace(/\s/g, ""))

/** Whether a line separates a table's head from its rows. */
const isDivider = (line: string): boolean => line.includes("-") && cells(line).every((cell) => /^:?-+:?$/.test(cell))

const blocks = (lines: ReadonlyArray<string>, depth: number): ReadonlyArray<Node> => {
  const nodes: Array<Node> = []
  let paragraph: Array<string> = []
  const flush = () => {
    if (paragraph.length > 0) nodes.push(element("p", {}, inline(paragraph.join("\n").trimEnd())))
    paragraph = []
  }
  for (let i = 0; i < lines.length; ) {
    const line = lines[i] as string // within bounds
    const mark = fenceOf(line)
    const heading = headingOf(line)
    if (mark !== undefined) {
      flush()
      const code: Array<string> = []
      i++
      while (i < lines.length && !(lines[i] as string).trim().startsWith(mark)) code.push(lines[i++] as string)
      i++
      nodes.push(element("pre", {}, [element("code", {}, [code.join("\n")])]))
    } else if (heading !== undefined) {
      flush()
      // A card is embedded in a page with headings of its own, so it starts at h3.
      const level = Math.min(6, heading.level + 2)
      nodes.push(element(`h${level}` as "h3", {}, inline(heading.text)))
      i++
    } else if (isRule(line)) {
      flush()
      nodes.push(element("hr", {}, []))
      i++
    } else if (quote.test(line) && depth < depthLimit) {
      flush()
      const inner: Array<string> = []
      while (i < lines.length && quote.test(lines[i] as string)) inner.push((lines[i++] as string).replace(quote, ""))
      nodes.push(element("blockquote", {}, blocks(inner, depth + 1)))
    } else if (item.test(line) && depth < depthLimit) {
      flush()
      const [list, next] = listAt(lines, i, depth)
      nodes.push(list)
      i = next
    } else if (line.includes("|") && isDivider(lines[i + 1] ?? "")) {
      flush()
      const [table, next] = tableAt(lines, i)
      nodes.push(table)
      i = next
    } else {
      if (line.trim() === "") flush()
      else paragraph.push(line.trimStart()) // trailing spaces are kept, because they are a line break
      i++
    }
  }
  flush()
  return nodes
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
    // Indented lines and lines that continue the paragraph belong to the item.
    while (i < lines.length) {
      const line = lines[i] as string
      if (line.trim() === "") {
        if (!/^\s{2,}\S/.test(lines[i + 1] ?? "")) break
        inner.push("")
      } else if (/^\s{2,}/.test(line)) inner.push(line.slice(Math.min(indent, line.length - line.trimStart().length)))
      else if (item.test(line) || headingOf(line) !== undefined || fenceOf(line) !== undefined || quote.test(line))
        break
      else inner.push(line)
      i++
    }
    while ((lines[i] ?? "x").trim() === "" && item.test(lines[i + 1] ?? "")) i++
    const parts = blocks(inner, depth + 1)
    const [only] = parts
    // A tight item has no paragraph around its text.
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
