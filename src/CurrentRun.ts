/**
 * The service that every task needs and only a flow's body has. It interprets the flow's combinators: a run executes them,
 * a plan only draws them, and the flow's body can't tell the difference. A step's body does not have this service, so the
 * compiler rejects a task inside a step.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Definition, FlowDefinition } from "./internal/run/definition.ts"
import type { Made } from "./internal/run/runScope.ts"
import type { Ref } from "./Ref.ts"
import type * as State from "./State.ts"

/** An effect of any type: interpreters pass values on without knowing their types. */
type Erased<A = unknown> = Effect.Effect<A, unknown, unknown>

/** What a choice runs for a value; `effect` where the body made it before the choice was taken. */
export interface ChoiceArm {
  (): Erased
  readonly effect?: Erased
}

/** How the combinators of a flow's body are interpreted. */
export interface Interpreter {
  /** The run's id. */
  readonly id: string
  readonly flow: string
  /** Runs an effect when the run ends. */
  readonly addFinalizer?: (finalizer: Effect.Effect<unknown>) => Effect.Effect<void>
  /** Runs a step on its inputs. `states` are a join's. */
  readonly task: (
    definition: Definition,
    given: object | undefined,
    states: { readonly [branch: string]: unknown } | undefined
  ) => Erased<State.Any>
  /** Notes that the body made a task, which it may forget to run. */
  readonly noteMade?: (definition: Definition) => Made
  readonly forEach: (
    items: ReadonlyArray<unknown> | Ref<ReadonlyArray<unknown>>,
    task: (item: Ref<unknown>, index: number) => Erased,
    concurrency: number | "unbounded"
  ) => Erased<ReadonlyArray<unknown>>
  /** Takes the arm that the ref's value names. */
  readonly choose: (ref: Ref<unknown>, arms: { readonly [value: string]: ChoiceArm }) => Erased
  readonly iterate: (
    state: unknown,
    options: {
      readonly while: (state: any) => Erased<boolean>
      readonly body: (state: any, count: number) => Erased
      readonly limit: number
    }
  ) => Erased
  readonly call: (flow: FlowDefinition, parameters: object) => Erased
}

/** The run that a flow's body is part of. */
export class CurrentRun extends Context.Service<CurrentRun, Interpreter>()("effect-flow/CurrentRun") {}
