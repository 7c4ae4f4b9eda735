/** The verb `plan`: shows a flow's graph without running it. */
import * as Effect from "effect/Effect"
import type * as Flow from "../../../Flow.ts"
import * as Plan from "../../../Plan.ts"
import * as Cli from "../cli.ts"

/** The output formats of a graph. */
export type Format = "text" | "mermaid" | "dot" | "json"

/** Renders a graph in a format. */
export const draw = (plan: Plan.Plan, format: Format): string => {
  switch (format) {
    case "mermaid":
      return Plan.toMermaid(plan)
    case "dot":
      return Plan.toDot(plan)
    case "json":
      return JSON.stringify(Plan.toJson(plan), undefined, 2)
    default:
      return Plan.toText(plan)
  }
}

/** Prints the plan. If the flow reads a value, the plan stops there and a message names the value. */
export const plan = Effect.fnUntraced(function* (
  cli: Cli.Cli,
  subject: Cli.Subject,
  parameters: object,
  format: Format
) {
  const flow = subject.flow as Flow.Flow<string, any, unknown, unknown, never> // erased: the flags were made from its parameters
  const plan = yield* Plan.make(flow, parameters)
  Cli.print(cli, draw(plan, format))
  if (plan.stop !== undefined && (format === "mermaid" || format === "dot")) Cli.say(cli, plan.stop.message)
})
