/**
 * What is told about every epoch of a training: a line in the log, and a point of each metric where a task runs.
 */
import * as Effect from "effect/Effect"
import * as Run from "../../Run.ts"

/** Logs the figures of an epoch, under the names that Keras gives them, and records them as metrics. */
export const epoch = Effect.fnUntraced(function* (
  number: number,
  of: number,
  figures: { readonly [name: string]: number }
) {
  const entries = Object.entries(figures)
  const text = entries.map(([name, value]) => `${name} ${value.toFixed(4)}`).join(" ")
  yield* Effect.log(`epoch ${number}/${of} ${text}`)
  for (const [name, value] of entries) yield* Run.metric(name, value, number)
})
