/** Two runs side by side: parameters, metrics, artifacts and steps that differ. */
import { Fragment, useMemo, useState } from "react"
import * as Api from "../api.ts"
import { duration, inline, number, plural, shortDigest, size } from "../format.ts"
import { useTitle } from "../hooks.ts"
import { Ago, Command, Empty, Failure, Link, Loading, Section, Took } from "../parts/basic.tsx"
import { Boundary, lazyPart } from "../parts/boundary.tsx"
import { Status } from "../parts/status.tsx"
import { toArtifact, toCompare, toRun, toRuns } from "../router.ts"
import "../styles/run.css"
import "../styles/artifact.css"
import "../styles/compare.css"

const Charts = lazyPart(() => import("../parts/charts.tsx"), "the charts")

const Compare = ({ left, right }: { readonly left: string; readonly right: string }) => {
  const result = Api.useQuery(`compare ${left} ${right}`, (signal) => Api.compare(left, right, signal))
  const a = Api.useQuery(`metrics ${left}`, (signal) => Api.metrics(left, undefined, 0, signal))
  const b = Api.useQuery(`metrics ${right}`, (signal) => Api.metrics(right, undefined, 0, signal))
  const [all, setAll] = useState(false)
  useTitle("Compare")
  const charts = useMemo(() => together(a.data ?? [], b.data ?? []), [a.data, b.data])

  if (result.error !== undefined) {
    return result.error.status === 404 ? (
      <Empty title="There is no such run">
        <p>{result.error.message}</p>
        <p>
          <Link to={toRuns()}>Select two runs to compare</Link>
        </p>
      </Empty>
    ) : (
      <Failure error={result.error} retry={result.reload} />
    )
  }
  if (result.data === undefined) return <Loading what="the two runs" />
  const { artifacts, metrics, parameters, steps } = result.data
  const some = <A extends { readonly same: boolean }>(items: ReadonlyArray<A>) =>
    all ? items : items.filter(({ same }) => !same)
  return (
    <div className="compare">
      <header className="head">
        <nav className="crumbs" aria-label="Where this is">
          <Link to={toRuns()}>Runs</Link>
          <span aria-hidden="true">/</span>
          <span>Compare</span>
        </nav>
        <h1>Two runs</h1>
        <div className="facts">
          <Link to={toCompare(right, left)}>Swap sides</Link>
          <label>
            <input type="checkbox" checked={all} onChange={(event) => setAll(event.target.checked)} /> show what is the
            same, too
          </label>
        </div>
      </header>
      <div className="sides">
        <Side name="A" run={result.data.left} />
        <Side name="B" run={result.data.right} />
      </div>
      <div className="stack">
        <Section title="Parameters">
          <Comparison
            rows={some(parameters).map((pair) => ({
              name: pair.name,
              same: pair.same,
              left: "left" in pair ? inline(pair.left, 200) : undefined,
              right: "right" in pair ? inline(pair.right, 200) : undefined
            }))}
            none="The parameters are the same."
          />
        </Section>
        <Section title="Metrics">
          <Comparison
            rows={some(metrics).map((pair) => ({
              name: pair.name,
              same: pair.same,
              left: value(pair.left),
              right: value(pair.right),
              note: delta(pair.left, pair.right)
            }))}
            none={metrics.length === 0 ? "Neither run has metrics." : "The last values are the same."}
          />
          {charts.length === 0 ? null : (
            <Boundary place="charts">
              <Charts charts={charts} />
            </Boundary>
          )}
        </Section>
        <Section title="Artifacts">
          <Comparison
            rows={artifacts.slice(0, artifactsLimit).map(({ diff, left: one, name, right: other }) => ({
              name,
              same: false,
              left: one === undefined ? undefined : <Address artifact={one} />,
              right: other === undefined ? undefined : <Address artifact={other} />,
              images: [one, other].flatMap((ref, side) =>
                ref?.mediaType.startsWith("image/") === true
                  ? [{ digest: ref.digest, side: side === 0 ? ("A" as const) : ("B" as const) }]
                  : []
              ),
              lines: diff
            }))}
            none="The artifacts are the same."
          />
          <p className="viewer-note">
            {artifacts.length > artifactsLimit ? `${artifacts.length - artifactsLimit} more differ; ` : ""}
            {plural(result.data.sameArtifacts, "artifact")} the same
          </p>
        </Section>
        <Section title="Steps">
          <Comparison
            rows={steps.map(({ left: one, name, right: other }) => ({
              name,
              same: false,
              left: one === undefined ? undefined : stepText(one),
              right: other === undefined ? undefined : stepText(other)
            }))}
            none="The same steps ran, with equal numbers of tasks and equal statuses."
          />
        </Section>
        <Command says="diff">{`${result.data.commands.read} diff ${result.data.left.id} ${result.data.right.id}`}</Command>
      </div>
    </div>
  )
}

export default Compare

const Side = ({ name, run }: { readonly name: string; readonly run: Api.RunView }) => (
  <section className="section side" aria-label={`Run ${name}`}>
    <span className={`side-name side-${name.toLowerCase()}`}>{name}</span>
    <div>
      <div>
        <strong>{run.flow}</strong> <Status status={run.status} />
      </div>
      <Link to={toRun(run.id)} className="mono" title={run.id}>
        {run.id}
      </Link>
      <div className="muted">
        <Ago at={run.startedAt} />, <Took from={run.startedAt} to={run.endedAt} going={run.status === "running"} />
      </div>
    </div>
  </section>
)

interface Row {
  readonly name: string
  readonly same: boolean
  readonly left: React.ReactNode
  readonly right: React.ReactNode
  readonly note?: string
  /** The lines that differ. */
  readonly lines?: ReadonlyArray<string>
  /** The images that differ, and whose they are. */
  readonly images?: ReadonlyArray<{ readonly digest: string; readonly side: "A" | "B" }>
}

const artifactsLimit = 200

const stepText = ({ statuses, took, version, tasks }: Api.StepSide): string => {
  const ends = Object.entries(statuses).filter(([status]) => status !== "succeeded")
  return [
    plural(tasks, "task"),
    ...ends.map(([status, n]) => `${n} ${status}`),
    ...(took === undefined ? [] : [duration(took)]),
    ...(version === "" ? [] : [`version ${version}`])
  ].join(", ")
}

const Comparison = ({ none, rows }: { readonly rows: ReadonlyArray<Row>; readonly none: string }) =>
  rows.length === 0 ? (
    <p className="body muted">{none}</p>
  ) : (
    <div className="comparison" tabIndex={0} role="group" aria-label="Comparison">
      <table>
        <thead>
          <tr>
            <th>
              <span className="hidden">Name</span>
            </th>
            <th>A</th>
            <th>B</th>
            <th>
              <span className="hidden">Difference</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ images = [], left, lines, name, note, right, same }) => (
            <Fragment key={name}>
              <tr className={same ? "same" : "differs"}>
                <th scope="row">{name}</th>
                <td>{left ?? <span className="muted">none</span>}</td>
                <td>{right ?? <span className="muted">none</span>}</td>
                <td className="note">{same ? "=" : note === undefined || note === "" ? "≠" : note}</td>
              </tr>
              {images.length === 0 ? null : (
                <tr>
                  <td colSpan={4}>
                    <div className="side-by-side">
                      {images.map(({ digest, side }) => (
                        <img key={side} src={Api.contentUrl(digest)} alt={`${name} of run ${side}`} />
                      ))}
                    </div>
                  </td>
                </tr>
              )}
              {lines === undefined || lines.length === 0 ? null : (
                <tr>
                  <td colSpan={4} className="diff">
                    {lines.map((line, i) => (
                      // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other identity than their order
                      <code key={i} className={line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : ""}>
                        {line}
                      </code>
                    ))}
                  </td>
                </tr>
              )}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  )

const Address = ({
  artifact
}: {
  readonly artifact: { readonly digest: string; readonly size: number; readonly format: string }
}) => (
  <>
    <Link to={toArtifact(artifact.digest)} className="mono">
      {shortDigest(artifact.digest)}
    </Link>{" "}
    <span className="muted">
      {artifact.format}, {size(artifact.size)}
    </span>
  </>
)

const value = (of: unknown): string | undefined => (typeof of === "number" ? number(of) : of === null ? "–" : undefined)

const delta = (left: unknown, right: unknown): string => {
  if (typeof left !== "number" || typeof right !== "number" || left === right) return ""
  const by = right - left
  return `${by > 0 ? "+" : "−"}${number(Math.abs(by))}`
}

/** Each metric of both runs in one chart. */
const together = (a: ReadonlyArray<Api.SeriesView>, b: ReadonlyArray<Api.SeriesView>) => {
  const names = [...new Set([...a, ...b].map(({ name }) => name))]
  return names.map((title) => {
    const of = (side: string, all: ReadonlyArray<Api.SeriesView>, dashed: boolean) => {
      const series = all.filter(({ name }) => name === title)
      return series.map(({ steps, task, values }, i) => ({
        name: series.length > 1 ? `${side} ${task}` : side,
        x: steps,
        y: values,
        dashed,
        // One task on both sides has one colour, where there are several.
        style: series.length > 1 ? i : dashed ? 1 : 0
      }))
    }
    return { title, series: [...of("A", a, false), ...of("B", b, true)] }
  })
}
