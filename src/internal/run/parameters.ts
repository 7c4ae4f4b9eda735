/**
 * A flow's parameters: adds defaults, encodes them for the record, and decodes them. Names that the flow does not have
 * are refused everywhere, also inside structured values: a parameter that was renamed or mistyped must not silently
 * fall back to its default.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as SchemaIssue from "effect/SchemaIssue"
import { ParameterError } from "../../FlowError.ts"
import { describe, valueText } from "../schema/codecIssue.ts"
import * as JsonCodec from "../schema/jsonCodec.ts"
import type { FlowDefinition } from "./definition.ts"

/** Refuses, at every depth, keys that the schema does not declare. */
export const strict = { onExcessProperty: "error" } as const

/** An issue with the parameters, or with one of them, as a sentence that names it. */
const refuse = (flow: FlowDefinition, issue: SchemaIssue.Issue, value: unknown, name?: string): ParameterError => {
  const { message, path } = describe(issue, value)
  const at = [...(name === undefined ? [] : [name]), ...path].map(String).join(".")
  return new ParameterError({
    flow: flow.flowName,
    message: `The parameters of flow "${flow.flowName}" do not fit: ${at === "" ? "" : `"${at}": `}${
      message.startsWith("expected no excess property") ? "there is no such property" : message
    }.`
  })
}

/** The flow's parameters, for messages. */
const namesOf = (flow: FlowDefinition): string => {
  const names = Object.keys(flow.parameters)
  return names.length === 0 ? "it has none" : `it has: ${names.join(", ")}`
}

const unknownIn = (flow: FlowDefinition, given: object): string | undefined =>
  Object.keys(given).find((name) => !Object.hasOwn(flow.parameters, name))

/** Adds defaults and validates parameters. */
export const make = (flow: FlowDefinition, given: object): Effect.Effect<object, ParameterError> => {
  if (typeof given !== "object" || given === null) {
    return Effect.fail(
      new ParameterError({
        flow: flow.flowName,
        message: `The parameters of flow "${flow.flowName}" must be an object, but they are ${valueText(given)}; ${namesOf(flow)}.`
      })
    )
  }
  const unknown = unknownIn(flow, given)
  if (unknown !== undefined) {
    return Effect.fail(
      new ParameterError({
        flow: flow.flowName,
        message: `Flow "${flow.flowName}" has no parameter "${unknown}"; ${namesOf(flow)}.`
      })
    )
  }
  return Effect.mapError(Schema.Struct(flow.parameters).makeEffect(given as never, { parseOptions: strict }), (issue) =>
    refuse(flow, issue, given)
  ) as never // erased: fields need no services
}

/** Encodes each parameter as JSON. Fails if one would be read back differently. */
export const encode = (
  flow: FlowDefinition,
  parameters: object
): Effect.Effect<Readonly<Record<string, Schema.Json>>, ParameterError> =>
  Effect.map(roundTrip(flow, parameters), ({ encoded }) => encoded)

/**
 * Encodes each parameter as JSON and decodes it again, so that the body gets the same values as a resumed run would,
 * and nothing else can change them.
 */
export const roundTrip = Effect.fnUntraced(function* (flow: FlowDefinition, parameters: object) {
  const encoded: Record<string, Schema.Json> = {}
  const decoded: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(parameters)) {
    const field = flow.parameters[name]
    if (field === undefined) continue // `make` refuses unknown names
    const checked = yield* Effect.mapError(
      JsonCodec.of(field).encodeChecked(value),
      ({ message, path = [] }) =>
        new ParameterError({
          flow: flow.flowName,
          message: `The parameters of flow "${flow.flowName}" do not fit: "${[name, ...path].map(String).join(".")}": ${message}.`
        })
    )
    encoded[name] = JSON.parse(checked.text)
    decoded[name] = checked.decoded
  }
  return { encoded, decoded }
})

/**
 * Decodes the parameters of a run's record. Missing ones get their defaults.
 *
 * @param source The run that they were recorded with, for messages.
 */
export const decode = Effect.fnUntraced(function* (
  flow: FlowDefinition,
  encoded: Readonly<Record<string, unknown>>,
  source: string
) {
  const unknown = unknownIn(flow, encoded)
  if (unknown !== undefined) {
    return yield* new ParameterError({
      flow: flow.flowName,
      message: `Run ${source} was started with the parameter "${unknown}" (${valueText(encoded[unknown])}), which flow "${flow.flowName}" no longer has; ${namesOf(flow)}. If it was renamed or removed, drop it: --drop-parameter ${unknown} on the command line, or { dropParameters: ["${unknown}"] } for Flow.resume, and give the new one its value.`
    })
  }
  const decoded: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(flow.parameters)) {
    if (!Object.hasOwn(encoded, name)) continue
    decoded[name] = yield* Effect.mapError(
      Schema.decodeUnknownEffect(JsonCodec.toCodecJson(field as Schema.Codec<unknown>))(encoded[name], strict),
      ({ issue }) => refuse(flow, issue, encoded[name], name)
    )
  }
  return decoded
})
