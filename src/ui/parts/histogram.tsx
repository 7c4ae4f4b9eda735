/** A small histogram. */
import type { Histogram as HistogramData } from "../../internal/server/shapes.ts"
import { number } from "../format.ts"

export const Histogram = ({
  format = number,
  histogram,
  height = 26
}: {
  readonly histogram: HistogramData
  readonly height?: number
  readonly format?: (value: number) => string
}) => {
  const { bars, max, min } = histogram
  const highest = Math.max(1, ...bars)
  const says = `${format(min)} to ${format(max)}`
  return (
    <span className="histogram">
      <svg
        viewBox={`0 0 ${bars.length * 5} ${height}`}
        height={height}
        role="img"
        aria-label={`Histogram from ${says}`}
        preserveAspectRatio="none"
      >
        {bars.map((bar, i) => {
          const tall = bar === 0 ? 0 : Math.max(1, (bar / highest) * (height - 1))
          // biome-ignore lint/suspicious/noArrayIndexKey: bars have no other identity
          return <rect key={i} x={i * 5} y={height - tall} width={4} height={tall} />
        })}
      </svg>
      <span className="histogram-range">
        <span>{format(min)}</span>
        <span>{format(max)}</span>
      </span>
    </span>
  )
}
