/**
 * Renders cards as one HTML file that loads nothing and runs no scripts, so it can be kept, sent and opened anywhere.
 * Its content security policy enforces this.
 */
import type { Card } from "./data.ts"
import { escape, toHtml as treeToHtml } from "./tree.ts"
import * as CardView from "./view.ts"

/** A card with its task's name. */
export interface Titled {
  readonly title: string
  readonly card: Card
}

/**
 * A report of cards, as HTML.
 *
 * @param options.title The page's title and heading.
 * @param options.subtitle A line below the heading, for example flow, run and time.
 *
 * @example
 * ```ts
 * const page = Card.toHtml([{ title: "train/1", card: { components: [Card.markdown("Done.")] } }], { title: "Run 01k9x" })
 * ```
 */
export const toHtml = (
  cards: ReadonlyArray<Titled>,
  options: { readonly title: string; readonly subtitle?: string }
): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${escape(options.title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escape(options.title)}</h1>
${options.subtitle === undefined ? "" : `<p class="muted">${escape(options.subtitle)}</p>`}
${cards
  .map(
    ({ card, title }) =>
      `<section>\n<h2>${escape(title)}</h2>\n${treeToHtml(card.components.flatMap(CardView.nodes))}\n</section>`
  )
  .join("\n")}
</body>
</html>
`

const style = `
:root { color-scheme: light dark; --text: light-dark(#1b1c1e, #e9eaec); --muted: light-dark(#5d6066, #a3a8b0);
  --line: light-dark(#e4e3dd, #2a2d32); --paper: light-dark(#fff, #141518); --sunken: light-dark(#f3f3ef, #1d1f23);
  --accent: light-dark(#3550c8, #93a9ff); }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 760px; padding: 40px 24px 80px; background: var(--paper); color: var(--text);
  font: 15px/1.55 ui-sans-serif, system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
h1 { font-size: 24px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.015em; }
h2 { font-size: 15px; margin: 40px 0 12px; padding-top: 12px; border-top: 1px solid var(--line); }
h3 { font-size: 17px; margin: 24px 0 8px; } h4, h5, h6 { font-size: 15px; margin: 20px 0 6px; }
p, ul, ol, pre, table, figure, blockquote { margin: 0 0 14px; }
a { color: var(--accent); } .muted { color: var(--muted); }
code, pre { font: 13px ui-monospace, Menlo, Consolas, "Liberation Mono", monospace; }
code { background: var(--sunken); border-radius: 4px; padding: 1px 4px; }
pre { background: var(--sunken); border-radius: 8px; padding: 12px 14px; overflow-x: auto; } pre code { padding: 0; background: none; }
blockquote { border-left: 3px solid var(--line); padding-left: 14px; margin-left: 0; color: var(--muted); }
hr { border: 0; border-top: 1px solid var(--line); margin: 24px 0; }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
caption, figcaption { text-align: left; font-weight: 600; font-size: 13.5px; margin-bottom: 6px; }
th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--muted); font-weight: 560; } .right { text-align: right; }
.heatmap td { text-align: right; padding: 6px 14px; min-width: 64px; border: 2px solid var(--paper); }
.heatmap th { padding: 6px 12px 6px 0; border: 0; }
${Array.from({ length: 11 }, (_, i) => `.heat-${i} { background: color-mix(in srgb, var(--accent) ${i * 6}%, transparent); } .cold-${i} { background: color-mix(in srgb, light-dark(#c05a12, #f5a05a) ${i * 6}%, transparent); }`).join("\n")}
.heat-legend { display: flex; font-size: 12px; } .heat-legend span { padding: 2px 12px; }
.progress-line { display: flex; gap: 12px; align-items: center; } progress { flex: 1; accent-color: var(--accent); }
img { max-width: 100%; } figure { margin-left: 0; margin-right: 0; }
.chart { display: block; width: 100%; height: auto; font-size: 11.5px; }
.chart text { fill: var(--muted); } .chart .end { text-anchor: end; } .chart .middle { text-anchor: middle; }
.chart .rule { stroke: var(--line); } .series { fill: none; stroke-width: 2; stroke-linejoin: round; }
.series.dashed { stroke-dasharray: 6 4; }
.keys { display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 12.5px; color: var(--muted); margin-bottom: 6px; }
.key { display: inline-flex; align-items: center; gap: 6px; } .swatch { width: 16px; height: 3px; border-radius: 2px; }
.swatch.dashed { background: none !important; border-top: 2px dashed; height: 0; }
${[
  ["#3550c8", "#93a9ff"],
  ["#c05a12", "#f5a05a"],
  ["#1c7348", "#5ccb93"],
  ["#8a2a76", "#eb8cd8"],
  ["#0d7a86", "#5cc8d6"],
  ["#7d5a00", "#e3b64a"]
]
  .map(
    ([light, dark], i) =>
      `.series-${i + 1} { --c: light-dark(${light}, ${dark}); } .series.series-${i + 1} { stroke: var(--c); } .bar.series-${i + 1} { fill: var(--c); } .swatch.series-${i + 1} { background: var(--c); border-color: var(--c); }`
  )
  .join("\n")}
@media print { body { padding: 0; } section { break-inside: avoid; } }
`
