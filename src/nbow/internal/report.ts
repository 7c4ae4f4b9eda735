/** Reports every epoch of a training: a log line and, inside a task, a point of each metric. */
import * as Effect from "effect/Effect"
import * as Run from "../../Run.ts"

/** Logs the metrics of an epoch under their Keras names, and records them. */
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
