/** The first tab of a run: its graph and waterfall with a shared selection, its newest card, and facts beside them. */
import { useCallback, useMemo } from "react"
import type * as Api from "../api.ts"
import { criticalPath } from "../model/criticalPath.ts"
import { chartsOf } from "../model/series.ts"
import { Ago, Command, Link, Section, Took } from "../parts/basic.tsx"
import { Boundary, lazyPart } from "../parts/boundary.tsx"
import { Graph } from "../parts/graph.tsx"
import { Status } from "../parts/status.tsx"
import { Waterfall } from "../parts/waterfall.tsx"
import { toRun, toTask, useNames, useParameter } from "../router.ts"
import { About, Pairs, Selected, Yielded } from "./runFacts.tsx"
import { Resume } from "./runHead.tsx"
import type { RunState } from "./useRun.ts"
import { useRunTree } from "./useRunTree.tsx"

const Charts = lazyPart(() => import("../parts/charts.tsx"), "the charts")
const Cards = lazyPart(() => import("../parts/cardList.tsx"), "the card")

export const Overview = ({ detail, state }: { readonly state: RunState; readonly detail: Api.RunDetail }) => {
  const { commands, run } = detail
  const [selected, setSelected] = useParameter("at")
  const [expanded, toggle] = useNames("open")
  const select = useCallback((id: string | undefined) => setSelected(id), [setSelected])
  const { followers, opened, toggleCall, tree } = useRunTree(state, run.id, detail.children)
  const critical = useMemo(() => criticalPath(tree.tasks, tree.calls), [tree])
  const last = state.cards.reduce<Api.CardView | undefined>(
    (a, b) => (a === undefined || b.at >= a.at ? b : a),
    undefined
  )
  const charts = useMemo(() => chartsOf(state.metrics, state.labels), [state.metrics, state.labels])
  return (
    <div className="columns">
      <div className="stack">
        <div className="section">
          {followers}
          {tree.tasks.length + tree.calls.length === 0 ? (
            <div className="empty small">
              <h2>
                {!state.complete
                  ? "Loading the tasks…"
                  : run.status === "running"
                    ? "No task yet"
                    : "This run has no tasks"}
              </h2>
            </div>
          ) : (
            <>
              <Graph
                tree={tree}
                expanded={expanded}
                opened={opened}
                selected={selected}
                critical={critical}
                select={select}
                toggle={toggle}
                toggleCall={toggleCall}
              />
              <Waterfall
                tree={tree}
                started={run.startedAt}
                ended={run.endedAt}
                labels={state.labels}
                critical={critical}
                selected={selected}
                select={select}
                toggleCall={toggleCall}
              />
            </>
          )}
        </div>
        {last === undefined ? null : (
          <Boundary place={last.digest}>
            <Cards cards={[last]} run={run.id} />
          </Boundary>
        )}
      </div>
      <aside className="stack rail" aria-label="About the run">
        <Selected tree={tree} selected={selected} isComplete={state.complete} />
        <Section title="Parameters">
          <Pairs of={run.parameters} none="None" />
        </Section>
        {charts.length === 0 ? null : (
          <Section title="Metrics">
            <Boundary place={run.id}>
              <Charts charts={charts.slice(0, 3)} height={140} />
            </Boundary>
          </Section>
        )}
        {state.cards.length === 0 ? null : (
          <Section title="Cards" count={state.cards.length}>
            <ul className="list">
              {state.cards.map((card) => (
                <li key={card.task}>
                  <Link to={`${toTask(run.id, card.task)}#card`} className="grow">
                    {card.task}
                  </Link>
                  <span className="muted">
                    <Ago at={card.at} />
                  </span>
                </li>
              ))}
            </ul>
          </Section>
        )}
        {detail.children.length === 0 ? null : (
          <Section title="Called runs" count={detail.children.length}>
            <ul className="list">
              {detail.children.map((child) => (
                <li key={child.id}>
                  <Status status={child.status} />
                  <Link to={toRun(child.id)} className="grow">
                    {child.flow}
                  </Link>
                  <Took from={child.startedAt} to={child.endedAt} going={child.status === "running"} />
                </li>
              ))}
            </ul>
          </Section>
        )}
        {detail.output === undefined || detail.output === null ? null : (
          <Section title="Yielded">
            <Yielded output={detail.output} />
          </Section>
        )}
        <Section title="About">
          <About run={run} />
        </Section>
        <Section title="Command line">
          <div className="body">
            <Command says="show">{`${commands.read} show ${run.id}`}</Command>
            <Command says="logs">{`${commands.read} logs ${run.id}${run.status === "running" ? " --follow" : ""}`}</Command>
            {run.status === "running" ? null : <Resume run={run} commands={commands} />}
            {run.origin === undefined ? null : (
              <Command says="diff">{`${commands.read} diff ${run.origin} ${run.id}`}</Command>
            )}
          </div>
        </Section>
      </aside>
    </div>
  )
}
