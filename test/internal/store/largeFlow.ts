/** A flow whose task writes an artifact that is large enough to be a file, and lets something happen just before. */
import * as Effect from "effect/Effect"
import { Artifact, Flow, Step } from "effect-flow"

/**
 * The flow.
 *
 * @param beforeWriting Called by the task's body.
 */
export const make = (name: string, beforeWriting: () => void) => {
  const step = Step.make("step", {
    output: { bytes: Artifact.bytes() },
    run: () =>
      Effect.sync(() => {
        beforeWriting()
        return { bytes: new Uint8Array(100_000) }
      })
  })
  return Flow.make(name, { steps: [step], run: () => step() })
}
