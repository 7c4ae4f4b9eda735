/**
 * HTML elements as data. Markdown, tables and charts of a card are turned into this tree, which the page renders with
 * React and the report as text. Markup can only enter as one of these few elements.
 */

/** The elements that a card may have. */
export type Tag =
  | "a"
  | "blockquote"
  | "br"
  | "caption"
  | "code"
  | "del"
  | "div"
  | "em"
  | "figcaption"
  | "figure"
  | "h3"
  | "h4"
  | "h5"
  | "h6"
  | "hr"
  | "img"
  | "li"
  | "ol"
  | "p"
  | "pre"
  | "progress"
  | "span"
  | "strong"
  | "table"
  | "tbody"
  | "td"
  | "th"
  | "thead"
  | "tr"
  | "ul"
  | "svg"
  | "g"
  | "path"
  | "rect"
  | "line"
  | "text"
  | "title"
  | "circle"

export interface Element {
  readonly tag: Tag
  readonly attributes: Readonly<Record<string, string>>
  readonly children: ReadonlyArray<Node>
}

/** An element or a text. */
export type Node = Element | string

export const element = (
  tag: Tag,
  attributes: Readonly<Record<string, string>>,
  children: ReadonlyArray<Node>
): Element => ({ tag, attributes, children })

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}

/** Escapes a text for HTML. */
export const escape = (text: string): string => text.replace(/[&<>"']/g, (mark) => escapes[mark] as string) // every matched character is a key

const empty: ReadonlySet<Tag> = new Set(["br", "hr", "img"])

/** Renders a tree as HTML. */
export const toHtml = (nodes: ReadonlyArray<Node>): string => {
  let html = ""
  for (const node of nodes) {
    if (typeof node === "string") {
      html += escape(node)
      continue
    }
    html += `<${node.tag}`
    for (const [name, value] of Object.entries(node.attributes)) html += ` ${name}="${escape(value)}"`
    html += empty.has(node.tag) ? ">" : `>${toHtml(node.children)}</${node.tag}>`
  }
  return html
}
