/**
 * Executes the combinators of a flow's body: the implementation of `CurrentRun` within a run. It calls the body's
 * functions through `callback.ts`.
 */
import * as Effect from "effect/Effect"
import type { Interpreter } from "../../CurrentRun.ts"
import { FlowError } from "../../FlowError.ts"
import { isRef, type Ref } from "../../Ref.ts"
import type { RunRecord } from "../../RunRecord.ts"
import * as State from "../../State.ts"
import { notABoolean, runEffect } from "./callback.ts"
import type { FlowDefinition } from "./definition.ts"
import * as Output from "./output.ts"
import * as Parameters from "./parameters.ts"
import { ItemRef, via } from "./refs.ts"
import * as Origin from "./resume.ts"
import type { RunContext } from "./runContext.ts"
import * as RunScope from "./runScope.ts"
import { runTask } from "./taskRunner.ts"
import * as UsageErrors from "./usageErrors.ts"

/** Runs a flow that this one calls. */
export type RunChild = (
  flow: FlowDefinition,
  parameters: object,
  start: {
    readonly parent: string
    readonly begun: RunRecord | undefined
    readonly origin?: { readonly run: RunRecord; readonly from: string | undefined }
  }
) => Effect.Effect<{ readonly id: string; readonly output: unknown }, unknown, any>

/** The interpreter of a run. */
export const make = (
  run: RunContext,
  origin: Origin.Origin | undefined,
  from: string | undefined,
  runChild: RunChild
): Interpreter => {
  const flowName = run.flow.flowName
  return {
    id: run.id,
    flow: flowName,
    task: (definition, given, states) => runTask(run, definition, given, states),
    noteMade: (definition) => run.scope.noteMade(definition.name),
    forEach: Effect.fnUntraced(function* (items, task, concurrency) {
      const list = yield* isRef(items) ? items : Effect.succeed(items)
      if (!Array.isArray(list)) return yield* Effect.die(UsageErrors.notAList(items, list))
      const from: Ref<unknown> | undefined = isRef(items) ? items : undefined
      const name = from === undefined ? "item" : from.name
      if (list.length === 0 && from !== undefined) {
        // An empty list has no states with an origin, so the list itself carries it to the join.
        const task = via(from)
        return Object.defineProperty([], State.origin, { value: { tasks: task === undefined ? [] : [task], via: {} } })
      }
      const subject = `The function given to Step.forEach in flow "${flowName}"`
      return yield* Effect.forEach(
        list,
        (value: unknown, index) =>
          runEffect(subject, () =>
            task(isRef(value) ? value : new ItemRef(value, `${name}.${index}`, from?.task, from && via(from)), index)
          ),
        { concurrency }
      )
    }),
    choose: Effect.fnUntraced(function* (ref, arms) {
      const value = String(yield* ref)
      const arm = Object.hasOwn(arms, value) ? arms[value] : undefined
      if (arm === undefined) return yield* Effect.die(UsageErrors.noArm(ref, value, arms))
      for (const other of Object.values(arms)) if (other !== arm) RunScope.forgive(other.effect)
      return yield* runEffect(`The arm "${value}" of a choice in flow "${flowName}"`, () => arm())
    }),
    iterate: Effect.fnUntraced(function* (state, options) {
      const condition = `\`while\` of Flow.iterate in flow "${flowName}"`
      for (let count = 0; ; count++) {
        const current = state
        const continues = yield* runEffect(condition, () => options.while(current))
        if (typeof continues !== "boolean") return yield* Effect.die(notABoolean(condition, continues))
        if (!continues) return state
        if (count >= options.limit) {
          return yield* new FlowError({
            reason: "limit",
            message: `A loop of flow "${flowName}" did not end after ${options.limit} iterations. Give Flow.iterate a higher \`limit\` if more are intended.`
          })
        }
        state = yield* runEffect(`\`body\` of Flow.iterate in flow "${flowName}"`, () => options.body(current, count))
      }
    }),
    call: Effect.fnUntraced(function* (called, parameters) {
      const flow = run.flow.replacements?.get(called) ?? called
      const complete = yield* Parameters.make(flow, parameters)
      const encoded = yield* Parameters.encode(flow, complete)
      const begun = yield* run.begun === undefined ? Effect.succeed(undefined) : run.begun.child(flow.flowName, encoded)
      const earlier = yield* origin === undefined ? Effect.succeed(undefined) : origin.takeChild(flow.flowName, encoded)
      const result = yield* run.scope.owning(
        runChild(flow, complete, {
          parent: run.id,
          begun,
          ...(earlier === undefined
            ? undefined
            : { origin: { run: earlier, from: yield* Origin.fromWithin(from, flow) } })
        })
      )
      return Output.fromChild(result.output, result.id)
    })
  }
}
