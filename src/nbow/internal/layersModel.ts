/**
 * Any `tf.LayersModel` as an artifact: its weights as safetensors under their TensorFlow.js names, and its topology as
 * Keras JSON in the metadata. The compilation is not stored: compile a loaded model again before training it further.
 */
import type { io } from "@tensorflow/tfjs-core"
import type { LayersModel } from "@tensorflow/tfjs-layers"
import * as Effect from "effect/Effect"
import * as Artifact from "../../Artifact.ts"
import { messageOf } from "../../internal/cause.ts"
import * as Description from "../../internal/schema/description.ts"
import * as LoadTf from "./loadTf.ts"
import { dtypeOf, dtypes, isDtype } from "./tensorData.ts"

const codecError =
  (what: string) =>
  (cause: unknown): Artifact.CodecError =>
    new Artifact.CodecError({ message: `${what}: ${messageOf(cause)}` })

/** A codec can't require services, so a model runs on the process's current backend, or else on the best one. */
const loadTf = Effect.mapError(LoadTf.current, ({ message }) => new Artifact.CodecError({ message }))

const topologyKey = "topology"

const encode = Effect.fnUntraced(function* (model: LayersModel) {
  const tf = yield* loadTf
  const saved = yield* Effect.tryPromise({
    try: () =>
      new Promise<io.ModelArtifacts>((resolve, reject) => {
        model
          .save(
            tf.io.withSaveHandler(async (artifacts) => {
              resolve(artifacts)
              return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } } // required, but unused
            })
          )
          .catch(reject)
      }),
    catch: codecError("TensorFlow.js can't save the model")
  })
  const data = tf.io.concatenateArrayBuffers([saved.weightData ?? []].flat())
  const tensors: Record<string, Artifact.Tensor> = {}
  let offset = 0
  for (const { dtype, name, shape } of saved.weightSpecs ?? []) {
    if (!isDtype(dtype))
      return yield* new Artifact.CodecError({ message: `weight ${name} is of type ${dtype}, which can't be stored` })
    if (Object.hasOwn(tensors, name)) {
      return yield* new Artifact.CodecError({
        message: `two weights are named ${name}: give the layers unique names`
      })
    }
    const { name: stored, of, size } = dtypes[dtype]
    const end = offset + size * shape.reduce((product, length) => product * length, 1)
    tensors[name] = { dtype: stored, shape, data: of(data.slice(offset, end)) }
    offset = end
  }
  return { tensors, metadata: { [topologyKey]: JSON.stringify(saved.modelTopology) } }
})

/** The error about a layer of the caller's own that TensorFlow.js does not know, if that is the cause. */
const unknownLayer = (cause: unknown): Artifact.CodecError | undefined => {
  const name = /^Unknown (?:layer|object|\w+): (\w+)/.exec(messageOf(cause))?.[1]
  return name === undefined
    ? undefined
    : new Artifact.CodecError({
        message:
          `the model has a layer or another part of the class ${name}, which TensorFlow.js does not know: ` +
          `call tf.serialization.registerClass(${name}) before the model is read`,
        path: ["metadata", topologyKey]
      })
}

const decode = Effect.fnUntraced(function* ({ metadata, tensors }: Artifact.Tensors) {
  const tf = yield* loadTf
  const topology = metadata[topologyKey]
  if (topology === undefined) {
    return yield* new Artifact.CodecError({ message: "the metadata of the tensors have no model topology" })
  }
  const weightSpecs: Array<io.WeightsManifestEntry> = []
  const weightData: Array<ArrayBuffer> = []
  for (const [name, { data, dtype, shape }] of Object.entries(tensors)) {
    const ours = dtypeOf(dtype)
    if (ours === undefined)
      return yield* new Artifact.CodecError({ message: `weight ${name} is of type ${dtype}, which models don't have` })
    weightSpecs.push({ name, shape: [...shape], dtype: ours })
    weightData.push(data.slice().buffer as ArrayBuffer) // a slice is not shared
  }
  return yield* Effect.tryPromise({
    try: async () =>
      tf.loadLayersModel(tf.io.fromMemory({ modelTopology: JSON.parse(topology) as object, weightSpecs, weightData })),
    catch: (cause) => unknownLayer(cause) ?? codecError("TensorFlow.js can't make a model of the tensors")(cause)
  })
})

/** Any `tf.LayersModel`, as safetensors with its topology. */
export const Model: Artifact.Artifact<LayersModel> = Artifact.transform(Artifact.tensors(), {
  description: Description.lazy(() => Description.make({ format: "tensors", model: "tf.LayersModel" })),
  encode,
  decode
})
