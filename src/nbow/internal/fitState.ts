/** The checkpoint of a training of a `tf.LayersModel`: the model's state, and the figures of its epochs. */
import type { State } from "./fitCheckpoint.ts"
import * as ModelState from "./modelState.ts"
import type { Tf } from "./tf.ts"
import type { Trainable } from "./trainable.ts"

/** The figures of an epoch by name. */
export type Figures = Record<string, number>

/** How far a training has come. */
export interface Progress {
  /** The figures of every epoch since the first one. */
  readonly epochs: ReadonlyArray<Figures>
  /** Whether a callback has stopped the training. */
  readonly isStopped: boolean
}

interface About extends Progress {
  readonly optimizer: NonNullable<ReturnType<typeof ModelState.save>>["optimizer"]
}

/** The state after an epoch, or nothing if it is of no use: a weight is not finite. */
export const encode = (model: Trainable, progress: Progress): State | undefined => {
  const saved = ModelState.save(model)
  if (saved === undefined) return undefined
  const about: About = { ...progress, optimizer: saved.optimizer }
  return { tensors: saved.tensors, metadata: { about: JSON.stringify(about) } }
}

/** Restores a model, and says how far its training had come. */
export const restore = (tf: Tf, model: Trainable, { metadata, tensors }: State): Progress => {
  const { epochs, isStopped, optimizer } = JSON.parse(metadata.about ?? "") as About // `encode` made it
  ModelState.restore(tf, model, { tensors, optimizer })
  return { epochs, isStopped }
}

/** What decides the result of a training besides its data: the architecture, how it was compiled, and options. */
export const partsOf = (model: Trainable, options: object): ReadonlyArray<string> => {
  const {
    loss,
    metrics,
    optimizer_: optimizer
  } = model as unknown as {
    readonly loss: unknown
    readonly metrics: unknown
    readonly optimizer_: { readonly getClassName?: () => string; readonly getConfig?: () => unknown }
  } // hidden parts of a compiled model
  // TensorFlow.js numbers the layers of a process, so a model that is made again has other names.
  const names = new Map<string, string>()
  const text = (value: unknown): string =>
    JSON.stringify(value, (key, part) => {
      if (typeof part === "function") return String(part)
      if (typeof part !== "string") return part
      if (key === "name" && !names.has(part)) names.set(part, `#${names.size}`)
      return names.get(part) ?? part
    }) ?? ""
  return [
    text(model.getConfig()),
    text([loss, metrics]),
    text([optimizer.getClassName?.(), optimizer.getConfig?.()]),
    text(options)
  ]
}
