/** What is said to a flow's body that gives its combinators something they can't go by. */
import { FlowError } from "../../FlowError.ts"
import { isRef, type Ref } from "../../Ref.ts"
import { via } from "./refs.ts"

/** A ref as messages call it: `"items" of start/1`. */
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

/** `Step.forEach` over something that is no list. */
export const notAList = (items: unknown, value: unknown): FlowError =>
  new FlowError({
    reason: "shape",
    message: `Step.forEach goes over a list, and ${isRef(items) ? called(items) : "what it was given"} is ${kindOf(value)}.`
  })

/** A choice by a value that has no arm. */
export const noArm = (ref: Ref<unknown>, value: string, arms: object): FlowError =>
  new FlowError({
    reason: "arm",
    message: `${called(ref)} is ${JSON.stringify(value)}, and there is no arm for that; there are: ${Object.keys(arms).join(", ") || "none"}.`
  })

/** A join that is called without a branch, or with one state where it takes a list. */
export const notTheBranch = (step: string, branch: string, many: boolean, given: unknown): FlowError =>
  new FlowError({
    reason: "given",
    message:
      given === undefined
        ? `Step "${step}" was called without its branch "${branch}".`
        : `The branch "${branch}" of step "${step}" takes ${many ? "a list of states, such as Step.forEach gives" : "the state of a task"}, and got ${kindOf(given)}.`
  })

/** The version of a step is its code, and its code can't be read. */
export const unreadableCode = (step: string): FlowError =>
  new FlowError({
    reason: "code",
    message: `The version of step "${step}" is "code", but the source of its body can't be read: it is a bound or native function. Give the step a version of its own, or an ordinary function as \`run\`.`
  })
