/**
 * A trained model: plain data, stored as safetensors. The weights have their TensorFlow.js and Keras names. Vocabulary,
 * options and history are in the metadata. A model that is read is validated as a whole, because a vocabulary that does
 * not match its weights would produce meaningless scores.
 *
 * The format is `effect-flow/nbow/1`, which every version reads, for a model that has nothing newer; else it is
 * `effect-flow/nbow/2`, which the first version refuses. An option that this version does not know is refused by name.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Artifact from "../../Artifact.ts"
import * as CanonicalJson from "../../internal/schema/canonicalJson.ts"
import * as CodecIssue from "../../internal/schema/codecIssue.ts"
import * as Description from "../../internal/schema/description.ts"
import type { CountVectorizer } from "../CountVectorizer.ts"
import { compareCodePoints } from "./codePoints.ts"
import type { Epoch } from "./epoch.ts"
import * as NbowOptions from "./nbowOptions.ts"
import type { Weights } from "./network.ts"
import { problemIn } from "./vectorizerOptions.ts"

/** What models for two and for more classes have in common. */
export interface Network {
  readonly options: Options
  /** The vectorizer. A term's index in the vocabulary is its row in the hidden kernel. */
  readonly vectorizer: CountVectorizer
  readonly weights: Weights
  /** The epoch that the weights are from, counted from 1. */
  readonly epoch: number
  /** The metrics of every trained epoch. */
  readonly history: ReadonlyArray<Epoch>
}

/** A trained model that gives the probability of label 1. */
export interface Model extends Network {
  /** Only models of `MulticlassNbow` have classes. */
  readonly classes?: undefined
}

/** A trained model that gives the probability of each of several classes. */
export interface MulticlassModel extends Network {
  /** The classes, in the order of their probabilities. */
  readonly classes: ReadonlyArray<string | number>
}

const { Options } = NbowOptions
type Options = NbowOptions.Options

const spec = {
  "hidden/kernel": { dtype: "F32", shape: [null, null] },
  "hidden/bias": { dtype: "F32", shape: [null] },
  "output/kernel": { dtype: "F32", shape: [null, 1] },
  "output/bias": { dtype: "F32", shape: [1] }
} as const

const specOfClasses = {
  ...spec,
  "output/kernel": { dtype: "F32", shape: [null, null] },
  "output/bias": { dtype: "F32", shape: [null] }
} as const

const carrierOfClasses = Artifact.tensors(specOfClasses)

type Carrier = Artifact.Value<typeof carrierOfClasses>

const firstFormat = "effect-flow/nbow/1"
const laterFormat = "effect-flow/nbow/2"

const count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

/** The entries of the metadata that all models have, each as JSON. */
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

/** Those of some models: the inverse document frequencies of TF-IDF, and the classes of more than two. */
const More = Schema.Struct({
  idf: Schema.optionalKey(Schema.Array(Schema.Finite)),
  classes: Schema.optionalKey(Schema.Array(Schema.Union([Schema.String, Schema.Finite])).check(Schema.isMinLength(2)))
})

const Metadata = Schema.Struct({ ...About.fields, ...More.fields })

const decodeMetadata = Schema.decodeUnknownEffect(Metadata, { onExcessProperty: "error" })

const encode = (
  model: Network,
  classes?: ReadonlyArray<string | number>
): Effect.Effect<Carrier, Artifact.CodecError> =>
  Effect.sync(() => {
    const { epoch, history, options, weights } = model
    const { idf, vocabulary } = model.vectorizer
    const units = options.hiddenSize
    const outputs = classes?.length ?? 1
    const isLater = NbowOptions.isLater(options) || classes !== undefined
    return {
      tensors: {
        "hidden/kernel": { dtype: "F32", shape: [vocabulary.length, units], data: weights.hiddenKernel },
        "hidden/bias": { dtype: "F32", shape: [units], data: weights.hiddenBias },
        "output/kernel": { dtype: "F32", shape: [units, outputs], data: weights.outputKernel },
        "output/bias": { dtype: "F32", shape: [outputs], data: weights.outputBias }
      },
      metadata: {
        format: isLater ? laterFormat : firstFormat,
        options: CanonicalJson.stringify(options),
        vocabulary: CanonicalJson.stringify(vocabulary),
        epoch: CanonicalJson.stringify(epoch),
        history: CanonicalJson.stringify(history),
        ...(idf === undefined ? {} : { idf: CanonicalJson.stringify(idf) }),
        ...(classes === undefined ? {} : { classes: CanonicalJson.stringify(classes) })
      }
    }
  })

const decode = Effect.fnUntraced(function* ({ metadata, tensors }: Carrier) {
  if (metadata.format !== firstFormat && metadata.format !== laterFormat) {
    return yield* new Artifact.CodecError({
      message: `the tensors are not an Nbow model: the format in their metadata is ${metadata.format ?? "missing"} instead of ${firstFormat} or ${laterFormat}`,
      path: ["metadata", "format"]
    })
  }
  const json: Record<string, unknown> = {}
  for (const key of Object.keys(Metadata.fields)) {
    if (key in More.fields && metadata[key] === undefined) continue
    json[key] = yield* Effect.try({
      try: () => JSON.parse(metadata[key] ?? "") as unknown,
      catch: () =>
        new Artifact.CodecError({ message: "the model's metadata are not valid JSON", path: ["metadata", key] })
    })
  }
  const unknown = unknownOption(json.options)
  if (unknown !== undefined) {
    return yield* new Artifact.CodecError({
      message: `the model has the option ${unknown}, which this version of effect-flow does not know: update effect-flow`,
      path: ["metadata", "options", ...unknown.split(".")]
    })
  }
  const about = yield* Effect.mapError(decodeMetadata(json), ({ issue }) => CodecIssue.toError(json)(issue))
  const weights: Weights = {
    hiddenKernel: tensors["hidden/kernel"].data,
    hiddenBias: tensors["hidden/bias"].data,
    outputKernel: tensors["output/kernel"].data,
    outputBias: tensors["output/bias"].data
  }
  const inconsistency = mismatch(about, tensors)
  if (inconsistency !== undefined) return yield* inconsistency
  const { classes, epoch, history, idf, options, vocabulary } = about
  const vectorizer = {
    options: NbowOptions.vectorizerOptions(options),
    vocabulary,
    ...(idf === undefined ? {} : { idf })
  }
  return { model: { options, vectorizer, weights, epoch, history }, classes }
})

/** The first option that is not one of this version's: an option of the model, or of its vectorizer. */
const unknownOption = (options: unknown): string | undefined => {
  const keysOf = (value: unknown) => (typeof value === "object" && value !== null ? Object.keys(value) : [])
  const { vectorizer } = Options.fields
  const vectorizerFields = vectorizer.to.fields
  const own = keysOf(options).find((key) => !(key in Options.fields))
  if (own !== undefined) return own
  const ofVectorizer = keysOf((options as { readonly vectorizer?: unknown } | undefined)?.vectorizer)
  const stranger = ofVectorizer.find((key) => !(key in vectorizerFields))
  return stranger === undefined ? undefined : `vectorizer.${stranger}`
}

const problem = (message: string, ...path: ReadonlyArray<string>) => new Artifact.CodecError({ message, path })

/** The first inconsistency of a model that was read, or `undefined`. */
const mismatch = (
  { classes, idf, options, vocabulary }: typeof Metadata.Type,
  tensors: Carrier["tensors"]
): Artifact.CodecError | undefined => {
  const units = options.hiddenSize
  const [terms, width] = tensors["hidden/kernel"].shape
  if (terms !== vocabulary.length) {
    return problem(
      `the vocabulary has ${vocabulary.length} terms, but the weights of the hidden layer are for ${terms}`,
      "tensors",
      "hidden/kernel",
      "shape"
    )
  }
  for (const [name, size] of [
    ["hidden/kernel", width],
    ["hidden/bias", tensors["hidden/bias"].shape[0]],
    ["output/kernel", tensors["output/kernel"].shape[0]]
  ] as const) {
    if (size !== units) {
      return problem(
        `hiddenSize is ${units}, but the weights of ${name} are for ${size} units`,
        "tensors",
        name,
        "shape"
      )
    }
  }
  const outputs = classes?.length ?? 1
  for (const [name, size] of [
    ["output/kernel", tensors["output/kernel"].shape[1]],
    ["output/bias", tensors["output/bias"].shape[0]]
  ] as const) {
    if (size !== outputs) {
      return problem(`the weights of ${name} are for ${size} outputs instead of ${outputs}`, "tensors", name, "shape")
    }
  }
  for (const [name, { data }] of Object.entries(tensors)) {
    if (!data.every(Number.isFinite)) return problem(`a weight of ${name} is not finite`, "tensors", name)
  }
  const needsIdf = options.vectorizer.tfidf?.useIdf === true
  if (needsIdf !== (idf !== undefined) || (idf !== undefined && idf.length !== vocabulary.length)) {
    return problem(`there are ${idf?.length ?? 0} inverse document frequencies for ${vocabulary.length} terms`, "idf")
  }
  const misplaced = vocabulary.find((term, i) => i > 0 && compareCodePoints(vocabulary[i - 1] as string, term) >= 0) // within bounds
  if (misplaced !== undefined) {
    return problem(
      `the vocabulary is not in code point order or has a duplicate at ${JSON.stringify(misplaced)}`,
      "vocabulary"
    )
  }
  const unusable = problemIn(options.vectorizer)
  return unusable === undefined ? undefined : problem(unusable.message, "metadata", "options", unusable.option)
}

/** A model as safetensors, with its vocabulary, options and history as metadata. */
export const Model: Artifact.Artifact<Model> = Artifact.transform(carrierOfClasses, {
  description: Description.lazy(() =>
    Description.make({ format: "tensors", model: firstFormat, tensors: spec, metadata: Object.keys(About.fields) })
  ),
  encode: (model) => encode(model),
  decode: (contents) =>
    Effect.flatMap(decode(contents), ({ classes, model }) =>
      classes === undefined
        ? Effect.succeed(model)
        : Effect.fail(
            problem(`the model is for ${classes.length} classes: read it as MulticlassNbow.Model`, "metadata")
          )
    )
})

/** A model for several classes as safetensors, with its vocabulary, options, classes and history as metadata. */
export const MulticlassModel: Artifact.Artifact<MulticlassModel> = Artifact.transform(carrierOfClasses, {
  description: Description.lazy(() =>
    Description.make({
      format: "tensors",
      model: laterFormat,
      tensors: specOfClasses,
      metadata: [...Object.keys(About.fields), "classes"]
    })
  ),
  encode: (model) => encode(model, model.classes),
  decode: (contents) =>
    Effect.flatMap(decode(contents), ({ classes, model }) =>
      classes === undefined
        ? Effect.fail(problem("the model is for two labels: read it as Nbow.Model", "metadata"))
        : Effect.succeed({ ...model, classes })
    )
})
