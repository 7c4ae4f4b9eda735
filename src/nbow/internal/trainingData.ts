/**
 * Labelled texts, in memory or in a dataset, as `fit` needs them: counted terms, the class of each row as a number, and the
 * weights of rows. All that may be wrong with them is found before anything is trained.
 */
import * as Effect from "effect/Effect"
import type * as Artifact from "../../Artifact.ts"
import * as CodecIssue from "../../internal/schema/codecIssue.ts"
import * as CountVectorizer from "../CountVectorizer.ts"
import { eachTextChunk, isDataset, type TextsOf } from "./datasetTexts.ts"
import * as NbowOptions from "./nbowOptions.ts"
import { invalid } from "./options.ts"
import { TrainingError } from "./TrainingError.ts"
import { checkList } from "./texts.ts"
import { trainedRows } from "./train.ts"

/** Texts with labels, and weights of rows. */
export interface Given {
  readonly texts: ReadonlyArray<string>
  readonly labels: ArrayLike<unknown>
  readonly sampleWeight?: ArrayLike<number> | undefined
}

/** Columns of a dataset that have them. */
export interface GivenOf<F extends Artifact.TableFields> extends TextsOf<F> {
  readonly labels: keyof F & string
  readonly sampleWeight?: (keyof F & string) | undefined
}

/** What the labels of a training may be. */
export interface Classes {
  /** The class of each number, in words for messages. */
  readonly names: ReadonlyArray<string>
  /** The number of each label, or the first label that has none, with a message. */
  readonly numbersOf: (
    labels: ArrayLike<unknown>
  ) => { readonly numbers: ArrayLike<number> } | { readonly row: number; readonly message: string }
}

/** Reads and counts the texts, and checks everything. `classesOf` gets all labels. */
export const read = Effect.fnUntraced(function* <C extends Classes>(
  owner: string,
  data: Given | GivenOf<Artifact.TableFields>,
  options: NbowOptions.Options,
  classesOf: (labels: ArrayLike<unknown>) => Effect.Effect<C, TrainingError | CountVectorizer.OptionsError>
) {
  const numbered = Effect.fnUntraced(function* (labels: ArrayLike<unknown>) {
    const classes = yield* classesOf(labels)
    const result = classes.numbersOf(labels)
    if ("message" in result) return yield* new TrainingError({ reason: "label", ...result })
    return { classes, numbers: result.numbers }
  })
  // Where the labels are at hand, they are checked first.
  const early = isDataset(data)
    ? undefined
    : yield* Effect.andThen(checkData(data as Given, options), () => numbered(data.labels))
  const { labels, sampleWeight, ...fitted } = yield* isDataset(data)
    ? countDataset(data as GivenOf<Artifact.TableFields>, options) // a dataset with labels, by the types
    : countTexts(data as Given, options)
  const { classes, numbers } = early ?? (yield* numbered(labels))
  const warning = sortedWarning(labels, options)
  if (warning !== undefined) yield* Effect.logWarning(warning)
  const validationWeights = yield* checkWeights(owner, sampleWeight, labels.length)
  const rowWeights = yield* weightRows(owner, numbers, classes, validationWeights, options)
  return { ...fitted, classes, labels: numbers, rowWeights, validationWeights }
})

const countTexts = Effect.fnUntraced(function* (data: Given, options: NbowOptions.Options) {
  const { labels, sampleWeight } = data
  const fitted = yield* CountVectorizer.fitTransform(data.texts, NbowOptions.vectorizerOptions(options))
  return { ...fitted, labels, sampleWeight: sampleWeight as ArrayLike<unknown> | undefined } // checked later
})

/** Counts the terms of a dataset's texts, and gathers their labels and weights. */
const countDataset = Effect.fnUntraced(function* (data: GivenOf<Artifact.TableFields>, options: NbowOptions.Options) {
  const rows = data.dataset.numRows
  yield* checkRows(rows, options)
  const labels: Array<unknown> = []
  const weights: Array<unknown> = []
  const fitted = yield* CountVectorizer.fitTransformChunks(
    rows,
    (use) =>
      eachTextChunk(data, (texts, someLabels, someWeights) => {
        for (let i = 0; i < someLabels.length; i++) labels.push(someLabels[i])
        for (let i = 0; i < someWeights.length; i++) weights.push(someWeights[i])
        return use(texts)
      }),
    NbowOptions.vectorizerOptions(options)
  )
  return { ...fitted, labels, sampleWeight: data.sampleWeight === undefined ? undefined : weights }
})

/** The rows held out for validation are the last ones. If the labels are sorted, these rows miss classes. */
const sortedWarning = (labels: ArrayLike<unknown>, { validationSplit }: NbowOptions.Options): string | undefined => {
  const first = trainedRows(labels.length, validationSplit)
  if (first === labels.length) return undefined
  const seen = [labels[0]]
  for (let row = 1; row < labels.length; row++) {
    if (labels[row] === labels[row - 1]) continue
    if (seen.includes(labels[row])) return undefined
    seen.push(labels[row])
  }
  if (seen.length === 1) return undefined
  const order = seen.length === 2 ? `first all ${seen[0]}, then all ${seen[1]}` : "all rows of a class are together"
  return (
    `The labels are sorted: ${order}. validationSplit holds out the ` +
    `last ${labels.length - first} of ${labels.length} rows, so training and validation see different classes. ` +
    "Shuffle the rows first."
  )
}

const refused = (reason: TrainingError["reason"], message: string): Effect.Effect<never, TrainingError> =>
  Effect.fail(new TrainingError({ reason, message }))

const checkData = (data: Given, options: NbowOptions.Options): Effect.Effect<void, TrainingError> => {
  if (typeof data !== "object" || data === null) {
    return refused("text", `The data are ${CodecIssue.valueText(data)}. They must have texts and labels.`)
  }
  const { labels, texts } = data
  const error = checkList(texts)
  if (error !== undefined) return refused("text", error.message)
  if (typeof labels !== "object" || labels === null || typeof labels.length !== "number") {
    return refused("label", `The labels are ${CodecIssue.valueText(labels)}. They must be a list, one for each text.`)
  }
  if (texts.length !== labels.length) {
    return refused("rows", `There are ${texts.length} texts and ${labels.length} labels.`)
  }
  return checkRows(texts.length, options)
}

const checkRows = (rows: number, { validationSplit }: NbowOptions.Options): Effect.Effect<void, TrainingError> => {
  if (rows === 0) return refused("rows", "There are no texts to train on.")
  return trainedRows(rows, validationSplit) > 0
    ? Effect.void
    : refused("rows", `A validationSplit of ${validationSplit} leaves none of the ${rows} rows to train on.`)
}

const checkWeights = Effect.fnUntraced(function* (owner: string, given: ArrayLike<unknown> | undefined, rows: number) {
  if (given === undefined) return undefined
  if (typeof given !== "object" || given === null || typeof given.length !== "number") {
    return yield* invalid(owner, "sampleWeight", `expected a list of numbers, got ${CodecIssue.valueText(given)}`)
  }
  if (given.length !== rows) {
    return yield* invalid(owner, "sampleWeight", `there are ${given.length} weights for ${rows} rows`)
  }
  const weights = new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    const weight = given[row]
    if (!(typeof weight === "number" && weight >= 0 && Math.fround(weight) < Infinity)) {
      const text = CodecIssue.valueText(weight)
      return yield* invalid(
        owner,
        "sampleWeight",
        `the weight of row ${row} is ${text}, expected a number of at least 0`
      )
    }
    weights[row] = weight
  }
  return weights
})

/** The weights of the rows in training: those of rows times those of their classes. */
const weightRows = Effect.fnUntraced(function* (
  owner: string,
  labels: ArrayLike<number>,
  { names }: Classes,
  sampleWeight: Float32Array | undefined,
  options: NbowOptions.Options
) {
  const { classWeight, validationSplit } = options
  const rows = trainedRows(labels.length, validationSplit)
  let ofClass: ReadonlyArray<number> | undefined
  if (classWeight === "balanced") {
    const counts = names.map(() => 0)
    for (let row = 0; row < rows; row++) counts[labels[row] as number] = (counts[labels[row] as number] as number) + 1 // classes
    const present = counts.filter((count) => count > 0).length
    ofClass = counts.map((count) => (count === 0 ? 0 : rows / (present * count)))
  } else if (classWeight !== undefined && classWeight !== null) {
    const stranger = Object.keys(classWeight).find((name) => !names.includes(name))
    if (stranger !== undefined) {
      const message = `there is no class ${JSON.stringify(stranger)}: the classes are ${names.join(", ")}`
      return yield* invalid(owner, "classWeight", message)
    }
    ofClass = names.map((name) => classWeight[name] ?? 1)
  }
  if (ofClass === undefined && sampleWeight === undefined) return undefined
  const weights = new Float32Array(labels.length)
  for (let row = 0; row < labels.length; row++) {
    weights[row] = (sampleWeight?.[row] ?? 1) * (ofClass?.[labels[row] as number] ?? 1) // classes
  }
  if (!weights.subarray(0, rows).some((weight) => weight > 0)) {
    const option = sampleWeight === undefined ? "classWeight" : "sampleWeight"
    return yield* invalid(owner, option, `the weights of all ${rows} rows to train on are 0`)
  }
  return weights
})
