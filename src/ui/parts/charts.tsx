/** Charts of metrics, one per name. */
import type { ChartModel } from "../model/series.ts"
import { Chart } from "./chart.tsx"

const Charts = ({ charts, height = 200 }: { readonly charts: ReadonlyArray<ChartModel>; readonly height?: number }) => (
  <div className="charts">
    {charts.map(({ series, title }) => (
      <Chart key={title} title={title} series={series} height={height} />
    ))}
  </div>
)

export default Charts
