/** A run: its head, and tabs with its overview, log, metrics and cards. */
import { useCallback, useMemo } from "react"
import { count, shortId } from "../format.ts"
import { useKeys, useTitle } from "../hooks.ts"
import { chartsOf } from "../model/series.ts"
import { Empty, Failure, Link, Loading, Section } from "../parts/basic.tsx"
import { Boundary, lazyPart } from "../parts/boundary.tsx"
import { Log, useLog } from "../parts/log.tsx"
import { Tabs } from "../parts/tabs.tsx"
import { setParameters, toRuns, useParameter } from "../router.ts"
import { Overview } from "./overview.tsx"
import { Head, RunTrouble } from "./runHead.tsx"
import { useRun } from "./useRun.ts"
import "../styles/run.css"

const Charts = lazyPart(() => import("../parts/charts.tsx"), "the charts")
const Cards = lazyPart(() => import("../parts/cardList.tsx"), "the cards")

const tabs = ["overview", "log", "metrics", "cards"] as const
type Tab = (typeof tabs)[number]

const Run = ({ id }: { readonly id: string }) => {
  const [parameter] = useParameter("view")
  const tab = tabs.find((name) => name === parameter) ?? "overview"
  const log = useLog(id, undefined, tab === "log")
  const state = useRun(id, (tasks) => log.hear(tasks))
  const { detail, error, labels, metrics } = state
  const charts = useMemo(() => chartsOf(metrics, labels), [metrics, labels])
  useTitle(detail === undefined ? "" : `${detail.run.flow} ${shortId(detail.run.id)}`)
  const show = useCallback((next: Tab) => setParameters({ view: next === "overview" ? undefined : next }), [])
  useKeys({ "1": () => show("overview"), "2": () => show("log"), "3": () => show("metrics"), "4": () => show("cards") })

  if (detail === undefined) {
    if (error === undefined) return <Loading what="the run" />
    return error.status === 404 ? (
      <Empty title="There is no such run">
        <p>{error.message}</p>
        <p>
          <Link to={toRuns()}>See the runs</Link>
        </p>
      </Empty>
    ) : (
      <Failure error={error} />
    )
  }
  const { commands, run } = detail
  const numbers: Readonly<Record<Tab, number | undefined>> = {
    overview: undefined,
    log: log.complete ? log.lines.length : undefined,
    metrics: charts.length,
    cards: state.cards.length
  }
  return (
    <div className="run">
      <Head run={run} tasks={state.tasks} />
      {error === undefined ? null : <Failure error={error} />}
      <RunTrouble run={run} tasks={state.tasks} isComplete={state.complete} commands={commands} />
      {state.isRemoved ? (
        <p className="notice warn" role="alert">
          This run was removed from the store. What is on the screen is all that is left of it.
        </p>
      ) : null}
      {parameter === undefined || parameter === tab ? null : (
        <p className="notice warn" role="alert">
          A run has no view “{parameter}”. It has {tabs.join(", ")}.
        </p>
      )}
      <Tabs
        label="Views of the run"
        panel="run-view"
        tabs={tabs.map((name) => ({
          name,
          text: (
            <>
              {name[0]?.toUpperCase()}
              {name.slice(1)}
              {numbers[name] === undefined ? null : <span className="count">{count(numbers[name])}</span>}
            </>
          )
        }))}
        selected={tab}
        select={show}
      />
      <div id="run-view" role="tabpanel" aria-labelledby={`run-view-${tab}`}>
        {tab === "overview" ? <Overview state={state} detail={detail} /> : null}
        {tab === "log" ? (
          <div className="section">
            <Log log={log} run={run.id} task={undefined} going={run.status === "running"} />
          </div>
        ) : null}
        {tab === "metrics" ? (
          charts.length === 0 ? (
            <Empty title="No metrics">
              <p>
                A step adds a point with <code>yield* Run.metric("loss", value)</code>, and it appears here while the
                step runs.
              </p>
            </Empty>
          ) : (
            <Section title="Metrics">
              <Boundary place={run.id}>
                <Charts charts={charts} />
              </Boundary>
            </Section>
          )
        ) : null}
        {tab === "cards" ? (
          state.cards.length === 0 ? (
            <Empty title="No cards">
              <p>
                A step shows itself with <code>yield* Card.append(Card.markdown("…"))</code>, and it appears here while
                the step runs.
              </p>
            </Empty>
          ) : (
            <Boundary place={run.id}>
              <Cards cards={state.cards} run={run.id} />
            </Boundary>
          )
        ) : null}
      </div>
    </div>
  )
}

export default Run
