/**
 * Helpers for tests of steps and flows, imported as `effect-flow/testing`: run one step by itself, see what it logged and
 * measured, replace the body of a step, make a task fail, and kill a run between two tasks. A step runs here by the same code
 * as in a flow.
 *
 * To test a whole flow, `Storage.layerMemory` is enough.
 *
 * @example
 * ```ts
 * import { runStep } from "effect-flow/testing"
 *
 * it.effect("squares", () =>
 *   Effect.gen(function*() {
 *     assert.deepStrictEqual(yield* runStep(square, { x: 3 }), { y: 9 })
 *   }))
 * ```
 */
import type * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import type { ArtifactError } from "./ArtifactStore.ts"
import type { CurrentTask } from "./CurrentTask.ts"
import type { Any as AnyFlow, Flow, Output, Parameters, Yielding } from "./Flow.ts"
import { FlowError } from "./FlowError.ts"
import * as Definition from "./internal/run/definition.ts"
import * as TestingStep from "./internal/testing/step.ts"
import type { Simplify, Values } from "./State.ts"
import type * as Step from "./Step.ts"

export { layerFailing, layerKilling, type Which } from "./internal/testing/executor.ts"
export { type Observed, observe } from "./internal/testing/step.ts"

/** What a step run by itself may find in its `CurrentTask`. */
export interface RunOptions {
  /** Which attempt it is. Default: 1. */
  readonly attempt?: number
  /** The run's tags. Default: none. */
  readonly tags?: ReadonlyArray<string>
}

/** What `runStep` takes after the step: its inputs, as values; for a join, the values of each branch's state first. */
export type RunArguments<S> =
  Step.BodyOf<S> extends [infer Input]
    ? keyof Input extends never
      ? [input?: Input, options?: RunOptions]
      : [input: Input, options?: RunOptions]
    : Step.BodyOf<S> extends [infer States, infer Input]
      ? keyof Input extends never
        ? [states: States, input?: Input, options?: RunOptions]
        : [states: States, input: Input, options?: RunOptions]
      : never

/**
 * Runs one step by itself, without a flow, a run or a store. Inputs and outputs go through their schemas as in a run, so an
 * output that breaks its schema fails here, too. There is one attempt: `retry`, `timeout` and `cache` take effect only in a run.
 *
 * @param given The inputs, as values. For a join: the values of each branch's state, then its own inputs, if it has any.
 * @returns The outputs. Fails as the step's body fails, or with `ArtifactError` where a value breaks its schema.
 *
 * @example
 * ```ts
 * const { auc } = yield* runStep(evaluate, { model, valdf })
 * const { best } = yield* runStep(pick, { scores: [{ rate: 0.1, auc: 0.8 }, { rate: 0.2, auc: 0.9 }] })
 * ```
 */
export const runStep = <S extends Step.Any>(
  step: S,
  ...given: RunArguments<S>
): Effect.Effect<
  Simplify<Values<Step.OutputOf<S>>>,
  Step.FailureOf<S> | ArtifactError,
  Exclude<Step.NeedsOf<S>, CurrentTask>
> => TestingStep.run(Definition.of(step), given as TestingStep.Arguments) as never // the definition is erased, this signature is its type

/**
 * Replaces the body of one step of a flow. The step keeps its name, inputs, outputs, version, retries and timeout, so a run of
 * the one flow can be resumed with the other.
 *
 * @param step A step that the flow lists. Otherwise it throws `FlowError`.
 * @param body Gets what the step's own body gets, and yields what that yields.
 *
 * @example
 * ```ts
 * const quick = withStep(BranchNLPFlow, train, () => Effect.succeed({ accuracy: 1, note: "", model: tinyModel }))
 * const { output } = yield* Flow.run(quick, {})
 * ```
 *
 * Gotchas: an executor with threads or processes executes such a step in this process, since a body can't be sent.
 */
export const withStep = <F extends AnyFlow, S extends Step.Any, R = never>(
  flow: F,
  step: S,
  body: (...given: Step.BodyOf<S>) => Step.Body<Step.Yielded<Step.OutputOf<S>>, Step.FailureOf<S>, R>
): WithServices<F, Exclude<R, CurrentTask | Scope>> => {
  const listed = Definition.listed(flow.definitions, originalOf(Definition.of(step)))
  if (listed === undefined) {
    throw new FlowError({
      reason: "unlisted",
      message: `Flow "${flow.flowName}" lists no step "${step.stepName}" whose body could be replaced; it lists: ${[...flow.definitions.keys()].join(", ")}.`
    })
  }
  const replaced = { ...listed, run: body as never, replaces: originalOf(listed), runsOn: "fiber" as const } // called with what it takes
  return { ...flow, definitions: new Map(flow.definitions).set(listed.name, replaced) } as never // the same types, and what the body needs
}

/** A flow whose body needs more services. */
export type WithServices<F, R> =
  F extends Flow<infer Name, infer P extends Parameters, infer Out, infer E, infer Needs>
    ? Flow<Name, P, Out, E, Needs | R>
    : never

const originalOf = (definition: Definition.Definition): Definition.Definition => definition.replaces ?? definition

/**
 * Replaces a flow that the flow calls with `Flow.call`: by a flow made for the test, or by the same flow with a step replaced.
 *
 * @example
 * ```ts
 * const flow = withFlow(Parent, Child, withStep(Child, train, () => Effect.succeed({ accuracy: 1, note: "", model: tinyModel })))
 * ```
 */
export const withFlow = <F extends AnyFlow, C extends AnyFlow>(
  flow: F,
  called: C,
  replacement: AnyFlow & { readonly parameters: C["parameters"] } & Yielding<Output<C>>
): F => ({ ...flow, replacements: new Map(flow.replacements).set(called, replacement) })
