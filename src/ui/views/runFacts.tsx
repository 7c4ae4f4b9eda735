/** Facts about a run beside its graph: parameters, what it yielded, its surroundings, and the task that is selected. */
import type * as Api from "../api.ts"
import { inline, shortId, size } from "../format.ts"
import { callerOf, find, hasGroup, type RunTree } from "../model/runTree.ts"
import { shownStatus } from "../model/tasks.ts"
import { Link, Section, Took } from "../parts/basic.tsx"
import { How, Status } from "../parts/status.tsx"
import { toArtifact, toCompare, toRun, toTask } from "../router.ts"

export const Pairs = ({ none, of }: { readonly of: Readonly<Record<string, unknown>>; readonly none: string }) => {
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
export const Yielded = ({ output }: { readonly output: unknown }) => {
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

export const About = ({ run }: { readonly run: Api.RunView }) => {
  const parent = callerOf(run)
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
export const Selected = ({
  isComplete,
  selected,
  tree
}: {
  /** Whether all tasks are loaded. */
  readonly isComplete: boolean
  readonly tree: RunTree
  readonly selected: string | undefined
}) => {
  const item = selected === undefined ? undefined : find(tree, selected)
  if (item?.call !== undefined) return <SelectedCall called={item.call} />
  if (item !== undefined) return <SelectedTask run={item.tree.run} task={item.task} />
  // A task of a called run that is closed is not loaded.
  const isElsewhere = tree.calls.some(({ id }) => selected?.startsWith(`${id}/`) === true)
  if (selected === undefined || !isComplete || isElsewhere || hasGroup(tree, selected)) return null
  return (
    <Section title="Selection">
      <p className="body">This run has no task “{selected}”.</p>
    </Section>
  )
}

const SelectedCall = ({ called }: { readonly called: Api.RunView }) => (
  <Section title={called.flow} actions={<Link to={toRun(called.id)}>Open</Link>}>
    <dl className="pairs">
      <div className="pair">
        <dt>run</dt>
        <dd className="mono" title={called.id}>
          {shortId(called.id)}
        </dd>
      </div>
      <div className="pair">
        <dt>status</dt>
        <dd>
          <Status status={called.status} />
        </dd>
      </div>
      <div className="pair">
        <dt>took</dt>
        <dd>
          <Took from={called.startedAt} to={called.endedAt} going={called.status === "running"} />
        </dd>
      </div>
      {Object.entries(called.parameters).map(([name, value]) => (
        <div key={name} className="pair">
          <dt>{name}</dt>
          <dd className="mono">{inline(value, 200)}</dd>
        </div>
      ))}
      {called.error === undefined ? null : (
        <div className="pair">
          <dt>error</dt>
          <dd className="bad-text">{called.error.message}</dd>
        </div>
      )}
    </dl>
  </Section>
)

const SelectedTask = ({ run, task }: { readonly run: string; readonly task: Api.TaskView }) => {
  const given = task.given.flatMap(({ names }) => names)
  return (
    <Section title={task.id} actions={<Link to={toTask(run, task.id)}>Open</Link>}>
      <dl className="pairs">
        <div className="pair">
          <dt>status</dt>
          <dd>
            <Status status={shownStatus(task)} /> <How how={task.how} />
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
