/** What the types ask of a call of `FlowCli.main`: `npm run check:types` is the test. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Flow, FlowCli, Step } from "effect-flow"
import { TestFlow } from "./fixtures/flow.ts"

/** Never called. */
export const typed = () => {
  class Needed extends Context.Service<Needed, { readonly value: number }>()("Needed") {}
  const step = Step.make("step", {
    output: { y: Schema.Number },
    run: () => Effect.map(Needed, ({ value: y }) => ({ y }))
  })
  const flow = Flow.make("NeedyFlow", { steps: [step], run: () => step() })
  FlowCli.main(flow, { layer: Layer.succeed(Needed, { value: 1 }) })
  FlowCli.main(Flow.provide(flow, Layer.succeed(Needed, { value: 1 })))
  // @ts-expect-error the flow needs a layer
  FlowCli.main(flow)
  // @ts-expect-error the flow needs another layer
  FlowCli.main(flow, { layer: Layer.empty })
  FlowCli.main(TestFlow, { module: import.meta })
}
