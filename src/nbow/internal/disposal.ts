/**
 * Makes `model.dispose()` free all of a model, and `dispose()` all of an optimizer. TensorFlow.js counts the uses of a
 * layer and takes one off, so the weights of a layer that a model uses twice stay behind; it forgets the dropout masks that
 * recurrent cells keep, and the learning rate of the momentum optimizer.
 */
import type { MomentumOptimizer, Tensor } from "@tensorflow/tfjs-core"
import type { LayersModel } from "@tensorflow/tfjs-layers"
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

/** Replaces `dispose` of all models, and of the optimizer that forgets a tensor. */
export const patch = (tf: Tf): void => {
  const prototype: LayersModel = tf.LayersModel.prototype
  if (patched.has(prototype)) return
  patched.add(prototype)
  patchMomentum(tf.MomentumOptimizer.prototype)
  const { dispose } = prototype
  prototype.dispose = function (this: LayersModel) {
    const result = dispose.call(this)
    if (result.refCountAfterDispose !== 0) return result
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
