/** Renders the element tree of Markdown and cards. A text in it can't become markup. */
import { createElement, type ReactNode } from "react"
import type { Node } from "../../internal/card/tree.ts"

const names: Readonly<Record<string, string>> = { class: "className", colspan: "colSpan" }

/** Converts a card's element tree to React elements. */
const toReact = (node: Node, key: number): ReactNode => {
  if (typeof node === "string") return node
  const attributes: Record<string, unknown> = { key }
  for (const [name, value] of Object.entries(node.attributes)) {
    attributes[names[name] ?? name] = name === "colspan" || name === "start" ? Number(value) : value
  }
  const children = node.children.map(toReact)
  return children.length === 0 ? createElement(node.tag, attributes) : createElement(node.tag, attributes, children)
}

export const Tree = ({ nodes }: { readonly nodes: ReadonlyArray<Node> }) => <>{nodes.map(toReact)}</>
