/** Refuses what a caller without type checks gives in the place of a flow, or of the options of a run. */
import { hasProperty } from "effect/Predicate"
import * as Checked from "../checked.ts"

const isFlow = (given: unknown): boolean => hasProperty(given, "flowName") && hasProperty(given, "definitions")

/**
 * Refuses a value that is not a flow.
 *
 * @param place What takes it, for messages: `The first argument of Flow.run`.
 */
export const flow = (place: string, given: unknown): void => {
  Checked.expect(place, given, isFlow(given), "a flow, such as Flow.make gives")
}

/** Refuses a value that is not a list of flows. */
export const flows = (of: string, given: unknown): void => {
  Checked.list(`The first argument of ${of}`, given, isFlow, "flows")
}

/** Refuses options of `Flow.run` and `Flow.start` of another kind. */
export const start = (of: string, given: { readonly tags?: unknown } | undefined): void => {
  Checked.strings(`\`tags\` of ${of}`, Checked.options(of, given)?.tags)
}

/** Refuses options of `Flow.resume` of another kind. */
export const resume = (given: {
  readonly origin?: unknown
  readonly from?: unknown
  readonly parameters?: unknown
  readonly dropParameters?: unknown
  readonly tags?: unknown
}): void => {
  start("Flow.resume", given)
  const { dropParameters, from, origin, parameters } = given
  const isText = (value: unknown) => value === undefined || typeof value === "string"
  Checked.expect("`origin` of Flow.resume", origin, isText(origin), "the id of a run, as a string")
  Checked.expect("`from` of Flow.resume", from, isText(from), "the name of a step, as a string")
  const areParameters = parameters === undefined || Checked.isPlainObject(parameters)
  Checked.expect("`parameters` of Flow.resume", parameters, areParameters, "an object")
  Checked.strings("`dropParameters` of Flow.resume", dropParameters)
}
