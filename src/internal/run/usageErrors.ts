/** The errors of a flow body that passes wrong values to its combinators. */
import * as Effect from "effect/Effect"
import { FlowError } from "../../FlowError.ts"
import { isRef, type Ref } from "../../Ref.ts"
import { via } from "./refs.ts"

/** The name of a ref in messages: `"items" of start/1`. */
const called = (ref: Ref<unknown>): string => {
  const task = via(ref)
  return task === undefined ? `"${ref.name}"` : `"${ref.name}" of ${task}`
}

const kindOf = (value: unknown): string =>
  value === null || value === undefined
    ? String(value)
    : typeof value === "object"
      ? Array.isArray(value)
        ? "a list"
        : "an object"
      : `a ${typeof value}`

/** `Step.forEach` was called with something that is not a list. */
export const notAList = (items: unknown, value: unknown): FlowError =>
  new FlowError({
    reason: "shape",
    message: `Step.forEach needs a list, but ${isRef(items) ? called(items) : "its argument"} is ${kindOf(value)}.`
  })

/** A choice has no arm for the value. */
export const noArm = (ref: Ref<unknown>, value: string, arms: object): FlowError =>
  new FlowError({
    reason: "arm",
    message: `${called(ref)} is ${JSON.stringify(value)}, but there is no arm for it. The arms are: ${Object.keys(arms).join(", ") || "none"}.`
  })

/** A join was called without a branch, or with one state instead of a list. */
export const notTheBranch = (step: string, branch: string, many: boolean, given: unknown): FlowError =>
  new FlowError({
    reason: "given",
    message:
      given === undefined
        ? `Step "${step}" was called without its branch "${branch}".`
        : `The branch "${branch}" of step "${step}" takes ${many ? "a list of states, such as Step.forEach gives" : "the state of a task"}, but got ${kindOf(given)}.`
  })

/** A join was called with the state of another step in a branch, or with tasks that have not run in a list. */
export const notTheState = (step: string, branch: string, of: string, given: unknown, index?: number): FlowError => {
  const which = index === undefined ? "what it got" : `item ${index}`
  const wrong = Effect.isEffect(given)
    ? `${which} is a task that has not run: put Effect.all around the list`
    : typeof given === "object" && given !== null
      ? `${which} is none: it has ${
          Object.keys(given)
            .map((name) => `"${name}"`)
            .join(", ") || "nothing"
        }`
      : `${which} is ${kindOf(given)}`
  return new FlowError({
    reason: "given",
    message: `The branch "${branch}" of step "${step}" takes ${index === undefined ? "the state" : "states"} of step "${of}", but ${wrong}.`
  })
}

/** The version of a step is its code, but the code can't be read. */
export const unreadableCode = (step: string): FlowError =>
  new FlowError({
    reason: "code",
    message: `The version of step "${step}" is "code", but the source of its body can't be read: it is a bound or native function. Give the step a version of its own, or an ordinary function as \`run\`.`
  })

/** The error of a choice by something that is no ref. */
export const notARef = (flow: string, given: unknown): FlowError =>
  new FlowError({
    reason: "option",
    message: `Flow.when and Flow.match take a ref to choose by, but flow "${flow}" passed ${kindOf(given)}. For a value that is known when the body runs, use \`if\`.`
  })
