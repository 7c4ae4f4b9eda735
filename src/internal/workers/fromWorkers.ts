/**
 * Processes what workers send to the driver of a run: compares their module's flow with its own, turns results into
 * outcomes, and passes log lines to its loggers. Shared by threads and clusters.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type { Severity } from "effect/LogLevel"
import * as References from "effect/References"
import { CurrentTask } from "../../CurrentTask.ts"
import { type Attempt, ExecutorError, type Outcome } from "../../Executor.ts"
import type { FlowDefinition } from "../run/definition.ts"
import type { TaskSink } from "../run/taskSink.ts"
import * as FailureCodec from "./failureCodec.ts"
import * as FlowModule from "./flowModule.ts"
import type { Flows } from "./thread/protocol.ts"
import type { Done } from "./thread/thread.ts"

/** Refuses workers whose module lacks this flow or has different versions of its steps. */
export const compare = Effect.fnUntraced(function* (flow: FlowDefinition, flows: Flows, module: string) {
  const name: string = flow.flowName
  const versions = flows[name]
  if (versions === undefined) return yield* FlowModule.notExported(module, name, Object.keys(flows))
  for (const definition of flow.definitions.values()) {
    const version = versions[definition.name]
    if (version === undefined) {
      return yield* new ExecutorError({
        reason: "version",
        message: `Flow "${name}" has a step "${definition.name}" here, but the workers' module ${FlowModule.show(module)} does not have it. It has: ${Object.keys(versions).join(", ")}. Start the workers with the same code.`
      })
    }
    if (version !== definition.version) {
      return yield* new ExecutorError({
        reason: "version",
        message: `Step "${definition.name}" of flow "${name}" has version "${definition.version}" here, but version "${version}" in the workers' module ${FlowModule.show(module)}. Start the workers with the same code.`
      })
    }
  }
})

/**
 * An attempt's outcome: the step's typed error, or its outputs with what this side knows of them by itself. Refuses outputs
 * that another version of the step wrote.
 */
export const outcomeOf = Effect.fnUntraced(function* (attempt: Attempt, { cpu, result, worker }: Done) {
  const { definition, task } = attempt
  attempt.failsOn({ cpu, worker }) // also where the outcome is refused below
  if (result._tag === "Failure") return yield* FailureCodec.decode(result.failure, task, definition.error)
  const schemas = definition.output.map((slot) => slot.artifact.description())
  for (const [index, slot] of definition.output.entries()) {
    const written = result.outputs.find((output) => output.name === slot.name)
    if (written?.schema !== schemas[index]?.digest) {
      return yield* new ExecutorError({
        reason: "version",
        message: `The worker of ${task.task} of run ${task.run} has another step "${task.step}" than this process: its output "${slot.name}" is ${written === undefined ? "missing" : "declared with another schema"}. Start the workers with the same code, and give the step another \`version\` when its outputs change.`
      })
    }
  }
  return { outputs: result.outputs, blobs: result.blobs, schemas, cpu, worker } satisfies Outcome
})

/** Logs a line with the flow's loggers, as if the body ran here. */
export const printer = (context: Context.Context<never>, task: Attempt["task"]) => {
  const loggers = new Set(Context.get(context, Logger.CurrentLoggers))
  loggers.delete(Logger.tracerLogger)
  return (line: Parameters<TaskSink["log"]>[0]): Effect.Effect<void> =>
    Effect.logWithLevel(line.level as Severity)(line.message).pipe(
      Effect.provideContext(
        context.pipe(
          // Loggers that keep what a flow's body says tell by this that a task has said it.
          Context.add(CurrentTask, task as never), // they only read its data
          // The caller's own annotations and log spans crossed with the task, and are part of the line.
          Context.add(References.CurrentLogAnnotations, { run: task.run, task: task.task }),
          Context.add(References.CurrentLogSpans, []),
          // The line is an event of the span that it was logged in, in the worker.
          Context.add(Logger.CurrentLoggers, loggers)
        ) as Context.Context<never>
      )
    )
}
