/**
 * Two runs side by side. Artifacts are compared by name within a step, tasks by their keys: a step is the same where it was
 * given the same and is the same program.
 */
import type { MetricRecord, RefRecord, TaskRecord } from "../RunRecord.ts"
import type { CompareView, Pair, RunView } from "./uiApi.ts"

/** What is read of each run. */
export interface Side {
  readonly run: RunView
  readonly tasks: ReadonlyArray<TaskRecord>
  readonly metrics: ReadonlyArray<MetricRecord>
}

/** Steps with more tasks than this are compared as wholes, not artifact by artifact. */
const most = 50

/** The comparison. */
export const compare = (left: Side, right: Side): CompareView => ({
  left: left.run,
  right: right.run,
  parameters: pairs(left.run.parameters, right.run.parameters),
  metrics: pairs(lastValues(left), lastValues(right)),
  artifacts: artifacts(left.tasks, right.tasks),
  steps: steps(left.tasks, right.tasks)
})

const namesOf = (...records: ReadonlyArray<object>): ReadonlyArray<string> => [...new Set(records.flatMap(Object.keys))]

const pairs = (
  left: Readonly<Record<string, unknown>>,
  right: Readonly<Record<string, unknown>>
): ReadonlyArray<Pair> =>
  namesOf(left, right).map((name) => {
    const pair = {
      name,
      ...(name in left ? { left: left[name] } : {}),
      ...(name in right ? { right: right[name] } : {}),
      same: name in left && name in right && JSON.stringify(left[name]) === JSON.stringify(right[name])
    }
    return pair as Pair // parameters and metrics are JSON
  })

const lastValues = ({ metrics, tasks }: Side): Record<string, number | null> => {
  const steps = new Map(tasks.map((task) => [task.id, task.step]))
  const last: Record<string, number | null> = {}
  for (const { name, task, value } of metrics) {
    last[`${steps.get(task) ?? ""} ${name}`.trim()] = Number.isFinite(value) ? value : null
  }
  return last
}

/** Output refs by `step/name`, numbered where a step has several tasks. */
const outputs = (tasks: ReadonlyArray<TaskRecord>): ReadonlyMap<string, RefRecord> => {
  const byStep = Map.groupBy(tasks, (task) => task.step)
  const found = new Map<string, RefRecord>()
  for (const [step, ofStep] of byStep) {
    ofStep.slice(0, most).forEach((task, i) => {
      for (const ref of task.outputs)
        found.set(ofStep.length === 1 ? `${step}/${ref.name}` : `${step}[${i}]/${ref.name}`, ref)
    })
  }
  return found
}

const artifacts = (left: ReadonlyArray<TaskRecord>, right: ReadonlyArray<TaskRecord>): CompareView["artifacts"] => {
  const of = { left: outputs(left), right: outputs(right) }
  return [...new Set([...of.left.keys(), ...of.right.keys()])].map((name) => {
    const one = of.left.get(name)
    const other = of.right.get(name)
    return {
      name,
      ...(one === undefined ? {} : { left: one }),
      ...(other === undefined ? {} : { right: other }),
      same: one !== undefined && one.digest === other?.digest
    }
  })
}

const millis = (tasks: ReadonlyArray<TaskRecord>): number =>
  tasks.reduce((sum, task) => sum + Math.max(0, (task.finishedAt ?? task.startedAt) - task.startedAt), 0)

const steps = (left: ReadonlyArray<TaskRecord>, right: ReadonlyArray<TaskRecord>): CompareView["steps"] => {
  const of = { left: Map.groupBy(left, (task) => task.step), right: Map.groupBy(right, (task) => task.step) }
  const keys = (tasks: ReadonlyArray<TaskRecord>): string =>
    tasks
      .map((task) => task.key)
      .sort()
      .join()
  return [...new Set([...of.left.keys(), ...of.right.keys()])].map((step) => {
    const one = of.left.get(step) ?? []
    const other = of.right.get(step) ?? []
    return {
      step,
      left: one.length,
      right: other.length,
      leftMillis: millis(one),
      rightMillis: millis(other),
      same: keys(one) === keys(other)
    }
  })
}
