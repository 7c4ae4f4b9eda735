/**
 * The state of a model in training, as tensors: its weights, and the variables of its optimizer, whichever it is. (The
 * `getWeights` of TensorFlow.js's optimizers leaves out running products such as Adam's powers of β, and computes them
 * anew with another rounding.)
 */
import type { Tensor, Variable } from "@tensorflow/tfjs-core"
import type * as Artifact from "../../Artifact.ts"
import * as TensorData from "./tensorData.ts"
import type { Tf } from "./tf.ts"
import type { Trainable } from "./trainable.ts"

/** A variable of an optimizer for a weight, as TensorFlow.js keeps them in lists. */
interface Accumulator {
  readonly originalName: string
  readonly variable: Variable
}

const isVariable = (value: unknown): value is Variable =>
  typeof value === "object" && value !== null && "assign" in value && "dataSync" in value

const isAccumulator = (value: unknown): value is Accumulator =>
  typeof value === "object" && value !== null && "variable" in value && isVariable(value.variable)

/** What is known of an optimizer besides its tensors. */
interface OptimizerState {
  readonly numbers: { readonly [field: string]: number }
  /** The names of the accumulators in each list, or null where it has none. */
  readonly lists: { readonly [field: string]: ReadonlyArray<string | null> }
}

/** The state, or nothing if a tensor has a type that can't be stored, or a number that is not finite. */
export const save = (
  model: Trainable
): { readonly tensors: Record<string, Artifact.Tensor>; readonly optimizer: OptimizerState } | undefined => {
  const tensors: Record<string, Artifact.Tensor> = {}
  const put = (name: string, tensor: Tensor): boolean => {
    const stored = TensorData.store(tensor)
    if (stored === undefined || (stored.dtype === "F32" && !stored.data.every(Number.isFinite))) return false
    tensors[name] = stored
    return true
  }
  for (const [i, weight] of model.weights.entries()) if (!put(`weight/${i}`, weight.read())) return undefined
  const numbers: Record<string, number> = {}
  const lists: Record<string, ReadonlyArray<string | null>> = {}
  for (const [field, value] of Object.entries(model.optimizer_)) {
    if (typeof value === "number") numbers[field] = value
    else if (isVariable(value)) {
      if (!put(`optimizer/${field}`, value)) return undefined
    } else if (Array.isArray(value)) {
      lists[field] = value.map((item) => (isAccumulator(item) ? item.originalName : null))
      for (const [i, item] of value.entries())
        if (isAccumulator(item) && !put(`optimizer/${field}/${i}`, item.variable)) return undefined
    }
  }
  return { tensors, optimizer: { numbers, lists } }
}

/** Puts a model and its optimizer into a state that was saved. */
export const restore = (
  tf: Tf,
  model: Trainable,
  { optimizer, tensors }: { readonly tensors: Artifact.Tensors["tensors"]; readonly optimizer: OptimizerState }
): void => {
  const stored = (name: string): Tensor => TensorData.load(tf, tensors[name] as Artifact.Tensor) // `save` put it there
  const fields = model.optimizer_ as unknown as Record<string, unknown> & {
    readonly setLearningRate?: (rate: number) => void
  } // read and written by name
  tf.tidy(() => {
    for (const [i, weight] of model.weights.entries()) weight.write(stored(`weight/${i}`))
    for (const [field, value] of Object.entries(fields))
      if (isVariable(value)) value.assign(stored(`optimizer/${field}`))
    for (const [field, names] of Object.entries(optimizer.lists)) {
      const list = (fields[field] ?? []) as Array<Accumulator | undefined> // as `save` found it
      for (const [i, originalName] of names.entries()) {
        if (originalName === null) continue
        const existing = list[i]
        if (existing === undefined)
          list[i] = { originalName, variable: tf.variable(stored(`optimizer/${field}/${i}`), false) }
        else existing.variable.assign(stored(`optimizer/${field}/${i}`))
      }
      fields[field] = list
    }
  })
  for (const [field, value] of Object.entries(optimizer.numbers)) {
    // A rate may have been changed during the training, and some optimizers keep a tensor of it.
    if (field === "learningRate" && fields[field] !== value && fields.setLearningRate !== undefined)
      fields.setLearningRate(value)
    fields[field] = value
  }
}
