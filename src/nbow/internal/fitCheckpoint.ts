/**
 * The checkpoint of a training: after an epoch, its state is saved with the task that it runs in, so that a training
 * that is killed continues from that epoch and ends with the model that it would have ended with. Outside of a task,
 * nothing is saved. Unless the caller counts epochs, a state is saved once a second at most: saving takes some
 * milliseconds, which is as long as a short epoch takes, and a training that is over within a second is as soon trained
 * again.
 *
 * A step may train several models. Each training has a checkpoint under a name of its own: a digest of what decides the
 * result, and the number of trainings of the attempt with that digest before it.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Artifact from "../../Artifact.ts"
import { CurrentTask } from "../../CurrentTask.ts"
import { messageOf } from "../../internal/cause.ts"
import { monotonicMs } from "../../internal/monotonic.ts"
import * as Digest from "../../internal/schema/digest.ts"

/** The state of a training: tensors, and JSON texts as metadata. */
export type State = Artifact.Tensors

/** How a training saves its state. */
export interface FitCheckpoint {
  /** The state that the training continues from. */
  readonly latest: State | undefined
  /** Whether a state is to be saved after this epoch, counted from 1. */
  readonly isDue: (epoch: number, isLast: boolean) => Effect.Effect<boolean>
  /** Saves a state. Failing to is no reason to stop a training: it is logged. */
  readonly save: (state: State) => Effect.Effect<void>
  /**
   * Whether the epochs so far were recorded for another task, whose metrics a reader of this one doesn't see: that of the
   * run that this run resumes.
   */
  readonly isOfAnotherRun: boolean
}

const none: FitCheckpoint = {
  latest: undefined,
  isDue: () => Effect.succeed(false),
  save: () => Effect.void,
  isOfAnotherRun: false
}

const artifact = Artifact.tensors()

/** How many trainings an attempt began with a digest. */
const begun = new WeakMap<CurrentTask["Service"], Map<string, number>>()

const numberOf = (task: CurrentTask["Service"], digest: string): number => {
  const counts = begun.get(task) ?? new Map<string, number>()
  begun.set(task, counts)
  const count = counts.get(digest) ?? 0
  counts.set(digest, count + 1)
  return count
}

const digestOf = (parts: ReadonlyArray<Uint8Array | string>): string => {
  const encoder = new TextEncoder()
  const texts = parts.map((part) => Digest.ofChunks([typeof part === "string" ? encoder.encode(part) : part]))
  return Digest.ofTexts("effect-flow/fit/1", texts).slice(0, 16)
}

/** The bytes of an array. */
export const bytesOf = (array: ArrayLike<number> | ArrayBufferView): Uint8Array => {
  const view = ArrayBuffer.isView(array) ? array : Float64Array.from(array)
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

/** Without a number of epochs, this long after the last save (or the beginning) the next epoch's state is saved. */
const saveAfterMs = 1000

/**
 * Opens the checkpoint of a training.
 *
 * @param what The function that trains, as messages and the checkpoint's name call it.
 * @param every Saves after every so many epochs, and after the last; never if it is 0. Default: by time.
 * @param parts What decides the result of the training: computed only where there is a task.
 */
export const open = Effect.fnUntraced(function* (
  what: string,
  every: number | undefined,
  parts: () => ReadonlyArray<Uint8Array | string>
) {
  const task = yield* Effect.serviceOption(CurrentTask)
  if (Option.isNone(task) || every === 0) return none
  const { attempt, checkpoint } = task.value
  const warn = (problem: string) => (error: { readonly message: string }) =>
    Effect.logWarning(`${what} ${problem}: ${error.message}`)
  const name = Effect.try({
    try: () => {
      const digest = digestOf(parts())
      return `${what}/${digest}/${numberOf(task.value, digest)}`
    },
    catch: (cause) => ({ message: `its configuration can't be read: ${messageOf(cause)}` }) // by a layer of the caller's own
  })
  let savedAtMs = yield* monotonicMs
  return yield* Effect.matchEffect(
    Effect.flatMap(name, (name) => checkpoint(artifact, { name })),
    {
      onFailure: (error) => Effect.as(warn("trains without checkpoints")(error), none),
      onSuccess: ({ latest, save }) =>
        Effect.succeed<FitCheckpoint>({
          latest: Option.getOrUndefined(latest),
          isDue: (epoch, isLast) =>
            every === undefined
              ? Effect.map(monotonicMs, (now) => now - savedAtMs >= saveAfterMs)
              : Effect.succeed(isLast || epoch % every === 0),
          save: (state) =>
            Effect.andThen(
              Effect.catch(save(state), warn("could not save a checkpoint")),
              Effect.map(monotonicMs, (now) => {
                savedAtMs = now
              })
            ),
          isOfAnotherRun: attempt === 1
        })
    }
  )
})
