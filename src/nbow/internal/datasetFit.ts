/**
 * Trains a `tf.LayersModel` on batches as they come: from rows of our tables, datasets and streams, from a generator
 * function, or from a `tf.data` dataset. One batch is in memory at a time, besides what a shuffle keeps.
 */
import type { Tensor } from "@tensorflow/tfjs-core"
import type { LayersModel } from "@tensorflow/tfjs-layers"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  type Batches,
  type Checked,
  isBatches,
  partsOf,
  type TensorBatch,
  type TensorIterator,
  type TensorSource
} from "./datasetOptions.ts"
import { checkFinite } from "./finite.ts"
import * as FitCheckpoint from "./fitCheckpoint.ts"
import * as FitLoop from "./fitLoop.ts"
import * as FitState from "./fitState.ts"
import * as Kernels from "./kernels.ts"
import * as LoadTf from "./loadTf.ts"
import { TrainingError } from "./TrainingError.ts"
import * as Trainable from "./trainable.ts"

/** The next batch as its source has it, or nothing at the end. */
type Next<E, R> = Effect.Effect<TensorBatch | undefined, E | TrainingError, R>

/** Opens a pass over the data. */
type Open<E, R> = (epoch: number) => Effect.Effect<Next<E, R>, E | TrainingError, R | Scope.Scope>

const tensorsIn = (tensors: Trainable.Tensors): ReadonlyArray<Tensor> =>
  "dataId" in tensors ? [tensors as Tensor] : Object.values(tensors)

/** A pass over rows. */
const openRows =
  <E, R>(tf: LoadTf.Tf, batches: Batches<E, R>): Open<E, R> =>
  (epoch) =>
    Effect.map(Stream.toPull(Stream.rechunk(partsOf(batches).epoch(epoch), 1)), (pull) =>
      Effect.flatMap(
        Pull.catchDone(pull, () => Effect.succeed([undefined] as const)),
        ([rows]) =>
          rows === undefined
            ? Effect.succeed(undefined)
            : FitLoop.attempt(() => {
                // The tensors of a batch outlive the tidy, and what else was made does not.
                let batch: TensorBatch | undefined
                tf.tidy(() => {
                  batch = partsOf(batches).tensors(rows, tf)
                  return [...tensorsIn(batch.xs), ...tensorsIn(batch.ys), ...weightTensor(batch)]
                })
                return batch
              })
      )
    )

const weightTensor = ({ sampleWeight }: TensorBatch): ReadonlyArray<Tensor> =>
  sampleWeight !== undefined && "dataSync" in sampleWeight ? [sampleWeight] : []

const iteratorOf = async (source: TensorSource): Promise<TensorIterator> => {
  if (typeof source !== "function") return await source.iterator()
  const iterable = source()
  if (Symbol.asyncIterator in iterable) return iterable[Symbol.asyncIterator]()
  return Symbol.iterator in iterable ? iterable[Symbol.iterator]() : iterable
}

/** A pass over a generator or a `tf.data` dataset. */
const openIterator =
  (tf: LoadTf.Tf, source: TensorSource): Open<never, never> =>
  () => {
    let isPending = false
    /** Disposes a batch that comes after the training was interrupted. */
    const discard = (result: Promise<IteratorResult<TensorBatch, unknown>>) =>
      Effect.sync(
        () =>
          void result.then(
            ({ done, value }) => {
              if (done !== true && isTensorBatch(value)) dispose(tf, value)
            },
            () => {}
          )
      )
    const close = (iterator: TensorIterator) =>
      Effect.promise(async () => {
        const ended = Promise.resolve(iterator.return?.()).catch(() => {})
        // An asynchronous generator ends when its pending batch has come, which nobody waits for.
        if (!isPending) await ended
      })
    return Effect.map(
      Effect.acquireRelease(
        FitLoop.attemptPromise(() => iteratorOf(source)),
        close
      ),
      (iterator) =>
        Effect.suspend(() => {
          isPending = true
          const result = (async () => await iterator.next())()
          return FitLoop.attemptPromise(() => result).pipe(
            Effect.tap(() =>
              Effect.sync(() => {
                isPending = false
              })
            ),
            Effect.onInterrupt(() => discard(result)),
            Effect.flatMap(({ done, value }) => {
              if (done === true) return Effect.succeed(undefined)
              const batch = Array.isArray(value) ? { xs: value[0], ys: value[1] } : value
              return isTensorBatch(batch) ? Effect.succeed(batch) : Effect.fail(notABatch)
            })
          )
        })
    )
  }

const dispose = (tf: LoadTf.Tf, batch: TensorBatch): void =>
  tf.dispose([...tensorsIn(batch.xs), ...tensorsIn(batch.ys), ...weightTensor(batch)])

const isTensorBatch = (value: unknown): value is TensorBatch =>
  typeof value === "object" &&
  value !== null &&
  [(value as Partial<TensorBatch>).xs, (value as Partial<TensorBatch>).ys].every(
    (tensors) => typeof tensors === "object" && tensors !== null
  )

const notABatch = new TrainingError({
  reason: "model",
  message: "A batch must be { xs, ys }, each a tensor or tensors."
})

/** A pass over tensors, in slices. */
const openTensors =
  (tf: LoadTf.Tf, [xs, ys]: readonly [Trainable.Tensors, Trainable.Tensors], size = 32): Open<never, never> =>
  () =>
    Effect.sync(() => {
      const rows = tensorsIn(xs)[0]?.shape[0] ?? 0
      let start = 0
      return Effect.sync(() => {
        if (start >= rows) return undefined
        const from = start
        start += size
        const slice = (tensor: Tensor) => tf.slice(tensor, from, Math.min(size, rows - from))
        const slices = (tensors: Trainable.Tensors): Trainable.Tensors =>
          "dataId" in tensors
            ? slice(tensors as Tensor)
            : Array.isArray(tensors)
              ? tensors.map(slice)
              : Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, slice(tensor)]))
        return { xs: slices(xs), ys: slices(ys) }
      })
    })

/** Puts a batch into the order and the shapes of the model. All its tensors are disposed with the result, or if it fails. */
const standardize = Effect.fnUntraced(function* (
  tf: LoadTf.Tf,
  model: Trainable.Trainable,
  batch: TensorBatch,
  classWeight: unknown,
  isTrained: boolean
) {
  const own = new Set<Tensor>([...tensorsIn(batch.xs), ...tensorsIn(batch.ys), ...weightTensor(batch)])
  const release = () => tf.dispose([...own])
  return yield* Effect.gen(function* () {
    const size = tensorsIn(batch.xs)[0]?.shape[0] ?? 0
    const [inputs, targets, weights] = yield* FitLoop.attemptPromise(() =>
      model.standardizeUserData(batch.xs, batch.ys, null, isTrained ? classWeight : null, false, size)
    )
    for (const tensor of [...inputs, ...targets, ...(weights ?? [])]) if (tensor !== null) own.add(tensor)
    const flaw = checkFinite([...inputs, ...targets], inputs.length, isTrained ? "batch's" : "validation batch's")
    if (flaw !== undefined) return yield* flaw
    const ofRows = isTrained ? yield* FitLoop.attempt(() => rowWeights(tf, batch, size)) : undefined
    if (ofRows !== undefined) own.add(ofRows)
    const weightOf = (output: number): Tensor | undefined => {
      const ofClass = weights?.[output] ?? undefined
      if (ofRows === undefined || ofClass === undefined) return ofRows ?? ofClass
      const product = tf.mul<Tensor>(ofRows, ofClass)
      own.add(product)
      return product
    }
    const factors = model.outputs.map((_, output) => weightOf(output))
    const ones = () => {
      const weights = tf.ones([size])
      own.add(weights)
      return weights
    }
    const weighted = factors.some((factor) => factor !== undefined) ? factors.map((factor) => factor ?? ones()) : []
    const tensors = [...inputs, ...targets, ...weighted]
    return { size, tensors: () => tensors, release } satisfies FitLoop.Batch
  }).pipe(Effect.onError(() => Effect.sync(release)))
})

/** The weights of a batch's rows. */
const rowWeights = (tf: LoadTf.Tf, { sampleWeight }: TensorBatch, size: number): Tensor | undefined => {
  if (sampleWeight === undefined) return undefined
  const values = Float32Array.from("dataSync" in sampleWeight ? sampleWeight.dataSync() : sampleWeight)
  if (values.length !== size) throw new Error(`a batch has ${size} rows and ${values.length} weights`)
  const bad = values.findIndex((value) => !(value >= 0 && value < Infinity))
  if (bad >= 0)
    throw new Error(`the weight of row ${bad} of a batch is ${values[bad]}, expected a number of at least 0`)
  return tf.tensor1d(values)
}

/** Batches for the loop, and how to look at the first one. */
const feedOf = <E, R>(
  tf: LoadTf.Tf,
  model: Trainable.Trainable,
  data: Batches<E, R> | TensorSource,
  { batchesPerEpoch, classWeight, initialEpoch, validationBatches, validationData }: Checked<E, R>,
  scope: Scope.Scope
) => {
  type Feed = FitLoop.Feed<E | TrainingError, R>
  const opener = (source: Batches<E, R> | TensorSource): Open<E, R> =>
    isBatches(source) ? openRows(tf, source) : openIterator(tf, source)
  const open = opener(data)

  /** At most so many batches, each in the form of the model. */
  const pullOf = (next: Next<E, R>, limit: number | undefined, isTrained: boolean) => {
    let count = 0
    return Effect.suspend(() =>
      count++ === limit
        ? Effect.succeed(undefined)
        : // Nothing may come between a batch and what disposes it.
          Effect.uninterruptibleMask((restore) =>
            Effect.flatMap(restore(next), (batch) =>
              batch === undefined ? Effect.succeed(undefined) : standardize(tf, model, batch, classWeight, isTrained)
            )
          )
    )
  }

  // With `batchesPerEpoch`, an epoch goes on where the one before ended, and starts again at the end of the data.
  let current: Next<E, R> | undefined
  const endless: Next<E, R> = Effect.gen(function* () {
    const isNew = current === undefined
    current ??= yield* Scope.provide(open(0), scope)
    const batch = yield* current
    if (batch !== undefined || isNew) return batch
    current = yield* Scope.provide(open(0), scope)
    return yield* current
  })

  /** A pass that was opened to look at its first batch. */
  let opened: FitLoop.Pull<E | TrainingError, R> | undefined
  const train: Feed["train"] = (epoch) =>
    Effect.suspend(() => {
      const first = opened
      opened = undefined
      if (first !== undefined) return Effect.succeed(first)
      return batchesPerEpoch === undefined
        ? Effect.map(open(epoch), (next) => pullOf(next, undefined, true))
        : Effect.succeed(pullOf(endless, batchesPerEpoch, true))
    })

  const noRows = new TrainingError({ reason: "rows", message: "There are no rows to train on." })

  /** The first batch, for as long as the scope is open. An iterator is not asked for it twice; rows are read again. */
  const peek = Effect.gen(function* () {
    const isReadAgain = isBatches(data) && batchesPerEpoch === undefined
    const first = isReadAgain
      ? yield* Effect.scoped(Effect.flatten(train(initialEpoch)))
      : yield* Effect.gen(function* () {
          const pull = yield* Scope.provide(train(initialEpoch), scope)
          const first = yield* pull
          let isFirst = true
          opened = Effect.suspend(() => {
            if (!isFirst) return pull
            isFirst = false
            return Effect.succeed(first)
          })
          return first
        })
    if (first === undefined) return yield* noRows
    yield* Scope.addFinalizer(scope, Effect.sync(first.release))
    return { tensors: first.tensors(), release: isReadAgain ? first.release : () => {} }
  })

  const skip: Feed["skip"] = (epoch) =>
    batchesPerEpoch === undefined
      ? Effect.void
      : Effect.scoped(
          Effect.gen(function* () {
            const pull = yield* train(epoch)
            for (let batch = yield* pull; batch !== undefined; batch = yield* pull) batch.release()
          })
        )

  const feed: Feed = {
    samples: isBatches(data) ? partsOf(data).numRows : undefined,
    batchSize: isBatches(data) ? partsOf(data).batchSize : undefined,
    skip,
    train,
    validate:
      validationData === undefined
        ? undefined
        : Effect.map(
            Array.isArray(validationData)
              ? openTensors(tf, validationData as [Trainable.Tensors, Trainable.Tensors])(0) // a pair, which was checked
              : opener(validationData as Batches<E, R> | TensorSource)(0), // the other forms
            (next) => pullOf(next, validationBatches, false)
          )
  }
  return { feed, peek }
}

/** Trains a compiled model on batches. Returns the figures of its epochs. */
export const fit = <E, R>(
  loaded: LoadTf.Loaded,
  backends: ReadonlyArray<LoadTf.Backend>,
  layersModel: LayersModel,
  data: Batches<E, R> | TensorSource,
  options: Checked<E, R>
): Effect.Effect<{ readonly [figure: string]: ReadonlyArray<number> }, E | TrainingError, R> => {
  const { tf } = loaded
  const model = Trainable.of(layersModel)
  const { batchesPerEpoch, checkpointEvery, classWeight, epochs, initialEpoch } = options
  const train = Effect.gen(function* () {
    const { feed, peek } = feedOf(tf, model, data, options, yield* Effect.scope)
    const first = yield* peek
    const backend = yield* Kernels.choose(loaded, backends, model, first.tensors)
    first.release()
    const checkpoint = yield* FitCheckpoint.open("Tensorflow.fitDataset", model.stateful ? 0 : checkpointEvery, () => {
      const { batchSize, samples } = feed
      return FitState.partsOf(model, { batchSize, batchesPerEpoch, classWeight, epochs, initialEpoch, samples })
    })
    return yield* FitLoop.run(tf, LoadTf.names[backend], model, feed, { ...options, checkpoint })
  }).pipe(Effect.ensuring(Effect.sync(() => Trainable.disposeMasks(tf, model.layers))), Effect.scoped)
  return FitLoop.exclusively(model, train)
}
