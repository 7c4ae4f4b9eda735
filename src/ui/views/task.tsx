/** A task: its error, inputs, outputs, card, attempts and log, and why it was executed or not. */
import { useMemo, useState } from "react"
import * as Api from "../api.ts"
import { clock, duration, shortId } from "../format.ts"
import { useKeys, useTitle } from "../hooks.ts"
import { useLive } from "../live.ts"
import { useCards, useMetrics } from "../model/observations.ts"
import { chartsOf } from "../model/series.ts"
import { shownStatus } from "../model/tasks.ts"
import { Ago, Command, Empty, Failure, Link, Loading, Section, Took } from "../parts/basic.tsx"
import { Boundary, lazyPart } from "../parts/boundary.tsx"
import { Log, useLog } from "../parts/log.tsx"
import { Refs } from "../parts/refs.tsx"
import { How, Status } from "../parts/status.tsx"
import { Trouble } from "../parts/trouble.tsx"
import { navigate, toRun, toRuns, toTask, toWriter } from "../router.ts"
import { Resume } from "./runHead.tsx"
import "../styles/run.css"

const Charts = lazyPart(() => import("../parts/charts.tsx"), "the charts")
const CardBody = lazyPart(async () => ({ default: (await import("../parts/cards.tsx")).CardBody }), "the card")

const Task = ({ id, run: name }: { readonly run: string; readonly id: string }) => {
  const key = `${name}/${id}`
  const result = Api.useQuery(`task ${key}`, (signal) => Api.task(name, id, signal))
  const [isRemoved, setRemoved] = useState(false)
  const run = result.data?.run
  const metrics = useMetrics(name, id)
  const source = result.data?.task.source
  // A task that was taken over shows the card and the log of the task that was executed.
  const [sourceRun, sourceTask] = source === undefined ? [name, id] : splitWriter(source)
  const cards = useCards(result.data === undefined ? undefined : sourceRun, sourceTask)
  const charts = useMemo(() => chartsOf(metrics.data ?? []), [metrics.data])
  const log = useLog(sourceRun, sourceTask, result.data !== undefined)
  useTitle(result.data === undefined ? "" : `${id} · ${result.data.run.flow}`)
  useKeys({ Backspace: () => navigate(toRun(name)) })
  useLive(run?.id, {
    onOpen: () => {
      if (run?.status !== "running") return
      result.reload()
      log.hear([id])
      metrics.reload()
      cards.reload()
    },
    onEvent: (event) => {
      if (event._tag === "Runs") result.reload()
      if (event._tag === "Tasks" && event.tasks.some((task) => task.id === id || task.parents.includes(id)))
        result.reload()
      if (event._tag === "Logs") log.hear(event.tasks)
      if (event._tag === "Metrics") metrics.reload()
      if (event._tag === "Removed") setRemoved(true)
      if (event._tag === "Cards" && event.tasks.includes(id)) cards.reload()
    }
  })

  if (result.data === undefined || run === undefined) {
    if (result.error === undefined) return <Loading what="the task" />
    return result.error.status === 404 ? (
      <Empty title="There is no such task">
        <p>{result.error.message}</p>
        <p>
          <Link to={toRuns()}>See the runs</Link>
        </p>
      </Empty>
    ) : (
      <Failure error={result.error} retry={result.reload} />
    )
  }
  const { children, commands, task } = result.data
  const going = task.status === "running"
  const path = `${run.id}/${task.id}`
  const card = cards.data?.[0]
  return (
    <div className="task">
      <header className="head">
        <nav className="crumbs" aria-label="Where this is">
          <Link to={toRuns()}>Runs</Link>
          <span aria-hidden="true">/</span>
          <Link to={toRun(run.id)} title={run.id}>
            {run.flow} {shortId(run.id)}
          </Link>
          <span aria-hidden="true">/</span>
          <span>{task.id}</span>
        </nav>
        <h1>{task.id}</h1>
        <Status status={shownStatus(task)} />
        <How how={task.how} always />
        <div className="facts">
          <span>
            <Took from={task.startedAt} to={task.finishedAt} going={going} />
          </span>
          <span>
            started <Ago at={task.startedAt} />
          </span>
          {task.attempts.length > 1 ? <span>{task.attempts.length} attempts</span> : null}
        </div>
      </header>
      {isRemoved ? (
        <p className="notice warn" role="alert">
          The run of this task was removed from the store. What is on the screen is all that is left of it.
        </p>
      ) : null}
      {task.code === undefined || task.sourceCode === undefined || task.code === task.sourceCode ? null : (
        <p className="notice warn" role="status">
          The code of this step has changed since these outputs were written.{" "}
          {task.source === undefined ? null : (
            <>
              They come from <Link to={toWriter(task.source)}>{shortWriter(task.source)}</Link>.
            </>
          )}
        </p>
      )}
      {task.error === undefined ? null : (
        <Trouble title={`${task.id} ${task.status}`} error={task.error}>
          <Resume run={run} commands={commands} />
          {commands.resume === undefined ? null : (
            <Resume run={run} commands={commands} from={task.step} says="rerun from here" />
          )}
        </Trouble>
      )}
      <div className="columns">
        <div className="stack">
          <Section title="Inputs" count={task.inputs.length}>
            <Refs refs={task.inputs} run={run.id} task={task.id} none="This task has no inputs." />
          </Section>
          <Section title="Outputs" count={task.outputs.length}>
            <Refs
              refs={task.outputs}
              run={run.id}
              task={task.id}
              none={going ? "Nothing yet." : "This task has no outputs."}
            />
          </Section>
          {card === undefined ? null : (
            <Section title="Card" id="card">
              <Boundary place={card.digest}>
                <CardBody view={card} />
              </Boundary>
            </Section>
          )}
          <div className="section">
            <Log log={log} run={sourceRun} task={sourceTask} going={going} attempts={task.attempts.length} />
          </div>
        </div>
        <aside className="stack rail" aria-label="About the task">
          <WhySection run={run.id} task={task.id} status={task.status} />
          <Section title="Attempts" count={task.attempts.length}>
            {task.attempts.length === 0 ? (
              <p className="body muted">
                {task.source === undefined ? (
                  "None yet."
                ) : (
                  <>
                    None. It was {task.how === "cached" ? "found in the cache of" : "taken over from"}{" "}
                    <Link to={toWriter(task.source)} className="mono" title={task.source}>
                      {shortWriter(task.source)}
                    </Link>
                    .
                  </>
                )}
              </p>
            ) : (
              <ul className="list">
                {task.attempts.map((attempt) => (
                  <li key={attempt.number} title={attempt.error?.message}>
                    <span className="tabular muted">{attempt.number}</span>
                    <Status status={attempt.status} />
                    <span className="grow muted">{attempt.error?.message ?? clock(attempt.startedAt)}</span>
                    <Took from={attempt.startedAt} to={attempt.finishedAt} going={attempt.status === "running"} />
                    {attempt.cpu === undefined ? null : <span className="muted">{duration(attempt.cpu)} CPU</span>}
                  </li>
                ))}
              </ul>
            )}
          </Section>
          {charts.length === 0 ? null : (
            <Section title="Metrics">
              <Boundary place={task.id}>
                <Charts charts={charts} height={140} />
              </Boundary>
            </Section>
          )}
          <Section title="Around it">
            <dl className="pairs">
              <div className="pair">
                <dt>given by</dt>
                <dd>
                  <TaskLinks run={run.id} tasks={task.parents} />
                </dd>
              </div>
              <div className="pair">
                <dt>read by</dt>
                <dd>
                  <TaskLinks run={run.id} tasks={children} />
                </dd>
              </div>
              {task.version === "" ? null : (
                <div className="pair">
                  <dt>version</dt>
                  <dd className="mono">{task.version}</dd>
                </div>
              )}
              <div className="pair">
                <dt>key</dt>
                <dd className="mono" title={task.key}>
                  {task.key.slice(0, 16)}…
                </dd>
              </div>
            </dl>
          </Section>
          <Section title="Command line">
            <div className="body">
              <Command says="logs">{`${commands.read} logs ${path}${going ? " --follow" : ""}`}</Command>
              <Command says="why">{`${commands.read} why ${path}`}</Command>
              {run.status === "running" ? null : <Resume run={run} commands={commands} from={task.step} says="again" />}
            </div>
          </Section>
        </aside>
      </div>
    </div>
  )
}

export default Task

const splitWriter = (writer: string): readonly [run: string, task: string] => {
  const at = writer.indexOf("/")
  return [writer.slice(0, at), writer.slice(at + 1)]
}

const shortWriter = (writer: string): string => {
  const [run, task] = splitWriter(writer)
  return `${shortId(run)}/${task}`
}

/** The style of a diff line in the output of `why`. */
const diffClass = (line: string): string =>
  /^\s+\+ /.test(line) ? "mono added" : /^\s+- /.test(line) ? "mono removed" : ""

const WhySection = ({
  run,
  status,
  task
}: {
  readonly run: string
  readonly task: string
  readonly status: string
}) => {
  const why = Api.useQuery(`why ${run}/${task} ${status}`, (signal) => Api.why(run, task, signal))
  return (
    <Section title="Why">
      <div className="body why">
        {why.error === undefined ? (
          why.data?.lines.map((line, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other identity than their order
            <p key={i} className={diffClass(line)}>
              {line}
            </p>
          ))
        ) : (
          <p>{why.error.message}</p>
        )}
      </div>
    </Section>
  )
}

const linksLimit = 30

const TaskLinks = ({ run, tasks }: { readonly run: string; readonly tasks: ReadonlyArray<string> }) =>
  tasks.length === 0 ? (
    <span className="muted">no task</span>
  ) : (
    <span className="links">
      {tasks.slice(0, linksLimit).map((task) => (
        <Link key={task} to={toTask(run, task)}>
          {task}
        </Link>
      ))}
      {tasks.length > linksLimit ? <span className="muted">and {tasks.length - linksLimit} more</span> : null}
    </span>
  )
