/**
 * Line and bar charts, drawn by uPlot in the colours of the theme. The legend shows the last values, or those under the
 * pointer.
 */
import type React from "react"
import { useEffect, useMemo, useRef, useState } from "react"
import uPlot from "uplot"
import "uplot/dist/uPlot.min.css"
import "../styles/chart.css"
import { number } from "../format.ts"
import { useSize } from "../hooks.ts"
import { color, useDark } from "../theme.ts"

export interface Series {
  readonly name: string
  readonly x: ReadonlyArray<number>
  readonly y: ReadonlyArray<number | null>
  readonly dashed?: boolean
  /** Selects a colour and a dash. Default: the place of the series. */
  readonly style?: number
}

interface ChartProps {
  readonly title: string
  readonly series: ReadonlyArray<Series>
  readonly height?: number
  readonly xLabel?: string | undefined
  readonly yLabel?: string | undefined
  readonly yRange?: { readonly min?: number | undefined; readonly max?: number | undefined }
  /** If set, bars are drawn at these labels instead of lines over numbers. */
  readonly labels?: ReadonlyArray<string>
}

const colors = 12
/** The dashes of series beyond the number of colours, so that no two of the series look alike. */
const dashes: ReadonlyArray<ReadonlyArray<number>> = [[], [2, 3], [9, 3, 2, 3]]
/** As many series are drawn in one chart as have a style of their own. */
const seriesLimit = colors * dashes.length

const styleOf = (series: Series, index: number): number => (series.style ?? index) % seriesLimit
const classOf = (style: number): string => `series-${(style % colors) + 1}`
const dashOf = (style: number, isDashed: boolean): Array<number> =>
  isDashed ? [6, 4] : [...(dashes[Math.floor(style / colors)] ?? [])]

/**
 * Aligns all series on one axis. A missing point does not interrupt a line, a `null` does. A series may have several
 * points at the same x, which are joined by a vertical line.
 */
const dataOf = (series: ReadonlyArray<Series>, labels: ReadonlyArray<string> | undefined): uPlot.AlignedData => {
  if (labels !== undefined) return [labels.map((_, i) => i), ...series.map(({ y }) => [...y])]
  const points = series.map(({ x, y }) =>
    Array.from(x, (at, i) => [at, y[i] ?? null] as const).sort(([one], [other]) => one - other)
  )
  const heads = points.map(() => 0)
  const axis: Array<number> = []
  const columns = points.map((): Array<number | null | undefined> => [])
  for (;;) {
    let next = Number.POSITIVE_INFINITY
    for (let i = 0; i < points.length; i++) next = Math.min(next, points[i]?.[heads[i] ?? 0]?.[0] ?? next)
    if (!Number.isFinite(next)) return [axis, ...columns]
    axis.push(next)
    for (let i = 0; i < points.length; i++) {
      const head = points[i]?.[heads[i] ?? 0]
      const here = head !== undefined && head[0] === next
      columns[i]?.push(here ? head[1] : undefined)
      if (here) heads[i] = (heads[i] ?? 0) + 1
    }
  }
}

export const Chart = ({ series: all, ...props }: ChartProps) => {
  const [search, setSearch] = useState("")
  const wanted = useMemo(
    () => (search === "" ? all : all.filter(({ name }) => name.toLowerCase().includes(search.toLowerCase()))),
    [all, search]
  )
  const series = useMemo(() => wanted.slice(0, seriesLimit), [wanted])
  return (
    <Plot
      {...props}
      series={series}
      note={
        all.length <= seriesLimit ? null : (
          <span className="chart-note">
            <span role="status">
              {series.length} of {all.length} series are shown
            </span>
            <input
              value={search}
              onChange={(event) => setSearch(event.target.value)}
              placeholder="Find a series"
              aria-label={`Find a series of ${props.title}`}
            />
          </span>
        )
      }
    />
  )
}

const Plot = ({
  height = 180,
  labels,
  note,
  series,
  title,
  xLabel,
  yLabel,
  yRange
}: ChartProps & { readonly note: React.ReactNode }) => {
  const [holder, width] = useSize<HTMLDivElement>()
  const element = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const [under, setUnder] = useState<number | null>(null)
  const dark = useDark()
  const data = useMemo(() => dataOf(series, labels), [series, labels])
  const latest = useRef(data)
  latest.current = data
  const shape = JSON.stringify([
    series.map(({ dashed, name, style }) => [name, dashed, style]),
    labels,
    xLabel,
    yLabel,
    yRange,
    height
  ])

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` covers the other dependencies; the data are set below
  useEffect(() => {
    if (element.current === null || width === 0) return
    const font = `11px ${color("sans")}`
    const axis = {
      stroke: color("muted"),
      grid: { stroke: color("line"), width: 1 },
      ticks: { stroke: color("line"), width: 1, size: 4 },
      font
    }
    const bars = uPlot.paths.bars
    const drawn = new uPlot(
      {
        width,
        height,
        padding: [8, 12, 0, 0],
        cursor: { points: { size: 6 }, drag: { x: labels === undefined, y: false }, y: false },
        legend: { show: false },
        hooks: { setCursor: [(u) => setUnder(u.cursor.idx ?? null)] },
        scales: {
          x: labels === undefined ? { time: false } : { time: false, range: [-0.6, labels.length - 0.4] },
          y:
            labels === undefined
              ? { range: (_, min, max) => padded(yRange?.min ?? min, yRange?.max ?? max) }
              : { range: (_, min, max) => padded(Math.min(0, min), Math.max(0, max)) }
        },
        axes: [
          {
            ...axis,
            ...(xLabel === undefined ? {} : { label: xLabel, labelFont: font, labelSize: 18, labelGap: 2 }),
            size: 26,
            ...(labels === undefined
              ? {}
              : {
                  grid: { show: false },
                  splits: () =>
                    labels.map((_, i) => i).filter((i) => i % Math.ceil(labels.length / Math.max(1, width / 60)) === 0),
                  values: (_: uPlot, at: Array<number>) =>
                    at.map((i) => cut(labels[i] ?? "", width / labels.length / 6.5))
                })
          },
          {
            ...axis,
            ...(yLabel === undefined ? {} : { label: yLabel, labelFont: font, labelSize: 18 }),
            size: 52,
            values: (_: uPlot, at: Array<number>) => at.map((value) => number(value))
          }
        ],
        series: [
          {},
          ...series.map((one, i): uPlot.Series => {
            const { dashed, name } = one
            const style = styleOf(one, i)
            const stroke = color(classOf(style))
            const dash = dashOf(style, dashed === true)
            return {
              label: name,
              stroke,
              width: 2,
              spanGaps: false,
              points: { show: (u) => (u.data[0]?.length ?? 0) < 30, size: 4 },
              ...(dash.length > 0 ? { dash } : {}),
              ...(labels === undefined || bars === undefined
                ? {}
                : {
                    fill: stroke,
                    points: { show: false },
                    paths: bars({ size: [0.72 / series.length, 46], align: series.length === 1 ? 0 : i === 0 ? -1 : 1 })
                  })
            }
          })
        ]
      },
      latest.current,
      element.current
    )
    plot.current = drawn
    return () => {
      drawn.destroy()
      plot.current = undefined
    }
  }, [shape, width, dark])

  useEffect(() => {
    plot.current?.setData(data)
  }, [data])

  const at = under ?? undefined
  const x = at === undefined ? undefined : data[0]?.[at]
  const values = series.map((_, i) => {
    const column = data[i + 1] ?? []
    return at === undefined ? lastOf(column) : (column[at] ?? null)
  })
  const says = series.map(({ name }, i) => `${name} ${show(values[i])}`).join(", ")
  return (
    <figure className="chart" ref={holder}>
      <figcaption>
        <span className="chart-title">{title}</span>
        {x === undefined ? null : (
          <span className="muted tabular">{labels === undefined ? `${xLabel ?? "step"} ${number(x)}` : labels[x]}</span>
        )}
        <span
          className="keys"
          tabIndex={series.length > 12 ? 0 : undefined}
          role="group"
          aria-label={`Series of ${title}`}
        >
          {series.map((one, i) => {
            const style = styleOf(one, i)
            return (
              <span key={one.name} className={`key ${classOf(style)}`} data-series={one.name}>
                <svg viewBox="0 0 16 4" width="16" height="4" aria-hidden="true">
                  <path d="M0 2H16" strokeDasharray={dashOf(style, one.dashed === true).join(" ")} />
                </svg>
                {series.length === 1 && one.name === title ? "" : one.name}{" "}
                {labels !== undefined && at === undefined ? "" : <b className="tabular">{show(values[i])}</b>}
              </span>
            )
          })}
        </span>
        {note}
      </figcaption>
      <div
        ref={element}
        role="img"
        aria-label={`${title}. ${at === undefined ? "Last values" : "Values"}: ${says}.`}
        style={{ minHeight: height }}
      />
    </figure>
  )
}

const show = (value: number | null | undefined): string => (value === null || value === undefined ? "–" : number(value))

const lastOf = (values: ArrayLike<number | null | undefined>): number | null => {
  for (let i = values.length - 1; i >= 0; i--) {
    const value = values[i]
    if (value !== null && value !== undefined) return value
  }
  return null
}

const padded = (min: number, max: number): [number, number] => {
  if (!Number.isFinite(min) || !Number.isFinite(max)) return [0, 1]
  // At least the precision of a double at this magnitude, because uPlot increments its ticks by a fraction of the
  // range.
  const room = Math.max((max - min || Math.abs(max) || 1) * 0.06, Math.abs(max) * 1e-9)
  return [min === 0 ? 0 : min - room, max === 0 ? 0 : max + room]
}

const cut = (text: string, letters: number): string =>
  text.length > letters ? `${text.slice(0, Math.max(1, letters - 1))}…` : text
