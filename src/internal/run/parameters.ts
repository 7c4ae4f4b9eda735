/** A flow's parameters: made complete with their defaults, encoded for the record, and decoded from one. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as SchemaIssue from "effect/SchemaIssue"
import { ParameterError } from "../../FlowError.ts"
import { describe } from "../schema/codecIssue.ts"
import type { FlowDefinition } from "./definition.ts"

type Codec = Schema.Codec<object, Readonly<Record<string, Schema.Json>>>

const schemaOf = (flow: FlowDefinition): Codec => Schema.toCodecJson(Schema.Struct(flow.parameters)) as never // erased: fields need no services

/** An issue with the parameters, or with one of them, as a sentence that names it. */
const refuse = (flow: FlowDefinition, issue: SchemaIssue.Issue, value: unknown, name?: string): ParameterError => {
  const { message, path } = describe(issue, value)
  const at = [...(name === undefined ? [] : [name]), ...path].map(String).join(".")
  return new ParameterError({
    flow: flow.flowName,
    message: `The parameters of flow "${flow.flowName}" do not fit: ${at === "" ? "" : `"${at}": `}${message}.`
  })
}

/** Complete and checked, from what a caller gives. */
export const make = (flow: FlowDefinition, given: object): Effect.Effect<object, ParameterError> =>
  Effect.mapError(Schema.Struct(flow.parameters).makeEffect(given as never), (issue) =>
    refuse(flow, issue, given)
  ) as never // erased: fields need no services

/** Each in its encoded form, which is JSON. */
export const encode = (flow: FlowDefinition, parameters: object) =>
  Effect.mapError(Schema.encodeEffect(schemaOf(flow))(parameters), ({ issue }) => refuse(flow, issue, parameters))

/** From their encoded form. Those that are missing get their defaults. */
export const decode = (flow: FlowDefinition, encoded: Readonly<Record<string, unknown>>) =>
  Effect.flatMap(
    Effect.forEach(
      Object.entries(flow.parameters).filter(([name]) => name in encoded),
      ([name, field]) =>
        Effect.mapBoth(Schema.decodeUnknownEffect(Schema.toCodecJson(field as Schema.Codec<unknown>))(encoded[name]), {
          onFailure: ({ issue }) => refuse(flow, issue, encoded[name], name),
          onSuccess: (value) => [name, value] as const
        })
    ),
    (entries) => make(flow, Object.fromEntries(entries))
  )
