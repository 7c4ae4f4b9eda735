/**
 * Any `tf.LayersModel` as an artifact: its weights as safetensors under their TensorFlow.js names, and its topology as
 * Keras JSON in the metadata. The compilation is not stored: compile a loaded model again before training it further.
 */
import type { io } from "@tensorflow/tfjs-core"
import type { LayersModel } from "@tensorflow/tfjs-layers"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Artifact from "../../Artifact.ts"
import { CurrentRun } from "../../CurrentRun.ts"
import { CurrentTask } from "../../CurrentTask.ts"
import { messageOf } from "../../internal/cause.ts"
import * as Description from "../../internal/schema/description.ts"
import * as Disposal from "./disposal.ts"
import * as LoadTf from "./loadTf.ts"
import * as SavedModel from "./savedModel.ts"
import { dtypeOf } from "./tensorData.ts"

const codecError =
  (what: string) =>
  (cause: unknown): Artifact.CodecError =>
    new Artifact.CodecError({ message: `${what}: ${messageOf(cause)}` })

/** A codec can't require services, so a model runs on the process's current backend, or else on the best one. */
const loadTf = Effect.mapError(LoadTf.current, ({ message }) => new Artifact.CodecError({ message }))

const encode = (model: LayersModel): Effect.Effect<Artifact.Tensors, Artifact.CodecError> =>
  Effect.suspend(() => {
    const saved = Disposal.savedOf(model) ?? SavedModel.save(model)
    return saved instanceof Artifact.CodecError ? Effect.fail(saved) : Effect.succeed(saved)
  })

/** The error about layers of the caller's own that TensorFlow.js does not know, if there are any. */
const unknownLayers = (tf: LoadTf.Tf, topology: unknown): Artifact.CodecError | undefined => {
  const known = tf.serialization.SerializationMap.getMap().classNameMap
  const unknown = [...SavedModel.layerClasses(topology)].filter((name) => known[name] === undefined).sort()
  return unknown.length === 0 ? undefined : unregistered(unknown)
}

const unregistered = (names: ReadonlyArray<string>): Artifact.CodecError => {
  const calls = names.map((name) => `tf.serialization.registerClass(${name})`).join(" and ")
  const classes = names.length === 1 ? `the class ${names[0]}` : `the classes ${names.join(", ")}`
  return new Artifact.CodecError({
    message:
      `the model has a layer or another part of ${classes}, which TensorFlow.js does not know: ` +
      `call ${calls} before the model is read`,
    path: ["metadata", SavedModel.topologyKey]
  })
}

/** The same for a part that is not a layer, an initializer for example, if that is the cause. */
const unknownPart = (cause: unknown): Artifact.CodecError | undefined => {
  const name = /^Unknown (?:layer|object|\w+): (\w+)/.exec(messageOf(cause))?.[1]
  return name === undefined ? undefined : unregistered([name])
}

const decode = Effect.fnUntraced(function* ({ metadata, tensors }: Artifact.Tensors) {
  const tf = yield* loadTf
  const text = metadata[SavedModel.topologyKey]
  if (text === undefined) {
    return yield* new Artifact.CodecError({ message: "the metadata of the tensors have no model topology" })
  }
  const topology = yield* Effect.try({
    try: () => JSON.parse(text) as object,
    catch: codecError("the model's topology is not valid JSON")
  })
  const unknown = unknownLayers(tf, topology)
  if (unknown !== undefined) return yield* unknown
  const weightSpecs: Array<io.WeightsManifestEntry> = []
  const weightData: Array<ArrayBuffer> = []
  for (const [name, { data, dtype, shape }] of Object.entries(tensors)) {
    const ours = dtypeOf(dtype)
    if (ours === undefined)
      return yield* new Artifact.CodecError({ message: `weight ${name} is of type ${dtype}, which models don't have` })
    weightSpecs.push({ name, shape: [...shape], dtype: ours })
    weightData.push(data.slice().buffer as ArrayBuffer) // a slice is not shared
  }
  const artifacts: io.ModelArtifacts = {
    // Read where the model is about to be made and its weights loaded, without a pause in between.
    get modelTopology() {
      Disposal.expectWeights(true)
      return topology
    },
    weightSpecs,
    weightData
  }
  const model = yield* Effect.tryPromise({
    try: async () => tf.loadLayersModel({ load: async () => artifacts }),
    catch: (cause) => unknownPart(cause) ?? codecError("TensorFlow.js can't make a model of the tensors")(cause)
  }).pipe(Effect.ensuring(Effect.sync(() => Disposal.expectWeights(false))), Effect.uninterruptible)
  yield* freeLater(model)
  return model
})

/** A model is freed with the task or the flow's body that reads it, or else with the scope. */
const freeLater = Effect.fnUntraced(function* (model: LayersModel) {
  const free = Effect.sync(() => Disposal.disposeOnce(model))
  const task = yield* Effect.serviceOption(CurrentTask)
  if (Option.isSome(task)) return yield* task.value.addFinalizer(free)
  const run = yield* Effect.serviceOption(CurrentRun)
  if (Option.isSome(run) && run.value.addFinalizer !== undefined) return yield* run.value.addFinalizer(free)
  const scope = yield* Effect.serviceOption(Scope.Scope)
  if (Option.isSome(scope)) yield* Scope.addFinalizer(scope.value, free)
})

/**
 * Any `tf.LayersModel`, as safetensors with its topology. A model that a step reads is disposed when the task ends, and
 * one that a flow's body reads with its run; elsewhere it is disposed with the scope, or by its reader where there is none. A step may return a model that was made in a scope
 * around its body.
 */
export const Model: Artifact.Artifact<LayersModel> = Artifact.transform(Artifact.tensors(), {
  description: Description.lazy(() => Description.make({ format: "tensors", model: "tf.LayersModel" })),
  encode,
  decode
})
