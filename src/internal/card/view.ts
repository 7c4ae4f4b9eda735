/** Renders a card's parts for the report, with lines and bars as SVG. */
import * as CardCharts from "./charts.ts"
import type { Component } from "./data.ts"
import * as CardMarkdown from "./markdown.ts"
import * as CardParts from "./parts.ts"
import { element, type Node } from "./tree.ts"

/** The elements of a part. */
export const nodes = (component: Component): ReadonlyArray<Node> => {
  switch (component._tag) {
    case "Markdown":
      return CardMarkdown.parse(component.text)
    case "Table":
      return [CardParts.table(component)]
    case "Image":
      return [CardParts.image(component)]
    case "Line":
      return [CardCharts.line(component)]
    case "Bar":
      return [CardCharts.bar(component)]
    case "Heatmap":
      return [CardParts.heatmap(component)]
    case "Progress":
      return [CardParts.progress(component)]
    case "Artifact":
      return [
        element("p", { class: "artifact" }, [
          component.title ?? component.name,
          " ",
          element("span", { class: "muted" }, [
            `${component.format}, ${component.size} bytes, ${component.digest.slice(0, 12)}`
          ])
        ])
      ]
  }
}
