/**
 * Runs, tasks and attempts as Effect spans, and tasks as Effect metrics. Spans are made only where somebody sees them: where
 * the program has a tracer of its own (`effect/observability`, say), or the run is inside a span.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Tracer from "effect/Tracer"
import type { TaskRecord } from "../../RunRecord.ts"
import type { RunContext } from "./runContext.ts"

/** Whether anybody sees the spans of this fiber. */
export const isTraced: Effect.Effect<boolean> = Effect.contextWith((context) =>
  Effect.succeed(context.mapUnsafe.has(Tracer.TracerKey) || context.mapUnsafe.has(Tracer.ParentSpanKey))
)

/** Makes an effect a span, where anybody sees it. */
export const span =
  (traced: boolean, name: string, attributes: Readonly<Record<string, unknown>>) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>> =>
    traced
      ? Effect.withSpan(self, name, { attributes, captureStackTrace: false })
      : (self as Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>>) // no effect of ours asks for the span

/** What is known of a task once it is over. */
export const annotateTask = (run: RunContext, task: TaskRecord): Effect.Effect<void> =>
  run.traced
    ? Effect.annotateCurrentSpan({
        task: task.id,
        key: task.key,
        how: task.how,
        status: task.status,
        attempts: task.attempts.length,
        bytes: task.outputs.reduce((bytes, output) => bytes + output.size, 0)
      })
    : Effect.void

const tasks = Metric.counter("effect_flow_tasks", {
  description: "Tasks that are over, by flow, step, status and how they came to their outputs",
  incremental: true
})
const durations = Metric.histogram("effect_flow_task_duration_ms", {
  description: "How long executed tasks took, in milliseconds",
  boundaries: Metric.exponentialBoundaries({ start: 1, factor: 4, count: 12 })
})

interface Meters {
  readonly count: Metric.Metric<number, unknown>
  readonly duration: Metric.Metric<number, unknown>
}

/** By flow, step, status and how: attributes are put on a metric once, not for each task. */
const meters = new Map<string, Meters>()

/** Counts a task that is over, and its time if it was executed. */
export const measureTask = (flow: string, task: TaskRecord): Effect.Effect<void> => {
  const key = `${flow}\n${task.step}\n${task.status}\n${task.how}`
  let found = meters.get(key)
  if (found === undefined) {
    const attributes = { flow, step: task.step, status: task.status, how: task.how }
    found = {
      count: Metric.withAttributes(tasks, attributes) as Metric.Metric<number, unknown>, // its input counts
      duration: Metric.withAttributes(durations, attributes)
    }
    meters.set(key, found)
  }
  const { count, duration } = found
  return task.how === "executed" && task.finishedAt !== undefined
    ? Effect.andThen(Metric.update(count, 1), Metric.update(duration, task.finishedAt - task.startedAt))
    : Metric.update(count, 1)
}
