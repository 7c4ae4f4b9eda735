/**
 * Runs, tasks and attempts as Effect spans, and tasks as Effect metrics. Spans are only made if they are recorded: if
 * the program has a tracer (for example of `effect/observability`), or the run is inside a span.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Tracer from "effect/Tracer"
import { beganAt, type TaskRecord } from "../../RunRecord.ts"

/** Whether spans of this fiber are recorded. */
export const isTraced: Effect.Effect<boolean> = Effect.contextWith((context) =>
  Effect.succeed(
    Context.getOrUndefined(context, Tracer.Tracer) !== undefined ||
      Context.getOrUndefined(context, Tracer.ParentSpan) !== undefined
  )
)

/** Makes an effect a span. */
export const span = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  name: string,
  attributes: Readonly<Record<string, unknown>>
): Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>> =>
  Effect.withSpan(self, name, { attributes, captureStackTrace: false })

/** Says what is known of a task once it is over, on its span. */
export const annotateTask = (task: TaskRecord): Effect.Effect<void> =>
  Effect.annotateCurrentSpan({
    task: task.id,
    key: task.key,
    how: task.how,
    status: task.status,
    attempts: task.attempts.length,
    bytes: task.outputs.reduce((bytes, output) => bytes + output.size, 0)
  })

const tasks = Metric.counter("effect_flow_tasks", {
  description: "Finished tasks by flow, step, status and how they got their outputs",
  incremental: true
})
const durations = Metric.histogram("effect_flow_task_duration_ms", {
  description: "The duration of executed tasks in milliseconds",
  boundaries: Metric.exponentialBoundaries({ start: 1, factor: 4, count: 12 })
})

interface Meters {
  readonly count: Metric.Metric<number, unknown>
  readonly duration: Metric.Metric<number, unknown>
}

/** By flow, step, status and how, so that attributes are added to a metric once and not for each task. */
const meters = new Map<string, Meters>()

/** Counts a finished task, and records its duration if it was executed. */
export const measureTask = (context: Context.Context<never>, flow: string, task: TaskRecord): void => {
  const key = `${flow}\n${task.step}\n${task.status}\n${task.how}`
  let meter = meters.get(key)
  if (meter === undefined) {
    const attributes = { flow, step: task.step, status: task.status, how: task.how }
    meter = {
      count: Metric.withAttributes(tasks, attributes) as Metric.Metric<number, unknown>, // its input counts
      duration: Metric.withAttributes(durations, attributes)
    }
    meters.set(key, meter)
  }
  // Not `Metric.update`: a task pays for no effects here.
  meter.count.updateUnsafe(1, context)
  if (task.how === "executed" && task.finishedAt !== undefined)
    meter.duration.updateUnsafe(task.finishedAt - beganAt(task), context)
}
