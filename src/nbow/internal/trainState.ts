/**
 * The state of an Nbow training between two epochs, as tensors: the weights, Adam's moments, the order of the rows, the
 * random generator, and how far the training has come. A training that continues from it goes on bit for bit as it would
 * have.
 */
import type * as Artifact from "../../Artifact.ts"
import type { Epoch } from "./epoch.ts"
import type { State } from "./fitCheckpoint.ts"
import type { Weights } from "./network.ts"

/** The weights of an epoch. */
export interface Snapshot {
  readonly epoch: number
  readonly valLoss: number
  readonly weights: Weights
}

/** How far a training has come. */
export interface Progress {
  readonly history: ReadonlyArray<Epoch>
  readonly last: Snapshot
  /** The epoch with the lowest validation loss. */
  readonly best: Snapshot
  /** The last epoch whose validation loss was low enough for early stopping to wait again. */
  readonly target: Omit<Snapshot, "weights"> | undefined
  /** Whether early stopping has ended the training. */
  readonly isStopped: boolean
}

/** What a trainer and its random generator know besides the weights. */
export interface TrainerState {
  readonly moments: Float32Array
  readonly steps: number
  readonly untilDrop: number
  readonly order: Int32Array
  readonly random: Int32Array
}

const f32 = (data: Float32Array): Artifact.Tensor => ({ dtype: "F32", shape: [data.length], data })
const i32 = (data: Int32Array): Artifact.Tensor => ({ dtype: "I32", shape: [data.length], data })

const weightsOf = (prefix: string, weights: Weights): { readonly [name: string]: Artifact.Tensor } =>
  Object.fromEntries(Object.entries(weights).map(([name, data]) => [`${prefix}/${name}`, f32(data)]))

const names = ["hiddenKernel", "hiddenBias", "outputKernel", "outputBias"] as const

const dataOf = ({ tensors }: State, name: string): Float32Array => tensors[name]?.data as Float32Array // `encode` put it there

const weightsIn = (state: State, prefix: string): Weights => ({
  hiddenKernel: dataOf(state, `${prefix}/${names[0]}`),
  hiddenBias: dataOf(state, `${prefix}/${names[1]}`),
  outputKernel: dataOf(state, `${prefix}/${names[2]}`),
  outputBias: dataOf(state, `${prefix}/${names[3]}`)
})

/** The numbers of a progress, as its metadata hold them. */
interface About {
  readonly history: ReadonlyArray<Epoch>
  readonly last: Omit<Snapshot, "weights">
  readonly best: Omit<Snapshot, "weights">
  readonly target: Omit<Snapshot, "weights"> | null
  readonly isStopped: boolean
  readonly steps: number
  /** Null for infinity: nothing is dropped. */
  readonly untilDrop: number | null
}

const numbersOf = ({ epoch, valLoss }: Omit<Snapshot, "weights">) => ({ epoch, valLoss })

/** The state as tensors. The best weights are left out if they are the last ones. */
export const encode = (
  { best, history, isStopped, last, target }: Progress,
  { moments, order, random, steps, untilDrop }: TrainerState
): State => {
  const about: About = {
    history,
    last: numbersOf(last),
    best: numbersOf(best),
    target: target === undefined ? null : numbersOf(target),
    isStopped,
    steps,
    untilDrop: Number.isFinite(untilDrop) ? untilDrop : null
  }
  return {
    tensors: {
      ...weightsOf("last", last.weights),
      ...(best.epoch === last.epoch ? {} : weightsOf("best", best.weights)),
      moments: f32(moments),
      order: i32(order),
      random: i32(random)
    },
    metadata: { about: JSON.stringify(about) }
  }
}

/** The state that was encoded. */
export const decode = (state: State): { readonly progress: Progress; readonly trainer: TrainerState } => {
  const { best, history, isStopped, last, steps, target, untilDrop } = JSON.parse(state.metadata.about ?? "") as About // `encode` made it
  const lastWeights = weightsIn(state, "last")
  return {
    progress: {
      history,
      last: { ...last, weights: lastWeights },
      best: { ...best, weights: best.epoch === last.epoch ? lastWeights : weightsIn(state, "best") },
      target: target ?? undefined,
      isStopped
    },
    trainer: {
      moments: dataOf(state, "moments"),
      order: state.tensors.order?.data as Int32Array, // `encode` put both there
      random: state.tensors.random?.data as Int32Array,
      steps,
      untilDrop: untilDrop ?? Number.POSITIVE_INFINITY
    }
  }
}
