/** A run: its graph and waterfall with a shared selection, its log, metrics, cards and details. */
import { lazy, Suspense, useCallback, useState } from "react"
import type * as Api from "../api.ts"
import { count, inline, plural, shortId, size } from "../format.ts"
import { useKeys, useTitle } from "../hooks.ts"
import { totals } from "../model/runList.ts"
import { chartsOf } from "../model/series.ts"
import { firstFailed, type Tasks } from "../model/tasks.ts"
import { Ago, Command, Copy, Empty, Failure, Link, Loading, Section, Tags, Took } from "../parts/basic.tsx"
import { Graph } from "../parts/graph.tsx"
import { Log, useLog } from "../parts/log.tsx"
import { How, Status } from "../parts/status.tsx"
import { Trouble } from "../parts/trouble.tsx"
import { Waterfall } from "../parts/waterfall.tsx"
import { setParameters, toArtifact, toCompare, toRun, toRuns, toTask, useParameter } from "../router.ts"
import { type RunState, useRun } from "./useRun.ts"
import "../styles/run.css"

const Charts = lazy(() => import("../parts/charts.tsx"))
const Cards = lazy(() => import("../parts/cardList.tsx"))

const tabs = ["overview", "log", "metrics", "cards"] as const
type Tab = (typeof tabs)[number]

const Run = ({ about, id }: { readonly id: string; readonly about: Api.About }) => {
  const [parameter] = useParameter("view")
  const tab = tabs.find((one) => one === parameter) ?? "overview"
  const log = useLog(id, undefined, tab === "log")
  const state = useRun(id, (tasks) => log.hear(tasks))
  const { detail, error } = state
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
  const { run } = detail
  const charts = chartsOf(state.metrics)
  const numbers: Readonly<Record<Tab, number | undefined>> = {
    overview: undefined,
    log: log.complete ? log.lines.length : undefined,
    metrics: charts.length,
    cards: state.cards.length
  }
  return (
    <div className="run">
      <Head run={run} />
      {error === undefined ? null : <Failure error={error} />}
      <RunTrouble run={run} tasks={state.tasks} about={about} />
      <div className="tabs" role="tablist" aria-label="Views of the run">
        {tabs.map((name) => (
          <button
            type="button"
            role="tab"
            key={name}
            aria-selected={tab === name}
            aria-controls="run-view"
            onClick={() => show(name)}
          >
            {name[0]?.toUpperCase()}
            {name.slice(1)}
            {numbers[name] === undefined ? null : <span className="count">{count(numbers[name])}</span>}
          </button>
        ))}
      </div>
      <div id="run-view" role="tabpanel" aria-label={tab}>
        {tab === "overview" ? <Overview state={state} detail={detail} about={about} /> : null}
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
              <Suspense fallback={<Loading what="the charts" />}>
                <Charts charts={charts} />
              </Suspense>
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
            <Suspense fallback={<Loading what="the cards" />}>
              <Cards cards={state.cards} run={run.id} />
            </Suspense>
          )
        ) : null}
      </div>
    </div>
  )
}

export default Run

const Head = ({ run }: { readonly run: Api.RunView }) => {
  const sum = totals(run)
  return (
    <header className="head">
      <nav className="crumbs" aria-label="Where this is">
        <Link to={toRuns()}>Runs</Link>
        <span aria-hidden="true">/</span>
        <Link to={`/?flow=${encodeURIComponent(run.flow)}`}>{run.flow}</Link>
      </nav>
      <h1>{run.flow}</h1>
      <Status status={run.status} />
      <div className="facts">
        <span>
          <span className="mono">{run.id}</span> <Copy text={run.id} label="Copy the run's id" />
        </span>
        <span>
          <Took
            from={run.startedAt}
            to={run.finishedAt ?? (run.status === "crashed" ? run.heartbeatAt : undefined)}
            going={run.status === "running"}
          />
        </span>
        <span>
          started <Ago at={run.startedAt} />
        </span>
        <span>
          {plural(sum.all, "task")}
          {sum.running > 0 ? `, ${count(sum.running)} running` : ""}
          {sum.failed > 0 ? `, ${count(sum.failed)} failed` : ""}
        </span>
        <Tags tags={run.tags} />
      </div>
    </header>
  )
}

/** The first failed task: its error, a link to it, and commands to continue. */
const RunTrouble = ({
  about,
  run,
  tasks
}: {
  readonly run: Api.RunView
  readonly tasks: Tasks
  readonly about: Api.About
}) => {
  if (run.status === "crashed") {
    return (
      <Trouble
        kind="crashed"
        error={undefined}
        title={
          <>
            The process of this run is gone: it last gave a sign of life <Ago at={run.heartbeatAt} />.
          </>
        }
      >
        <Command says="resume">{`${about.command} resume ${run.id}`}</Command>
      </Trouble>
    )
  }
  if (run.status !== "failed") return null
  const failed = firstFailed(tasks.all)
  if (failed === undefined) return <Trouble title="The run failed" error={run.error} />
  return (
    <Trouble
      title={
        <>
          <Link to={toTask(run.id, failed.id)}>{failed.id}</Link> failed first
        </>
      }
      error={run.error?.message === failed.error?.message ? run.error : failed.error}
    >
      <Command says="log">{`${about.command} logs ${run.id}/${failed.id}`}</Command>
      <Command says="resume">{`${about.command} resume ${run.id}`}</Command>
    </Trouble>
  )
}

const Overview = ({
  about,
  detail,
  state
}: {
  readonly state: RunState
  readonly detail: Api.RunDetail
  readonly about: Api.About
}) => {
  const { run } = detail
  const [selected, setSelected] = useParameter("at")
  const [expanded, setExpanded] = useState<ReadonlySet<string>>(new Set())
  const select = useCallback((id: string | undefined) => setSelected(id), [setSelected])
  const toggle = useCallback((step: string) => {
    setExpanded((before) => {
      const next = new Set(before)
      if (!next.delete(step)) next.add(step)
      return next
    })
  }, [])
  const all = state.tasks.all
  const last = state.cards.reduce<Api.CardView | undefined>(
    (a, b) => (a === undefined || b.at >= a.at ? b : a),
    undefined
  )
  const charts = chartsOf(state.metrics)
  return (
    <div className="columns">
      <div className="stack">
        <div className="section">
          {all.length === 0 ? (
            <div className="empty small">
              <h2>{state.complete ? "No task yet" : "Loading the tasks…"}</h2>
            </div>
          ) : (
            <>
              <Graph
                run={run.id}
                tasks={all}
                version={state.version}
                expanded={expanded}
                selected={selected}
                select={select}
                toggle={toggle}
              />
              <Waterfall
                run={run.id}
                started={run.startedAt}
                ended={run.finishedAt ?? (run.status === "crashed" ? run.heartbeatAt : undefined)}
                tasks={all}
                version={state.version}
                selected={selected}
                select={select}
              />
            </>
          )}
        </div>
        {last === undefined ? null : (
          <Suspense fallback={<Loading what="the card" />}>
            <Cards cards={[last]} run={run.id} />
          </Suspense>
        )}
      </div>
      <aside className="stack rail" aria-label="About the run">
        <Selected run={run} tasks={state.tasks} selected={selected} />
        <Section title="Parameters">
          <Pairs of={run.parameters} none="None" />
        </Section>
        {charts.length === 0 ? null : (
          <Section title="Metrics">
            <Suspense fallback={<Loading what="the charts" />}>
              <Charts charts={charts.slice(0, 3)} height={140} />
            </Suspense>
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
                  <Took from={child.startedAt} to={child.finishedAt} going={child.status === "running"} />
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
            <Command says="show">{`${about.command} show ${run.id}`}</Command>
            <Command says="logs">{`${about.command} logs ${run.id}${run.status === "running" ? " --follow" : ""}`}</Command>
            <Command says="resume">{`${about.command} resume ${run.id}`}</Command>
            {run.origin === undefined ? null : (
              <Command says="diff">{`${about.command} diff ${run.origin} ${run.id}`}</Command>
            )}
          </div>
        </Section>
      </aside>
    </div>
  )
}

const Pairs = ({ none, of }: { readonly of: Readonly<Record<string, unknown>>; readonly none: string }) => {
  const entries = Object.entries(of)
  return entries.length === 0 ? (
    <p className="body muted">{none}</p>
  ) : (
    <dl className="pairs">
      {entries.map(([name, value]) => (
        <div key={name} className="pair">
          <dt>{name}</dt>
          <dd className="mono">{inline(value, 400)}</dd>
        </div>
      ))}
    </dl>
  )
}

interface RefData {
  readonly name: string
  readonly digest: string
  readonly size: number
  readonly format: string
}

/** A ref in a flow's output. */
const refOf = (value: unknown): RefData | undefined =>
  typeof value === "object" && value !== null && "$ref" in value && typeof value.$ref === "object"
    ? ((value.$ref as RefData | null) ?? undefined) // an object is a ref; a text is the flow's own data
    : undefined

/** What the flow's body yielded: its refs as links, everything else as it is. */
const Yielded = ({ output }: { readonly output: unknown }) => {
  const entries =
    typeof output === "object" && output !== null && !Array.isArray(output) && refOf(output) === undefined
      ? Object.entries(output)
      : [["value", output] as const]
  return (
    <dl className="pairs">
      {entries.slice(0, 40).map(([name, value]) => {
        const ref = refOf(value)
        return (
          <div key={name} className="pair">
            <dt>{name}</dt>
            {ref === undefined ? (
              <dd className="mono">{inline(value, 400)}</dd>
            ) : (
              <dd>
                <Link to={toArtifact(ref.digest)}>{ref.name}</Link>{" "}
                <span className="muted">
                  {ref.format}, {size(ref.size)}
                </span>
              </dd>
            )}
          </div>
        )
      })}
    </dl>
  )
}

const About = ({ run }: { readonly run: Api.RunView }) => {
  const parent = run.parent?.split("/")[0]
  return (
    <dl className="pairs">
      {run.origin === undefined ? null : (
        <div className="pair">
          <dt>resumed</dt>
          <dd>
            <Link to={toRun(run.origin)} className="mono" title={run.origin}>
              {shortId(run.origin)}
            </Link>
            , <Link to={toCompare(run.origin, run.id)}>compare</Link>
          </dd>
        </div>
      )}
      {parent === undefined ? null : (
        <div className="pair">
          <dt>called by</dt>
          <dd>
            <Link to={toRun(parent)} className="mono" title={parent}>
              {shortId(parent)}
            </Link>
          </dd>
        </div>
      )}
      {Object.entries(run.systemTags).map(([name, value]) => (
        <div key={name} className="pair">
          <dt>{name}</dt>
          <dd className="mono">{value}</dd>
        </div>
      ))}
      <div className="pair">
        <dt>process</dt>
        <dd className="mono">{run.pid}</dd>
      </div>
    </dl>
  )
}

/** Details of the selection in the graph or the waterfall. */
const Selected = ({
  run,
  selected,
  tasks
}: {
  readonly run: Api.RunView
  readonly tasks: Tasks
  readonly selected: string | undefined
}) => {
  const task = selected === undefined ? undefined : tasks.get(selected)
  if (task === undefined) return null
  const given = task.given.flatMap(({ names }) => names)
  return (
    <Section title={task.id} actions={<Link to={toTask(run.id, task.id)}>Open</Link>}>
      <dl className="pairs">
        <div className="pair">
          <dt>status</dt>
          <dd>
            <Status status={task.status} /> <How how={task.how} />
          </dd>
        </div>
        <div className="pair">
          <dt>took</dt>
          <dd>
            <Took from={task.startedAt} to={task.finishedAt} going={task.status === "running"} />
            {task.attempts.length > 1 ? `, ${task.attempts.length} attempts` : ""}
          </dd>
        </div>
        {given.length === 0 ? null : (
          <div className="pair">
            <dt>given</dt>
            <dd className="mono">
              {given.slice(0, 20).join(", ")}
              {given.length > 20 ? ` and ${given.length - 20} more` : ""}
            </dd>
          </div>
        )}
        {task.outputs.length === 0 ? null : (
          <div className="pair">
            <dt>wrote</dt>
            <dd className="mono">
              {task.outputs.join(", ")} <span className="muted">{size(task.bytes)}</span>
            </dd>
          </div>
        )}
        {task.error === undefined ? null : (
          <div className="pair">
            <dt>error</dt>
            <dd className="bad-text">{task.error.message}</dd>
          </div>
        )}
      </dl>
    </Section>
  )
}
