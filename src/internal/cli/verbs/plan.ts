/** The verb `plan`: draws a flow's graph without running anything. */
import * as Effect from "effect/Effect"
import type * as Flow from "../../../Flow.ts"
import * as Plan from "../../../Plan.ts"
import * as Cli from "../cli.ts"

/** How a graph is drawn. */
export type Format = "text" | "mermaid" | "dot" | "json"

/** A graph as text. */
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

/** Draws the plan. Where the flow looks at a value, it ends, and a note says at which. */
export const plan = Effect.fnUntraced(function* (
  cli: Cli.Cli,
  subject: Cli.Subject,
  parameters: object,
  format: Format
) {
  const flow = subject.flow as Flow.Flow<string, any, unknown, unknown, never> // erased: its flags fit its parameters
  const made = yield* Plan.make(flow, parameters)
  Cli.print(cli, draw(made, format))
  if (made.stop !== undefined && (format === "mermaid" || format === "dot")) Cli.say(cli, made.stop.message)
})
