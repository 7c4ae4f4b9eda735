/** Tables, images, heatmaps and progress of a card as elements, shared by the page and the report. */
import type { Component } from "./data.ts"
import { element, type Node } from "./tree.ts"

type Of<T extends Component["_tag"]> = Extract<Component, { _tag: T }>

/** The number of shades in a heatmap. */
const shades = 10

const caption = (title: string | undefined): ReadonlyArray<Node> =>
  title === undefined ? [] : [element("caption", {}, [title])]

export const table = (data: Of<"Table">): Node =>
  element("table", {}, [
    ...caption(data.title),
    element("thead", {}, [
      element(
        "tr",
        {},
        data.columns.map((name) => element("th", {}, [name]))
      )
    ]),
    element("tbody", {}, [
      ...data.rows.map((row) => element("tr", {}, row.map(cell))),
      ...(data.total !== undefined && data.total > data.rows.length
        ? [
            element("tr", {}, [
              element("td", { colspan: String(data.columns.length), class: "muted" }, [
                `${data.rows.length} of ${data.total} rows`
              ])
            ])
          ]
        : [])
    ])
  ])

const cell = (value: string | number | boolean | null): Node =>
  value === null
    ? element("td", { class: "muted" }, ["–"])
    : typeof value === "number"
      ? element("td", { class: "right" }, [number(value)])
      : element("td", {}, [String(value)])

const number = (value: number): string =>
  Number.isInteger(value) ? value.toLocaleString("en") : String(Number(value.toPrecision(5)))

export const image = (data: Of<"Image">): Node =>
  element("figure", {}, [
    ...(data.title === undefined ? [] : [element("figcaption", {}, [data.title])]),
    // Strips everything but base 64, because the data of a card is not trusted.
    element(
      "img",
      { src: `data:${data.mediaType};base64,${data.data.replace(/[^A-Za-z0-9+/=]/g, "")}`, alt: data.alt },
      []
    )
  ])

export const heatmap = (data: Of<"Heatmap">): Node => {
  let max = 0
  let isSigned = false
  for (const row of data.values) {
    for (const value of row) {
      if (value === null) continue
      max = Math.max(max, Math.abs(value))
      if (value < 0) isSigned = true
    }
  }
  // Two colours diverge from zero, so that a value and its negative never look alike.
  const shade = (value: number | null): string =>
    `heat ${value !== null && value < 0 ? "cold" : "heat"}-${value === null || max === 0 ? 0 : Math.round((Math.abs(value) / max) * shades)}`
  const legend = [...(isSigned ? [-max, -max / 2] : []), 0, max / 2, max].map((value) =>
    element("span", { class: shade(value) }, [number(value)])
  )
  const corner = [data.rowLabel, data.columnLabel].filter((label) => label !== undefined).join(" \\ ")
  const map = element("table", { class: "heatmap" }, [
    ...caption(data.title),
    element("thead", {}, [
      element("tr", {}, [
        element("th", { class: "muted" }, [corner]),
        ...data.columns.map((name) => element("th", { scope: "col" }, [name]))
      ])
    ]),
    element(
      "tbody",
      {},
      data.rows.map((name, i) =>
        element("tr", {}, [
          element("th", { scope: "row" }, [name]),
          ...(data.values[i] ?? []).map((value) =>
            element("td", { class: shade(value) }, [value === null ? "–" : number(value)])
          )
        ])
      )
    )
  ])
  return element("div", { class: "heatmap-figure" }, [
    map,
    ...(max === 0 ? [] : [element("p", { class: "heat-legend muted" }, legend)])
  ])
}

export const progress = (data: Of<"Progress">): Node => {
  const unit = data.unit === undefined ? "" : ` ${data.unit}`
  return element("p", { class: "progress-line" }, [
    element("span", {}, [data.title]),
    element(
      "progress",
      { value: String(Math.max(0, data.value)), max: String(Math.max(0, data.total) || 1), "aria-label": data.title },
      []
    ),
    element("span", { class: "muted" }, [`${number(data.value)} of ${number(data.total)}${unit}`])
  ])
}
