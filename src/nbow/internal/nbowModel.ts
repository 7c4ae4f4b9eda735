/**
 * What a trained model is: plain data, stored as safetensors. The weights have the names that they have in TensorFlow.js
 * and Keras; vocabulary, options and history are beside them as texts. What is read is checked as a whole: a vocabulary
 * that does not fit its weights would score nonsense.
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
  /** Counts the terms that the model knows. A term's place in the vocabulary is its row in the hidden kernel. */
  readonly vectorizer: CountVectorizer
  readonly weights: Weights
  /** The epoch whose weights these are, from 1. */
  readonly epoch: number
  /** The figures of every epoch that was trained. */
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

/** What is stored beside the weights, each as JSON. */
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
      message: `the tensors are no model of Nbow: their metadata say ${metadata.format ?? "nothing"} where ${formatName} is expected`,
      path: ["metadata", "format"]
    })
  }
  const json: Record<string, unknown> = {}
  for (const key of Object.keys(About.fields)) {
    json[key] = yield* Effect.try({
      try: () => JSON.parse(metadata[key] ?? "") as unknown,
      catch: () =>
        new Artifact.CodecError({ message: "the model's metadata have no JSON here", path: ["metadata", key] })
    })
  }
  const about = yield* Effect.mapError(decodeAbout(json), ({ issue }) => CodecIssue.toError(json)(issue))
  const weights: Weights = {
    hiddenKernel: tensors["hidden/kernel"].data,
    hiddenBias: tensors["hidden/bias"].data,
    outputKernel: tensors["output/kernel"].data,
    outputBias: tensors["output/bias"].data
  }
  const flaw = mismatch(about, tensors)
  if (flaw !== undefined) return yield* flaw
  const { epoch, history, options, vocabulary } = about
  return { options, vectorizer: { options: vectorizerOptions(options), vocabulary }, weights, epoch, history }
})

/** What does not fit together in a model that was read. */
const mismatch = (
  { options, vocabulary }: typeof About.Type,
  tensors: Carrier["tensors"]
): Artifact.CodecError | undefined => {
  const units = options.hiddenSize
  const [terms, width] = tensors["hidden/kernel"].shape
  if (terms !== vocabulary.length) {
    return new Artifact.CodecError({
      message: `the vocabulary has ${vocabulary.length} terms, and the weights of the hidden layer are for ${terms}`,
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
        message: `hiddenSize is ${units}, and the weights of ${name} are for ${size} units`,
        path: ["tensors", name, "shape"]
      })
    }
  }
  for (const [name, { data }] of Object.entries(tensors)) {
    if (!data.every(Number.isFinite)) {
      return new Artifact.CodecError({ message: `a weight of ${name} is no finite number`, path: ["tensors", name] })
    }
  }
  const twice = vocabulary.find((term, i) => i > 0 && compareCodePoints(vocabulary[i - 1] as string, term) >= 0) // i - 1 is one
  return twice === undefined
    ? undefined
    : new Artifact.CodecError({
        message: `the vocabulary is not in code point order, or has a term twice, at ${JSON.stringify(twice)}`,
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
