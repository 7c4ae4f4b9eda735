/** A flow's parameters: made complete with their defaults, encoded for the record, and decoded from one. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Any as AnyFlow } from "../Flow.ts"
import { ParameterError } from "../FlowError.ts"

type Codec = Schema.Codec<object, Readonly<Record<string, Schema.Json>>>

const schemaOf = (flow: AnyFlow): Codec => Schema.toCodecJson(Schema.Struct(flow.parameters)) as never // erased: fields need no services

const refuse = (flow: AnyFlow) => (error: { readonly message: string }) =>
  new ParameterError({
    flow: flow.flowName,
    message: `The parameters of flow "${flow.flowName}" do not fit: ${error.message.replaceAll("\n", " ").replace(/ +/g, " ")}`
  })

/** Complete and checked, from what a caller gives. */
export const make = (flow: AnyFlow, given: object): Effect.Effect<object, ParameterError> =>
  Effect.mapError(Schema.Struct(flow.parameters).makeEffect(given as never), (issue) =>
    refuse(flow)({ message: String(issue) })
  ) as never // as above

/** Each in its encoded form, which is JSON. */
export const encode = (flow: AnyFlow, parameters: object) =>
  Effect.mapError(Schema.encodeEffect(schemaOf(flow))(parameters), refuse(flow))

/** From their encoded form. Those that are missing get their defaults. */
export const decode = (flow: AnyFlow, encoded: Readonly<Record<string, unknown>>) =>
  Effect.flatMap(
    Effect.forEach(
      Object.entries(flow.parameters).filter(([name]) => name in encoded),
      ([name, field]) =>
        Effect.map(
          Effect.mapError(
            Schema.decodeUnknownEffect(Schema.toCodecJson(field as Schema.Codec<unknown, unknown>))(encoded[name]),
            (error) => refuse(flow)({ message: `"${name}": ${error.message}` })
          ),
          (value) => [name, value] as const
        )
    ),
    (entries) => make(flow, Object.fromEntries(entries))
  )
