/** The head of a run: what it is, how it goes, and after a failure what to do next. */
import type * as Api from "../api.ts"
import { count, plural, shortId } from "../format.ts"
import { totals } from "../model/runList.ts"
import { callerOf } from "../model/runTree.ts"
import { firstFailed, isWaiting, type Tasks } from "../model/tasks.ts"
import { Ago, Command, Copy, Link, Tags, Took } from "../parts/basic.tsx"
import { Status } from "../parts/status.tsx"
import { Trouble } from "../parts/trouble.tsx"
import { toRun, toRuns, toTask } from "../router.ts"

export const Head = ({ run, tasks }: { readonly run: Api.RunView; readonly tasks: Tasks }) => {
  const sum = totals(run)
  const waiting = Math.min(sum.running, tasks.all.filter(isWaiting).length)
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
          <Took from={run.startedAt} to={run.endedAt} going={run.status === "running"} />
        </span>
        <span>
          started <Ago at={run.startedAt} />
        </span>
        <span>
          {plural(sum.all, "task")}
          {sum.running > waiting ? `, ${count(sum.running - waiting)} running` : ""}
          {waiting > 0 ? `, ${count(waiting)} waiting` : ""}
          {sum.failed > 0 ? `, ${count(sum.failed)} failed` : ""}
          {sum.crashed > 0 ? `, ${count(sum.crashed)} crashed` : ""}
          {sum.interrupted > 0 ? `, ${count(sum.interrupted)} interrupted` : ""}
        </span>
        <Tags tags={run.tags} />
      </div>
    </header>
  )
}

/** Why a run did not succeed, a link to the task that failed first, and commands to continue. */
export const RunTrouble = ({
  commands,
  isComplete,
  run,
  tasks
}: {
  /** Whether all tasks are loaded. */
  readonly isComplete: boolean
  readonly run: Api.RunView
  readonly tasks: Tasks
  readonly commands: Api.Commands
}) => {
  if (run.status === "running" || run.status === "succeeded") return null
  const failed = run.status === "failed" ? firstFailed(tasks.all) : undefined
  // Which task failed first is known once all of them are.
  if (run.status === "failed" && failed === undefined && !isComplete) return null
  const kind = run.status === "failed" ? "" : run.status
  const error = failed === undefined || run.error?.message === failed.error?.message ? run.error : failed.error
  return (
    <Trouble
      kind={kind}
      title={
        run.status === "crashed" ? (
          <>
            The process of this run is gone: it last gave a sign of life <Ago at={run.endedAt ?? run.heartbeatAt} />.
          </>
        ) : failed !== undefined ? (
          <>
            <Link to={toTask(run.id, failed.id)}>{failed.id}</Link> failed first
          </>
        ) : (
          `The run ${run.status === "interrupted" ? "was interrupted" : "failed"}`
        )
      }
      error={run.status === "crashed" ? undefined : error}
    >
      {run.resumedBy === undefined ? null : (
        <p>
          It was resumed as{" "}
          <Link to={toRun(run.resumedBy)} title={run.resumedBy}>
            {shortId(run.resumedBy)}
          </Link>
          .
        </p>
      )}
      {failed === undefined ? null : <Command says="log">{`${commands.read} logs ${run.id}/${failed.id}`}</Command>}
      <Resume run={run} commands={commands} />
    </Trouble>
  )
}

/** How to resume a run: the command, or what to do where the store does not know which program runs the flow. */
export const Resume = ({
  commands,
  from,
  run,
  says = "resume"
}: {
  readonly run: Api.RunView
  readonly commands: Api.Commands
  readonly from?: string
  readonly says?: string
}) => {
  const words = `resume ${run.id}${from === undefined ? "" : ` --from ${word(from)}`}`
  if (commands.resume !== undefined) return <Command says={says}>{`${commands.resume} ${words}`}</Command>
  const parent = callerOf(run)
  if (parent !== undefined) {
    return (
      <p className="muted">
        It is resumed together with the run that called it, <Link to={toRun(parent)}>{shortId(parent)}</Link>.
      </p>
    )
  }
  return (
    <p className="muted">
      An application started this run. It resumes it with{" "}
      <code>
        Flow.resume({run.flow}, {`{ origin: "${run.id}" }`})
      </code>
    </p>
  )
}

/** Quotes a word for a shell, if necessary. */
const word = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)
