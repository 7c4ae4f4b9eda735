/**
 * Makes `dispose()` free all of a model or an optimizer. TensorFlow.js counts the uses of a layer and takes one off, so the
 * weights of a layer that a model uses twice stay behind; it forgets the dropout masks that recurrent cells keep, the
 * learning rate of the momentum optimizer, and a model whose weights can't be loaded.
 *
 * A model that is disposed in a step may be what the step returns, because a scope around the step's body closes before
 * its outputs are stored. So its data are kept, for as long as the program keeps the model.
 */
import type { MomentumOptimizer, NamedTensorMap, Tensor } from "@tensorflow/tfjs-core"
import type { LayersModel } from "@tensorflow/tfjs-layers"
import * as Context from "effect/Context"
import * as Fiber from "effect/Fiber"
import type * as Artifact from "../../Artifact.ts"
import { CurrentTask } from "../../CurrentTask.ts"
import * as SavedModel from "./savedModel.ts"
import type { Tf } from "./tf.ts"
import * as Trainable from "./trainable.ts"

/** The hidden parts of a model and its layers, named as in `tfjs-layers` 4.22. */
interface Disposable {
  /** The keys of the uses of layers that belong to this model. */
  readonly containerNodes?: Set<string>
  readonly layers: ReadonlyArray<{
    readonly name: string
    readonly inboundNodes: ReadonlyArray<unknown>
    readonly _refCount: number | null
    dispose(): unknown
  }>
}

const patched = new WeakSet<object>()

/** What was saved of models when a step disposed them. */
const saved = new WeakMap<LayersModel, Artifact.Tensors | Artifact.CodecError>()

const disposed = new WeakSet<LayersModel>()

/** What was saved of a model that is disposed, or nothing if it is not, or was not disposed in a step. */
export const savedOf = (model: LayersModel): Artifact.Tensors | Artifact.CodecError | undefined =>
  disposed.has(model) ? saved.get(model) : undefined

/** Disposes a model, unless somebody has. */
export const disposeOnce = (model: LayersModel): void => {
  if (!disposed.has(model)) model.dispose()
}

/** Whether a step is running right now. */
const isInTask = (): boolean => {
  const context = Fiber.getCurrent()?.context
  return context !== undefined && Context.getOrUndefined(context, CurrentTask) !== undefined
}

/** Replaces `dispose` of all models, and of the optimizer that forgets a tensor. */
export const patch = (tf: Tf): void => {
  const prototype: LayersModel = tf.LayersModel.prototype
  if (patched.has(prototype)) return
  patched.add(prototype)
  patchMomentum(tf.MomentumOptimizer.prototype)
  patchLoading(tf, prototype)
  const { dispose } = prototype
  prototype.dispose = function (this: LayersModel) {
    if (isInTask() && !disposed.has(this)) saved.set(this, SavedModel.save(this))
    const result = dispose.call(this)
    if (result.refCountAfterDispose !== 0) return result
    disposed.add(this)
    const { containerNodes, layers } = this as unknown as Disposable
    for (const layer of layers) {
      const uses = layer.inboundNodes.filter((_, i) => containerNodes?.has(`${layer.name}_ib-${i}`)).length
      for (let use = 1; use < uses && (layer._refCount ?? 0) > 0; use++) layer.dispose()
    }
    Trainable.disposeMasks(tf, layers)
    return result
  }
}

const patchMomentum = (prototype: MomentumOptimizer): void => {
  const { dispose } = prototype
  prototype.dispose = function (this: MomentumOptimizer & { readonly c?: Tensor }) {
    dispose.call(this)
    if (this.c?.isDisposed === false) this.c.dispose() // inherited from SGD, whose `dispose` is not called
  }
}

let isLoading = false

/** Says that the next weights are loaded into a model that was just made. */
export const expectWeights = (expected: boolean): void => {
  isLoading = expected
}

const patchLoading = (tf: Tf, prototype: LayersModel): void => {
  const { loadWeights } = prototype
  prototype.loadWeights = function (this: LayersModel, weights: NamedTensorMap, strict?: boolean) {
    const isNew = isLoading
    isLoading = false
    try {
      loadWeights.call(this, weights, strict)
    } catch (cause) {
      if (isNew) {
        this.dispose()
        tf.dispose(weights)
      }
      throw cause
    }
  }
}
