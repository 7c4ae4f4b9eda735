/**
 * The two workflows of a cluster. An attempt at a task is an execution of its own, whose id says run, task key, occurrence
 * and attempt: whoever asks for it, again or from elsewhere, gets the one result. A run is one too: it waits on a worker,
 * and goes on with the run if the process that drives it is gone.
 *
 * What an attempt is asked with and answered by is a text of JSON to the cluster, which passes it on without looking.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Workflow from "effect/workflow/Workflow"
import { ExecutorError, type TaskDescription } from "../../../Executor.ts"
import type { TaskSink } from "../../run/taskSink.ts"
import type { Blob } from "../thread/protocol.ts"
import type * as Thread from "../thread/thread.ts"

/** Changes when drivers and workers of two versions could no longer understand each other. */
const protocol = 1

/** What an attempt is asked with. */
export interface Asked {
  /** The description, or the digest of an artifact that holds it, where it is too long for a message. */
  readonly task: TaskDescription | { readonly digest: string }
  readonly blobs: ReadonlyArray<Blob>
  readonly level: string
}

/** What came of an attempt, and what whoever drives the run has yet to hear of it. */
export interface Answer extends Thread.Done {
  /** How many lines it logged. */
  readonly lines: number
  readonly tags: ReadonlyArray<Parameters<TaskSink["tags"]>[0]>
}

/** An attempt at a task. */
export const TaskWorkflow = Workflow.make("effect-flow/task", {
  payload: { id: Schema.String, body: Schema.String },
  success: Schema.String,
  idempotencyKey: ({ id }) => id
})

/** A run, in case its driver dies. */
export const RunWorkflow = Workflow.make("effect-flow/run", {
  payload: { run: Schema.String },
  idempotencyKey: ({ run }) => run
})

/** What the id of an attempt's execution begins with, whoever asks for it. */
export const attemptId = (task: TaskDescription): string => `${task.run}/${task.key}/${task.occurrence}.${task.attempt}`

/** As the text that crosses. */
export const encodeAsked = ({ blobs, ...rest }: Asked): string => write({ ...rest, blobs: blobs.map(toText) })

/** From the text. */
export const decodeAsked = (text: string): Effect.Effect<Asked, ExecutorError> =>
  Effect.map(read<Texts<Asked>>(text), ({ blobs, ...rest }) => ({ ...rest, blobs: blobs.map(fromText) }))

/** As the text that crosses. */
export const encodeAnswer = ({ result, ...rest }: Answer): string =>
  write({
    ...rest,
    result: result._tag === "Success" ? { ...result, blobs: result.blobs.map(toText) } : result
  })

/** From the text. */
export const decodeAnswer = (text: string): Effect.Effect<Answer, ExecutorError> =>
  Effect.map(read<Omit<Answer, "result"> & { readonly result: ResultText }>(text), ({ result, ...rest }) => ({
    ...rest,
    result: result._tag === "Success" ? { ...result, blobs: result.blobs.map(fromText) } : result
  }))

interface BlobText {
  readonly digest: string
  readonly base64: string
}

type Texts<A extends { readonly blobs: unknown }> = Omit<A, "blobs"> & { readonly blobs: ReadonlyArray<BlobText> }
type ResultText =
  | Texts<Extract<Answer["result"], { readonly _tag: "Success" }>>
  | Exclude<Answer["result"], { readonly _tag: "Success" }>

const toText = ({ bytes, digest }: Blob): BlobText => ({
  digest,
  base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")
})
const fromText = ({ base64, digest }: BlobText): Blob => ({
  digest,
  bytes: new Uint8Array(Buffer.from(base64, "base64"))
})

const write = (value: unknown): string => JSON.stringify({ protocol, value })

const read = <A>(text: string): Effect.Effect<A, ExecutorError> => {
  const found = JSON.parse(text) as { readonly protocol: number; readonly value: A } // `write` made it
  return found.protocol === protocol
    ? Effect.succeed(found.value)
    : Effect.fail(
        new ExecutorError({
          reason: "version",
          message: `The run's driver and the cluster's worker have two versions of effect-flow that do not understand each other (protocols ${protocol} and ${found.protocol}). Start both with the same version.`
        })
      )
}
