/** Reports every epoch of a training: a log line and, inside a task, a point of each metric. */
import * as Effect from "effect/Effect"
import * as Run from "../../Run.ts"

/** Says that a training continues. */
export const continued = (number: number, of: number): Effect.Effect<void> =>
  Effect.log(
    number >= of
      ? "the training had ended, and its result is taken from its checkpoint"
      : `the training continues after epoch ${number}/${of} from its checkpoint`
  )

/** Records the metrics of epochs that were trained before, in another run. */
export const again = Effect.fnUntraced(function* (
  epochs: ReadonlyArray<{ readonly [name: string]: number }>,
  first = 1
) {
  for (const [index, figures] of epochs.entries())
    for (const [name, value] of Object.entries(figures)) yield* Run.metric(name, value, first + index)
})

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
