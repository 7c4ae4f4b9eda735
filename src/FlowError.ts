/**
 * The errors of flows that are made or used in a wrong way: two steps with the same name, a task of a step that its flow does not
 * list, a parameter that its schema rejects. Each message is a sentence, so none needs a stack trace.
 */
import * as Schema from "effect/Schema"

/**
 * Why a flow can't be made or run. `reason` is `name` (one that can't stand in a path), `duplicate` (two steps of one
 * name), `unlisted` (a task of a step that the flow does not list), `unknown` (no step of that name), `given` (a task
 * called without an input), `limit` (a loop that reached its bound,
 * or a run that crashed in too many resumes), `arm` (a value without an arm), `shape` (a
 * `forEach` over something that is not a list), `alive` (a resume of a run that is still running, or that another
 * process is resuming), `nested` (a flow run
 * inside a step), `callback` (a function that returned the wrong kind of value), `number` (an option that is out of
 * range), `option` (an option of the wrong kind), `code` (a step whose version is its code, which can't be read), `schema` (values that can't be stored), `secret`
 * (a `Redacted` in what is stored), `id` (an id that a run can't have, or that a run of another flow or with other
 * parameters has), `ended` (a run that can't be cancelled because it has ended).
 */
export class FlowError extends Schema.TaggedError<FlowError>()("FlowError", {
  reason: Schema.Literals([
    "name",
    "duplicate",
    "unlisted",
    "unknown",
    "given",
    "limit",
    "arm",
    "shape",
    "alive",
    "nested",
    "code",
    "callback",
    "number",
    "option",
    "schema",
    "secret",
    "id",
    "ended"
  ]),
  message: Schema.String
}) {}

/** A flow's parameters do not fit; the message names the parameter. */
export class ParameterError extends Schema.TaggedError<ParameterError>()("ParameterError", {
  flow: Schema.String,
  message: Schema.String
}) {}
