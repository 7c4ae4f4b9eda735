/**
 * Lines and bars of a card as SVG elements, for a self-contained report without scripts. (The page draws them with
 * uPlot.) Colours and line styles are classes: the report's stylesheet defines them for both themes.
 */
import type { Component } from "./data.ts"
import { element, type Node } from "./tree.ts"

type LineData = Extract<Component, { _tag: "Line" }>
type BarData = Extract<Component, { _tag: "Bar" }>

const width = 680
const height = 280
const left = 58
const right = 14
const top = 12
/** The top margin if the axis has a name. */
const topWithAxisName = 26
const bottom = 42

/**
 * About `count` round numbers in a range. Near the limits of a double, duplicates are dropped and the number of
 * attempts is bounded.
 */
export const ticks = (min: number, max: number, count: number): ReadonlyArray<number> => {
  if (!(max > min)) return [min]
  const rough = max / count - min / count // the difference itself may overflow
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10)
  const first = Math.ceil(min / step - 1e-9)
  if (!Number.isFinite(first) || !Number.isFinite(step) || step === 0) return [min, max]
  const result: Array<number> = []
  for (let i = 0; i <= 2 * count; i++) {
    // Beyond the safe integers `first + i` may be `first`.
    const value = Number.isSafeInteger(first + i) ? (first + i) * step : first * step + i * step
    if (!(value <= max + step * 1e-9 && Number.isFinite(value))) break
    if (value !== result.at(-1)) result.push(value)
  }
  return result.length === 0 ? [min] : result
}

/** A number in the format of axis labels. */
export const axisNumber = (value: number): string => {
  if (value === 0) return "0"
  const magnitude = Math.abs(value)
  return magnitude >= 1e6 || magnitude < 1e-3 ? value.toExponential(1) : String(Number(value.toPrecision(4)))
}

interface Extent {
  readonly min: number
  readonly max: number
}

const extent = (
  values: Iterable<number | null>,
  axis: { readonly min?: number; readonly max?: number } = {}
): Extent => {
  let min = axis.min ?? Number.POSITIVE_INFINITY
  let max = axis.max ?? Number.NEGATIVE_INFINITY
  for (const value of values) {
    if (value === null) continue
    if (axis.min === undefined && value < min) min = value
    if (axis.max === undefined && value > max) max = value
  }
  if (!Number.isFinite(min) || !Number.isFinite(max)) return { min: 0, max: 1 }
  if (min < max) return { min, max }
  // Half a unit has no effect on a number that is too large to have fractions.
  const padding = Math.max(0.5, Math.abs(min) * 1e-6)
  return { min: Math.max(-Number.MAX_VALUE, min - padding), max: Math.min(Number.MAX_VALUE, min + padding) }
}

const scale = ({ max, min }: Extent, from: number, to: number): ((value: number) => number) => {
  const part = Number.isFinite(max - min) ? 1 : 2 // the range may overflow a double, but half of it does not
  return (value) => from + ((value / part - min / part) / (max / part - min / part)) * (to - from)
}

const round = (value: number): string => String(Math.round(value * 10) / 10)

const text = (x: number, y: number, className: string, children: string): Node =>
  element("text", { x: round(x), y: round(y), class: className }, [children])

const frame = (title: string, children: ReadonlyArray<Node>): Node =>
  element("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "chart" }, [
    element("title", {}, [title]),
    ...children
  ])

const yAxis = (y: Extent, at: (value: number) => number, label: string | undefined): ReadonlyArray<Node> => [
  ...ticks(y.min, y.max, 5).flatMap((value) => [
    element(
      "line",
      { x1: String(left), x2: String(width - right), y1: round(at(value)), y2: round(at(value)), class: "rule" },
      []
    ),
    text(left - 8, at(value) + 4, "end", axisNumber(value))
  ]),
  ...(label === undefined ? [] : [text(4, 12, "axis", label)])
]

const legend = (names: ReadonlyArray<string>, dashed: ReadonlyArray<boolean>): ReadonlyArray<Node> =>
  names.length < 2
    ? []
    : names.map((name, i) =>
        element("span", { class: "key" }, [
          element("span", { class: `swatch series-${(i % 6) + 1}${dashed[i] === true ? " dashed" : ""}` }, []),
          name
        ])
      )

const figure = (title: string | undefined, chart: Node, keys: ReadonlyArray<Node>): Node =>
  element("figure", {}, [
    ...(title === undefined ? [] : [element("figcaption", {}, [title])]),
    ...(keys.length === 0 ? [] : [element("div", { class: "keys" }, keys)]),
    chart
  ])

/** Draws series over a common axis. */
export const line = (data: LineData): Node => {
  const x = extent(
    data.series.flatMap((series) => series.x),
    data.x
  )
  const y = extent(
    data.series.flatMap((series) => series.y),
    data.y
  )
  const atX = scale(x, left, width - right)
  const atY = scale(y, height - bottom, data.y?.label === undefined ? top : topWithAxisName)
  const paths = data.series.map((series, i) => {
    let d = ""
    let pen = "M"
    for (let j = 0; j < series.x.length; j++) {
      const value = series.y[j]
      if (value === null || value === undefined) {
        pen = "M"
        continue
      }
      d += `${pen}${round(atX(series.x[j] as number))} ${round(atY(value))}` // within bounds
      pen = "L"
    }
    return element("path", { d, class: `series series-${(i % 6) + 1}${series.dashed === true ? " dashed" : ""}` }, [])
  })
  const xTicks = ticks(x.min, x.max, 8).map((value) =>
    text(atX(value), height - bottom + 18, "middle", axisNumber(value))
  )
  const label =
    data.x?.label === undefined ? [] : [text((left + width - right) / 2, height - 6, "middle axis", data.x.label)]
  const names = data.series.map((series) => series.name)
  return figure(
    data.title,
    frame(data.title ?? names.join(", "), [...yAxis(y, atY, data.y?.label), ...xTicks, ...label, ...paths]),
    legend(
      names,
      data.series.map((series) => series.dashed === true)
    )
  )
}

/** Draws bars side by side at each label. */
export const bar = (data: BarData): Node => {
  const y = extent([0, ...data.series.flatMap((series) => series.values)])
  const atY = scale(y, height - bottom, top)
  const slot = (width - left - right) / Math.max(1, data.labels.length)
  const barWidth = (slot * 0.72) / Math.max(1, data.series.length)
  const bars = data.series.flatMap((series, i) =>
    series.values.map((value, j) => {
      const from = atY(Math.max(0, value ?? 0))
      return element(
        "rect",
        {
          x: round(left + slot * j + slot * 0.14 + barWidth * i),
          y: round(from),
          width: round(Math.max(1, barWidth - 1)),
          height: round(Math.abs(atY(0) - atY(value ?? 0))),
          class: `bar series-${(i % 6) + 1}`
        },
        [
          element("title", {}, [
            `${data.labels[j] ?? j} ${series.name}: ${value === null ? "none" : axisNumber(value)}`
          ])
        ]
      )
    })
  )
  const labelInterval = Math.ceil(data.labels.length / 12)
  const labels = data.labels.flatMap((label, j) =>
    j % labelInterval === 0
      ? [
          text(
            left + slot * (j + 0.5),
            height - bottom + 18,
            "middle",
            label.length > 12 ? `${label.slice(0, 11)}…` : label
          )
        ]
      : []
  )
  const names = data.series.map((series) => series.name)
  return figure(
    data.title,
    frame(data.title ?? names.join(", "), [...yAxis(y, atY, undefined), ...bars, ...labels]),
    legend(names, [])
  )
}
