/**
 * What must not happen inside a step: running a task or a flow. It would wait for places that the step's own task holds,
 * and a worker has no run to ask. The types reject it; code that no compiler has seen gets a sentence, on every executor.
 */
import * as Effect from "effect/Effect"
import type { Interpreter } from "../../CurrentRun.ts"
import type { CurrentTask } from "../../CurrentTask.ts"
import { FlowError } from "../../FlowError.ts"
import type { Definition, FlowDefinition } from "./definition.ts"

/** The task whose body it is. */
type Within = Pick<CurrentTask["Service"], "flow" | "run" | "step" | "task">

const nested = (what: string, rest: string, { run, step, task }: Within): FlowError =>
  new FlowError({ reason: "nested", message: `${what} inside step "${step}" (${task} of run ${run}), ${rest}` })

/** A flow was run inside a step. */
export const nestedFlow = ({ flowName }: FlowDefinition, within: Within): FlowError =>
  nested(
    `Flow "${flowName}" was started`,
    `and a step can't run a flow. Call it from the body of flow "${within.flow}" with Flow.call, and give the step what it yields.`,
    within
  )

/** The `CurrentRun` of a step's body: it refuses whatever a flow's body may do. */
export class NestedInterpreter implements Interpreter {
  readonly #within: Within

  constructor(within: Within) {
    this.#within = within
  }

  get id(): string {
    return this.#within.run
  }

  get flow(): string {
    return this.#within.flow
  }

  /** Making a task is refused already: one that is made and not run would go unnoticed. */
  noteMade({ name }: Definition): never {
    throw this.#refusal(`A task of step "${name}" was made`)
  }

  task({ name }: Definition): Effect.Effect<never> {
    return Effect.die(this.#refusal(`A task of step "${name}" was run`))
  }

  forEach(): Effect.Effect<never> {
    return Effect.die(this.#refusal("Step.forEach was called"))
  }

  choose(): Effect.Effect<never> {
    return Effect.die(this.#refusal("A choice (Flow.when or Flow.match) was made"))
  }

  iterate(): Effect.Effect<never> {
    return Effect.die(this.#refusal("Flow.iterate was called"))
  }

  call(flow: FlowDefinition): Effect.Effect<never> {
    return Effect.die(nestedFlow(flow, this.#within))
  }

  #refusal(what: string): FlowError {
    const { flow, step } = this.#within
    return nested(
      what,
      `and a step can't run tasks. Do it in the body of flow "${flow}", and give step "${step}" what it yields.`,
      this.#within
    )
  }
}
