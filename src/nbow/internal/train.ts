/**
 * Training as an Effect. An epoch consists of spans of steps, and each span is one call of the fused kernel. Between
 * spans, other fibers run and interruption is possible. Tensors are always disposed.
 */
import * as Effect from "effect/Effect"
import * as CanonicalJson from "../../internal/schema/canonicalJson.ts"
import type { SparseMatrix } from "../SparseMatrix.ts"
import type { Epoch } from "./epoch.ts"
import * as FitCheckpoint from "./fitCheckpoint.ts"
import type { Core } from "./loadTf.ts"
import type { Options } from "./nbowOptions.ts"
import { measure, penaltyOf, type Weights } from "./network.ts"
import { Random } from "./random.ts"
import * as Report from "./report.ts"
import { Trainer } from "./Trainer.ts"
import { TrainingError } from "./TrainingError.ts"
import * as TrainKernel from "./trainKernel.ts"
import * as TrainState from "./trainState.ts"

export type { Epoch } from "./epoch.ts"

/** Labelled rows and the initial weights, which have one output, or one for each class. */
export interface Given {
  readonly matrix: SparseMatrix
  /** The class of each row, from 0. */
  readonly labels: ArrayLike<number>
  readonly weights: Weights
  /** The factor of each row's loss in training. Default: 1. */
  readonly rowWeights?: Float32Array | undefined
  /** The factor of each row's loss in the validation. Default: 1. */
  readonly validationWeights?: ArrayLike<number> | undefined
}

/** A trained network. */
export interface Trained {
  readonly weights: Weights
  /** The epoch that the weights are from, counted from 1. */
  readonly epoch: number
  readonly history: ReadonlyArray<Epoch>
}

/** The maximum number of steps between two yields. */
const stepsPerTurn = 64
/** The approximate number of operations between two yields, some 10 ms. */
const operationsPerTurn = 2_000_000

/** The number of rows to train on, taken from the beginning. */
export const trainedRows = (rows: number, validationSplit: number): number => Math.floor(rows * (1 - validationSplit))

/**
 * Trains a network, starting with the given weights, or with what its checkpoint has.
 *
 * @param checkpointEvery Saves a checkpoint after every so many epochs, if the training runs in a task; 0 for never.
 * Default: once a second at most.
 */
export const train = (
  core: Core,
  given: Given,
  options: Options,
  checkpointEvery?: number
): Effect.Effect<Trained, TrainingError> =>
  Effect.acquireUseRelease(
    Effect.sync(() => new Training(core, given, options)),
    Effect.fnUntraced(function* (training: Training) {
      const checkpoint = yield* FitCheckpoint.open("Nbow.fit", checkpointEvery, () => partsOf(given, options))
      const restored = checkpoint.latest === undefined ? undefined : TrainState.decode(checkpoint.latest)
      if (restored !== undefined) training.restore(restored)
      const { history: before = [], ...from }: Partial<TrainState.Progress> = restored?.progress ?? {}
      const history = [...before]
      let { best, isStopped = false, last, target } = from
      if (last !== undefined) yield* Report.continued(last.epoch, options.epochs)
      if (checkpoint.isOfAnotherRun) yield* Report.again(history.map(figures))
      for (let epoch = 1 + (last?.epoch ?? 0); epoch <= options.epochs && !isStopped; epoch++) {
        const trained = yield* takeEpoch(training, epoch)
        const weights = training.weights()
        const measured: Epoch = { ...trained, ...(yield* validate(training, weights, given, options)) }
        const divergence = checkFinite(weights, measured, epoch)
        if (divergence !== undefined) return yield* divergence
        history.push(measured)
        yield* Report.epoch(epoch, options.epochs, figures(measured))
        last = { epoch, weights, valLoss: measured.valLoss ?? 0 }
        if (best === undefined || last.valLoss < best.valLoss) best = last
        const { earlyStopping } = options
        if (earlyStopping !== null) {
          if (target === undefined || last.valLoss < target.valLoss - earlyStopping.minDelta) target = last
          else isStopped = epoch - target.epoch >= earlyStopping.patience
        }
        if (!(yield* checkpoint.isDue(epoch, isStopped || epoch === options.epochs))) continue
        yield* checkpoint.save(TrainState.encode({ history, last, best, target, isStopped }, training.save()))
      }
      const { epoch, weights } = (options.restoreBest ? best : last) as TrainState.Snapshot // there is at least one epoch
      return { epoch, weights, history }
    }),
    (training) => Effect.sync(() => training.dispose())
  )

/** What decides the result of a training. */
const partsOf = ({ labels, matrix, rowWeights, validationWeights, weights }: Given, options: Options) => [
  CanonicalJson.stringify(options),
  FitCheckpoint.bytesOf(matrix.rowPointers),
  FitCheckpoint.bytesOf(matrix.columnIndices),
  FitCheckpoint.bytesOf(matrix.values),
  FitCheckpoint.bytesOf(labels),
  FitCheckpoint.bytesOf(rowWeights ?? []),
  FitCheckpoint.bytesOf(validationWeights ?? []),
  ...Object.values(weights).map(FitCheckpoint.bytesOf)
]

/** The metrics of an epoch under their Keras names. */
const figures = ({ accuracy, loss, valAccuracy, valLoss }: Epoch): { readonly [name: string]: number } => ({
  loss,
  accuracy,
  ...(valLoss === undefined ? {} : { val_loss: valLoss }),
  ...(valAccuracy === undefined ? {} : { val_accuracy: valAccuracy })
})

/** The weights as tensors. The arrays are copied, because the cpu backend uses them as the tensors' memory. */
const stateOf = (core: Core, weights: Weights, columns: number): TrainKernel.State => {
  const units = weights.hiddenBias.length
  return {
    hiddenKernel: core.tensor2d(weights.hiddenKernel.slice(), [columns, units]),
    hiddenBias: core.tensor1d(weights.hiddenBias.slice()),
    outputKernel: core.tensor2d(weights.outputKernel.slice(), [units, weights.outputBias.length]),
    outputBias: core.tensor1d(weights.outputBias.slice())
  }
}

/** The state of a training: tensors, random generator and progress. */
class Training {
  private state: TrainKernel.State
  private readonly core: Core
  private readonly trainer: Trainer
  private readonly random: Random
  private readonly order: Int32Array
  private readonly shuffle: boolean
  private readonly batchSize: number
  /** The number of probabilities of a row. */
  readonly outputs: number
  /** The number of rows between two yields. */
  readonly spanRows: number

  constructor(core: Core, { labels, matrix, rowWeights, weights }: Given, options: Options) {
    const rows = trainedRows(matrix.rows, options.validationSplit)
    const outputs = weights.outputBias.length
    this.core = core
    this.outputs = outputs
    this.shuffle = options.shuffle
    this.random = new Random(options.seed)
    this.order = Int32Array.from({ length: rows }, (_, row) => row)
    this.trainer = new Trainer({ ...options, matrix, labels, rowWeights, outputs, random: this.random })
    this.batchSize = Math.min(options.batchSize, rows)
    const entries = (this.batchSize * matrix.values.length) / matrix.rows
    const operations = weights.hiddenKernel.length + entries * options.hiddenSize
    this.spanRows = this.batchSize * Math.max(1, Math.min(stepsPerTurn, Math.floor(operationsPerTurn / operations)))
    this.state = stateOf(core, weights, matrix.columns)
  }

  /** The state between two epochs, besides the weights. */
  save(): TrainState.TrainerState {
    return { ...this.trainer.state(), order: this.order.slice(), random: this.random.save() }
  }

  /** Continues from a state. */
  restore({ progress, trainer }: ReturnType<typeof TrainState.decode>): void {
    const [columns = 0] = this.state.hiddenKernel.shape
    this.dispose()
    this.state = stateOf(this.core, progress.last.weights, columns)
    this.trainer.restore(trainer)
    this.order.set(trainer.order)
    this.random.restore(trainer.random)
  }

  /** Begins an epoch and returns its number of rows. */
  begin(): number {
    if (this.shuffle) this.random.shuffle(this.order)
    this.trainer.hits = 0
    return this.order.length
  }

  /** The number of rows predicted correctly in this epoch. */
  get hits(): number {
    return this.trainer.hits
  }

  /** Runs the kernel on some rows of the order. Returns the sum of their losses. */
  span(start: number, end: number): number {
    const { batchSize, order, trainer } = this
    const before = this.state
    const { losses, state } = TrainKernel.run(this.core, before, { trainer, order, start, end, batchSize })
    this.state = state
    this.core.dispose(Object.values(before))
    const values = losses.dataSync<"float32">()
    losses.dispose()
    return values.reduce((sum, loss, step) => sum + loss * Math.min(batchSize, end - start - step * batchSize), 0)
  }

  /** The probabilities of rows with the current weights. */
  score(start: number, end: number, scores: Float32Array): void {
    this.trainer.score(start, end, scores)
  }

  /** The current weights. */
  weights(): Weights {
    const { hiddenBias, hiddenKernel, outputBias, outputKernel } = this.state
    const read = (tensor: (typeof this.state)["hiddenBias"]): Float32Array => tensor.dataSync<"float32">().slice()
    return {
      hiddenKernel: read(hiddenKernel),
      hiddenBias: read(hiddenBias),
      outputKernel: read(outputKernel),
      outputBias: read(outputBias)
    }
  }

  dispose(): void {
    this.core.dispose(Object.values(this.state))
  }
}

const diverged = (what: string, number: number): TrainingError =>
  new TrainingError({
    reason: "diverged",
    message: `${what} in epoch ${number}: the weights grew without bound. Lower learningRate.`
  })

/** The loss of a step is measured before its update, so the last update of an epoch is checked here. */
const checkFinite = (weights: Weights, { valLoss = 0 }: Epoch, number: number): TrainingError | undefined => {
  for (const [name, values] of Object.entries(weights) as Array<[string, Float32Array]>) {
    for (let i = 0; i < values.length; i++) {
      if (!Number.isFinite(values[i])) return diverged(`A weight of ${name} is ${values[i]}`, number)
    }
  }
  return Number.isFinite(valLoss) ? undefined : diverged(`The validation loss is ${valLoss}`, number)
}

/** Trains on all rows once. */
const takeEpoch = Effect.fnUntraced(function* (training: Training, number: number) {
  const rows = training.begin()
  let loss = 0
  for (let start = 0; start < rows; start += training.spanRows) {
    loss += training.span(start, Math.min(start + training.spanRows, rows))
    if (!Number.isFinite(loss)) return yield* diverged(`The loss is ${loss}`, number)
    yield* Effect.yieldNow
  }
  return { loss: loss / rows, accuracy: training.hits / rows }
})

/** The loss and accuracy on the validation rows, if there are any. */
const validate = Effect.fnUntraced(function* (training: Training, weights: Weights, given: Given, options: Options) {
  const { labels, matrix } = given
  const first = trainedRows(matrix.rows, options.validationSplit)
  if (first === matrix.rows) return {}
  const { outputs } = training
  const scores = new Float32Array((matrix.rows - first) * outputs)
  for (let start = first; start < matrix.rows; start += training.spanRows) {
    const end = Math.min(start + training.spanRows, matrix.rows)
    training.score(start, end, scores.subarray((start - first) * outputs))
    yield* Effect.yieldNow
  }
  const { accuracy, loss } = measure(labels, scores, first, { outputs, rowWeights: given.validationWeights })
  return { valLoss: loss + penaltyOf(weights, options), valAccuracy: accuracy }
})
