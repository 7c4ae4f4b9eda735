/**
 * A trained model: plain data, stored as safetensors. The weights have their TensorFlow.js and Keras names. Vocabulary,
 * options and history are in the metadata. A model that is read is validated as a whole, because a vocabulary that does
 * not match its weights would produce meaningless scores.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Artifact from "../../Artifact.ts"
import * as CanonicalJson from "../../internal/schema/canonicalJson.ts"
import * as CodecIssue from "../../internal/schema/codecIssue.ts"
import * as Description from "../../internal/schema/description.ts"
import type { CountVectorizer } from "../CountVectorizer.ts"
import { compareCodePoints } from "./codePoints.ts"
import { Options, vectorizerOptions } from "./nbowOptions.ts"
import type { Weights } from "./network.ts"
import type { Epoch } from "./train.ts"

/** A trained model. */
export interface Model {
  readonly options: Options
  /** The vectorizer. A term's index in the vocabulary is its row in the hidden kernel. */
  readonly vectorizer: CountVectorizer
  readonly weights: Weights
  /** The epoch that the weights are from, counted from 1. */
  readonly epoch: number
  /** The metrics of every trained epoch. */
  readonly history: ReadonlyArray<Epoch>
}

const spec = {
  "hidden/kernel": { dtype: "F32", shape: [null, null] },
  "hidden/bias": { dtype: "F32", shape: [null] },
  "output/kernel": { dtype: "F32", shape: [null, 1] },
  "output/bias": { dtype: "F32", shape: [1] }
} as const

const carrier = Artifact.tensors(spec)

type Carrier = Artifact.Value<typeof carrier>

const formatName = "effect-flow/nbow/1"

const count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

/** The entries of the metadata, each as JSON. */
const About = Schema.Struct({
  options: Options,
  vocabulary: Schema.Array(Schema.String),
  epoch: count,
  history: Schema.Array(
    Schema.Struct({
      loss: Schema.Finite,
      accuracy: Schema.Finite,
      valLoss: Schema.optionalKey(Schema.Finite),
      valAccuracy: Schema.optionalKey(Schema.Finite)
    })
  )
})

const decodeAbout = Schema.decodeUnknownEffect(About)

const encode = ({
  epoch,
  history,
  options,
  vectorizer: { vocabulary },
  weights
}: Model): Effect.Effect<Carrier, Artifact.CodecError> =>
  Effect.sync(() => {
    const units = options.hiddenSize
    return {
      tensors: {
        "hidden/kernel": { dtype: "F32", shape: [vocabulary.length, units], data: weights.hiddenKernel },
        "hidden/bias": { dtype: "F32", shape: [units], data: weights.hiddenBias },
        "output/kernel": { dtype: "F32", shape: [units, 1], data: weights.outputKernel },
        "output/bias": { dtype: "F32", shape: [1], data: weights.outputBias }
      },
      metadata: {
        format: formatName,
        options: CanonicalJson.stringify(options),
        vocabulary: CanonicalJson.stringify(vocabulary),
        epoch: CanonicalJson.stringify(epoch),
        history: CanonicalJson.stringify(history)
      }
    }
  })

const decode = Effect.fnUntraced(function* ({ metadata, tensors }: Carrier) {
  if (metadata.format !== formatName) {
    return yield* new Artifact.CodecError({
      message: `the tensors are not an Nbow model: the format in their metadata is ${metadata.format ?? "missing"} instead of ${formatName}`,
      path: ["metadata", "format"]
    })
  }
  const json: Record<string, unknown> = {}
  for (const key of Object.keys(About.fields)) {
    json[key] = yield* Effect.try({
      try: () => JSON.parse(metadata[key] ?? "") as unknown,
      catch: () =>
        new Artifact.CodecError({ message: "the model's metadata are not valid JSON", path: ["metadata", key] })
    })
  }
  const about = yield* Effect.mapError(decodeAbout(json), ({ issue }) => CodecIssue.toError(json)(issue))
  const weights: Weights = {
    hiddenKernel: tensors["hidden/kernel"].data,
    hiddenBias: tensors["hidden/bias"].data,
    outputKernel: tensors["output/kernel"].data,
    outputBias: tensors["output/bias"].data
  }
  const inconsistency = mismatch(about, tensors)
  if (inconsistency !== undefined) return yield* inconsistency
  const { epoch, history, options, vocabulary } = about
  return { options, vectorizer: { options: vectorizerOptions(options), vocabulary }, weights, epoch, history }
})

/** The first inconsistency of a model that was read, or `undefined`. */
const mismatch = (
  { options, vocabulary }: typeof About.Type,
  tensors: Carrier["tensors"]
): Artifact.CodecError | undefined => {
  const units = options.hiddenSize
  const [terms, width] = tensors["hidden/kernel"].shape
  if (terms !== vocabulary.length) {
    return new Artifact.CodecError({
      message: `the vocabulary has ${vocabulary.length} terms, but the weights of the hidden layer are for ${terms}`,
      path: ["tensors", "hidden/kernel", "shape"]
    })
  }
  for (const [name, size] of [
    ["hidden/kernel", width],
    ["hidden/bias", tensors["hidden/bias"].shape[0]],
    ["output/kernel", tensors["output/kernel"].shape[0]]
  ] as const) {
    if (size !== units) {
      return new Artifact.CodecError({
        message: `hiddenSize is ${units}, but the weights of ${name} are for ${size} units`,
        path: ["tensors", name, "shape"]
      })
    }
  }
  for (const [name, { data }] of Object.entries(tensors)) {
    if (!data.every(Number.isFinite)) {
      return new Artifact.CodecError({ message: `a weight of ${name} is not finite`, path: ["tensors", name] })
    }
  }
  const misplaced = vocabulary.find((term, i) => i > 0 && compareCodePoints(vocabulary[i - 1] as string, term) >= 0) // within bounds
  return misplaced === undefined
    ? undefined
    : new Artifact.CodecError({
        message: `the vocabulary is not in code point order or has a duplicate at ${JSON.stringify(misplaced)}`,
        path: ["vocabulary"]
      })
}

/** A model as safetensors, with its vocabulary, options and history as metadata. */
export const Model: Artifact.Artifact<Model> = Artifact.transform(carrier, {
  description: Description.lazy(() =>
    Description.make({ format: "tensors", model: formatName, tensors: spec, metadata: Object.keys(About.fields) })
  ),
  encode,
  decode
})
