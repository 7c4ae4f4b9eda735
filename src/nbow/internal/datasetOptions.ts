/** The options of `Tensorflow.batches` and `Tensorflow.fitDataset`, checked before anything is trained. */
import type { Tensor } from "@tensorflow/tfjs-core"
import type { ModelFitArgs } from "@tensorflow/tfjs-layers"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type * as Artifact from "../../Artifact.ts"
import type { FitCallback } from "./fitOptions.ts"
import { decode, invalid, type OptionsError, orElse } from "./options.ts"
import * as RowBatches from "./rowBatches.ts"
import type { Tf } from "./tf.ts"
import type { Tensors } from "./trainable.ts"

export type { Rows } from "./rowBatches.ts"

/** A batch of tensors. They are disposed after the step. */
export interface TensorBatch {
  readonly xs: Tensors
  readonly ys: Tensors
  /** A weight for each row, at least 0, that multiplies its loss in training. */
  readonly sampleWeight?: ArrayLike<number> | Tensor
}

/** An iterator of batches, or a promise of each, as generators and `tf.data` have them. */
export interface TensorIterator {
  readonly next: () => IteratorResult<TensorBatch, unknown> | Promise<IteratorResult<TensorBatch, unknown>>
  readonly return?: (value?: any) => unknown
}

/** Tensors in batches: a `tf.data` dataset, or a generator function. Both are asked for a new iterator by every epoch. */
export type TensorSource =
  | { readonly iterator: () => TensorIterator | Promise<TensorIterator> }
  | (() => TensorIterator | Iterable<TensorBatch> | AsyncIterable<TensorBatch>)

const TypeId: unique symbol = Symbol.for("effect-flow/nbow/Batches")

/** Rows in batches, which become tensors when a model trains on them. Made by `Tensorflow.batches`. */
export interface Batches<out E, out R> {
  readonly [TypeId]: {
    readonly epoch: (epoch: number) => Stream.Stream<RowBatches.Rows, E, R>
    readonly tensors: (rows: RowBatches.Rows, tf: Tf) => TensorBatch
    readonly batchSize: number
    /** The rows of an epoch, if known. */
    readonly numRows: number | undefined
  }
}

/** Whether it was made by `Tensorflow.batches`. */
export const isBatches = <E, R>(data: Batches<E, R> | TensorSource): data is Batches<E, R> => TypeId in data

/** What `Tensorflow.batches` made. */
export const partsOf = <E, R>(batches: Batches<E, R>): Batches<E, R>[typeof TypeId] => batches[TypeId]

/** How rows become batches. `Rows` is a table with some of them. */
export interface BatchOptions<in Rows> {
  /** The tensors of some rows. Tensors that it makes besides are disposed. */
  readonly tensors: (rows: Rows, tf: Tf) => TensorBatch
  /** Default: 32. */
  readonly batchSize?: number
  /** Whether every epoch has the rows in another order. Default: true. */
  readonly shuffle?: boolean
  /**
   * How many rows of a dataset or a stream are kept in memory to draw from. More shuffle better. A table is shuffled as a
   * whole. Default: 10,000.
   */
  readonly bufferRows?: number
  /** Of the shuffle. The same seed gives the same batches. Default: 1. */
  readonly seed?: number
}

/** How rows of a dataset become batches. */
export interface DatasetBatchOptions<F extends Artifact.TableFields, C extends keyof F>
  extends BatchOptions<Artifact.Table<Pick<F, C>>> {
  /** Only these columns are read. Default: all. */
  readonly columns?: ReadonlyArray<C>
}

const count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
const natural = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

const Batching = Schema.Struct({
  batchSize: orElse(count, 32),
  shuffle: orElse(Schema.Boolean, true),
  bufferRows: orElse(count, 10_000),
  seed: orElse(natural, 1)
})

const checkBatching = decode(Batching, "Tensorflow.batches")

/** Checks a source and how it becomes batches. */
export const makeBatches = (
  source: RowBatches.Source<unknown, unknown>,
  options: BatchOptions<never> & { readonly columns?: ReadonlyArray<string> }
): Effect.Effect<Batches<unknown, unknown>, OptionsError> =>
  Effect.gen(function* () {
    const { columns, tensors, ...rest } = options
    const { batchSize, bufferRows, seed, shuffle } = yield* checkBatching(rest)
    if (!RowBatches.isSource(source))
      return yield* invalid("Tensorflow.batches", "", "expected a table, a dataset, or a function that gives a stream")
    if (typeof tensors !== "function") return yield* invalid("Tensorflow.batches", "tensors", "expected a function")
    const batching = { batchSize, bufferRows: shuffle ? bufferRows : 0 }
    return {
      [TypeId]: {
        epoch: (epoch) => RowBatches.of(source, columns, batching, RowBatches.seedOf(seed, epoch)),
        tensors: tensors as unknown as (rows: RowBatches.Rows, tf: Tf) => TensorBatch, // of the columns of the source
        batchSize,
        numRows: typeof source === "function" ? undefined : source.numRows
      }
    }
  })

/** The options of `fitDataset`, named as in `model.fitDataset`. */
export interface FitDatasetOptions<E, R> {
  /** Default: 1. */
  readonly epochs?: number
  readonly initialEpoch?: number
  /** How many batches an epoch has. The next one goes on with the same iterator. Default: all that there are. */
  readonly batchesPerEpoch?: number
  /** Batches to validate on after each epoch, or tensors. */
  readonly validationData?: Batches<E, R> | TensorSource | readonly [xs: Tensors, ys: Tensors]
  /** How many batches to validate on. Default: all that there are. */
  readonly validationBatches?: number
  readonly callbacks?: FitCallback | ReadonlyArray<FitCallback>
  readonly classWeight?: ModelFitArgs["classWeight"]
  /** As in `fit`. */
  readonly checkpointEvery?: number
}

const Numbers = Schema.Struct({
  epochs: orElse(count, 1),
  initialEpoch: orElse(natural, 0),
  batchesPerEpoch: Schema.optionalKey(count),
  validationBatches: Schema.optionalKey(count),
  checkpointEvery: Schema.optionalKey(natural)
})

const checkNumbers = decode(Numbers, "Tensorflow.fitDataset")

/** The checked options. */
export interface Checked<E, R> extends Readonly<typeof Numbers.Type> {
  readonly callbacks: ReadonlyArray<FitCallback>
  readonly classWeight: ModelFitArgs["classWeight"]
  readonly validationData: FitDatasetOptions<E, R>["validationData"]
}

const isData = (data: unknown): boolean =>
  typeof data === "function" || (typeof data === "object" && data !== null && (TypeId in data || "iterator" in data))

const owner = "Tensorflow.fitDataset"

/** Checks the data and the options. */
export const make = Effect.fnUntraced(function* <E, R>(data: unknown, options: FitDatasetOptions<E, R>) {
  const { callbacks = [], classWeight, validationData, ...rest } = options
  const numbers = yield* checkNumbers(
    Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  )
  const expected = "expected Tensorflow.batches(…), a tf.data dataset, or a generator function"
  if (!isData(data)) return yield* invalid(owner, "", expected)
  if (validationData !== undefined && !isData(validationData) && !Array.isArray(validationData))
    return yield* invalid(owner, "validationData", `${expected}, or a pair of xs and ys`)
  if (numbers.initialEpoch >= numbers.epochs) {
    const message = `${numbers.initialEpoch} leaves none of ${numbers.epochs} epochs to train`
    return yield* invalid(owner, "initialEpoch", message)
  }
  const checked: Checked<E, R> = {
    ...numbers,
    callbacks: [callbacks].flat() as ReadonlyArray<FitCallback>, // `flat` keeps the array type in its elements
    classWeight,
    validationData
  }
  return checked
})
