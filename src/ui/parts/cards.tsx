/** Renders cards as React elements. A card's text can't become markup, because everything is built from data. */
import { useMemo } from "react"
import type { Card, Component } from "../../internal/card/data.ts"
import * as CardMarkdown from "../../internal/card/markdown.ts"
import * as CardParts from "../../internal/card/parts.ts"
import type { CardView } from "../api.ts"
import { shortDigest, size } from "../format.ts"
import { toArtifact } from "../router.ts"
import { Link } from "./basic.tsx"
import { Chart } from "./chart.tsx"
import { Tree } from "./tree.tsx"
import "../styles/card.css"

const Part = ({ component }: { readonly component: Component }) => {
  switch (component._tag) {
    case "Markdown":
      return <MarkdownPart text={component.text} />
    case "Table":
      return (
        <div className="card-table" tabIndex={0} role="group" aria-label={component.title ?? "Table"}>
          <Tree nodes={[CardParts.table(component)]} />
        </div>
      )
    case "Image":
      return <Tree nodes={[CardParts.image(component)]} />
    case "Heatmap":
      return (
        <div className="card-table" tabIndex={0} role="group" aria-label={component.title ?? "Table"}>
          <Tree nodes={[CardParts.heatmap(component)]} />
        </div>
      )
    case "Progress":
      return <Tree nodes={[CardParts.progress(component)]} />
    case "Line":
      return (
        <Chart
          title={component.title ?? component.series.map(({ name }) => name).join(", ")}
          series={component.series}
          height={220}
          xLabel={component.x?.label}
          yLabel={component.y?.label}
          yRange={{ min: component.y?.min, max: component.y?.max }}
        />
      )
    case "Bar":
      return (
        <Chart
          title={component.title ?? component.series.map(({ name }) => name).join(", ")}
          series={component.series.map(({ name, values }) => ({ name, x: values.map((_, i) => i), y: values }))}
          labels={component.labels}
          height={220}
        />
      )
    case "Artifact":
      return (
        <p>
          <Link to={toArtifact(component.digest)}>{component.title ?? component.name}</Link>{" "}
          <span className="muted">
            {component.format}, {size(component.size)}, <code>{shortDigest(component.digest)}</code>
          </span>
        </p>
      )
  }
}

const MarkdownPart = ({ text }: { readonly text: string }) => {
  const nodes = useMemo(() => CardMarkdown.parse(text), [text])
  return <Tree nodes={nodes} />
}

export const CardBody = ({ view }: { readonly view: CardView }) => {
  const card = view.card as unknown as Card // the server validated it with the card's schema
  return (
    <div className="card">
      {card.components.map((component, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: parts are only appended and replaced, so the index identifies them
        <Part key={i} component={component} />
      ))}
    </div>
  )
}
