/**
 * A `tf.LayersModel` as plain data: its weights by their names, and its topology as Keras JSON. It is made in one go, so
 * that a model can be saved at the last moment before it is disposed.
 */
import type { NamedTensorMap } from "@tensorflow/tfjs-core"
import type { LayersModel } from "@tensorflow/tfjs-layers"
import * as Artifact from "../../Artifact.ts"
import { messageOf } from "../../internal/cause.ts"
import * as TensorData from "./tensorData.ts"

/** The metadata that hold the topology, which names the classes of the layers. */
export const topologyKey = "topology"

type Saved = Artifact.Tensors

/** The hidden part of a model that names its weights. */
interface Named {
  getNamedWeights(): ReadonlyArray<{ readonly name: string; readonly tensor: NamedTensorMap[string] }>
}

const refused = (message: string) => new Artifact.CodecError({ message })

/** The data of a model, or why it can't be saved. */
export const save = (model: LayersModel): Saved | Artifact.CodecError => {
  try {
    const tensors: Record<string, Artifact.Tensor> = {}
    for (const { name, tensor } of (model as unknown as Named).getNamedWeights()) {
      if (Object.hasOwn(tensors, name)) return refused(`two weights are named ${name}: give the layers unique names`)
      const stored = TensorData.store(tensor)
      if (stored === undefined) return refused(`weight ${name} is of type ${tensor.dtype}, which can't be stored`)
      tensors[name] = stored
    }
    const topology = model.toJSON(null, false) as object // as `model.save` has it
    return {
      tensors,
      metadata: { [topologyKey]: JSON.stringify(topology) }
    }
  } catch (cause) {
    return refused(`TensorFlow.js can't save the model: ${messageOf(cause)}`)
  }
}

/** The classes of a topology's layers, nested ones included. */
export const layerClasses = (topology: unknown, found: Set<string> = new Set()): ReadonlySet<string> => {
  if (Array.isArray(topology)) for (const part of topology) layerClasses(part, found)
  else if (typeof topology === "object" && topology !== null) {
    for (const [key, value] of Object.entries(topology)) {
      if (key === "layers" || key === "cells") for (const layer of [value].flat()) addClass(layer, found)
      else if (/^(layer|cell|forward_layer|backward_layer)$/.test(key)) addClass(value, found)
      layerClasses(value, found)
    }
  }
  return found
}

const addClass = (layer: unknown, classes: Set<string>): void => {
  const name = (layer as { readonly class_name?: unknown } | null)?.class_name
  if (typeof name === "string") classes.add(name)
}
