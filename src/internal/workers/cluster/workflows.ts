/**
 * The two workflows of a cluster. An attempt at a task is an execution of its own, whose id says run, task key,
 * occurrence and attempt: requesting it again, from any process, yields the same result. A run is an execution too: it
 * waits on a worker, which continues the run if the process that drives it dies.
 *
 * Messages are JSON texts that the cluster passes through without parsing.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as DurableDeferred from "effect/workflow/DurableDeferred"
import * as Workflow from "effect/workflow/Workflow"
import { ExecutorError, type TaskDescription } from "../../../Executor.ts"
import type { TaskSink } from "../../run/taskSink.ts"
import type { CallerContext } from "../callerContext.ts"
import type { AttemptSpan } from "../spans.ts"
import type { Blob } from "../thread/protocol.ts"
import type * as Thread from "../thread/thread.ts"

/** The protocol version. It changes when messages become incompatible. */
const protocol = 2

/** The request for an attempt. */
export interface AttemptRequest {
  /** The description, or the digest of an artifact that holds it if it is too long for a message. */
  readonly task: TaskDescription | { readonly digest: string }
  readonly blobs: ReadonlyArray<Blob>
  readonly level: string
  /** The storage that the driver sees: a worker with other storage refuses. */
  readonly storage?: { readonly blobs: string; readonly store: string }
  /** The parts of the caller's context that the body sees. */
  readonly caller?: CallerContext
  /** The attempt's span, if it has one. */
  readonly span?: AttemptSpan
}

/** The result of an attempt, and what the run's driver needs to know about it. */
export interface Done extends Thread.Done {
  readonly _tag: "Done"
  /** The number of lines it logged. */
  readonly lines: number
  readonly tags: ReadonlyArray<Parameters<TaskSink["tags"]>[0]>
  /** Whether it kept checkpoints. */
  readonly checkpoints?: boolean
  /** When a thread was free for it, by the worker's clock, which its lines have, too: milliseconds since the epoch. */
  readonly beganAt?: number
  /** The body's spans, as text (see `Spans.toText`). */
  readonly spans?: string
}

/** A worker hands a task back that it can't execute: it has another version of the step, or not its flow. */
export interface Refused {
  readonly _tag: "Refused"
  /** The worker's address. */
  readonly worker: string
  readonly error: { readonly reason: "module" | "version" | "settings"; readonly message: string }
}

export type Answer = Done | Refused

/** An attempt at a task. */
export const TaskWorkflow = Workflow.make("effect-flow/task", {
  payload: { id: Schema.String, body: Schema.String },
  success: Schema.String,
  idempotencyKey: ({ id }) => id
})

/** A run, which a worker continues if its driver dies. */
export const RunWorkflow = Workflow.make("effect-flow/run", {
  payload: {
    run: Schema.String,
    /** The versions of its flow's steps: a worker with other versions would execute again what has finished. */
    steps: Schema.optional(Schema.Record(Schema.String, Schema.String)),
    /** The storage that its driver sees: a worker with other storage would not find its artifacts. */
    storage: Schema.optional(Schema.Struct({ blobs: Schema.String, store: Schema.String }))
  },
  idempotencyKey: ({ run }) => run
})

/** The interruption of a workflow, by the engine's internal name. */
export const interruptSignal = DurableDeferred.make("Workflow/InterruptSignal")

/** The prefix of the ids of an attempt's execution, the same in every process. */
export const attemptId = (task: TaskDescription): string => `${task.run}/${task.key}/${task.occurrence}.${task.attempt}`

/** As the text that crosses. */
export const encodeRequest = ({ blobs, ...rest }: AttemptRequest): string =>
  write({ ...rest, blobs: blobs.map(toText) })

/** From the text. */
export const decodeRequest = (text: string): Effect.Effect<AttemptRequest, ExecutorError> =>
  Effect.map(read<Texts<AttemptRequest>>(text), ({ blobs, ...rest }) => ({ ...rest, blobs: blobs.map(fromText) }))

/** As the text that crosses. */
export const encodeAnswer = (answer: Answer): string =>
  write(
    answer._tag === "Done" && answer.result._tag === "Success"
      ? { ...answer, result: { ...answer.result, blobs: answer.result.blobs.map(toText) } }
      : answer
  )

/** From the text. An answer in another version's words is a refusal: another worker may do. */
export const decodeAnswer = (text: string): Effect.Effect<Answer> =>
  read<Refused | (Omit<Done, "result"> & { readonly result: ResultText })>(text).pipe(
    Effect.map(
      (answer): Answer =>
        answer._tag === "Done" && answer.result._tag === "Success"
          ? { ...answer, result: { ...answer.result, blobs: answer.result.blobs.map(fromText) } }
          : (answer as Answer) // without blobs it is what was written
    ),
    Effect.catch(({ message }) =>
      Effect.succeed<Answer>({ _tag: "Refused", worker: "", error: { reason: "version", message } })
    )
  )

interface BlobText {
  readonly digest: string
  readonly base64: string
}

type Texts<A extends { readonly blobs: unknown }> = Omit<A, "blobs"> & { readonly blobs: ReadonlyArray<BlobText> }
type ResultText =
  | Texts<Extract<Done["result"], { readonly _tag: "Success" }>>
  | Exclude<Done["result"], { readonly _tag: "Success" }>

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
  const envelope = JSON.parse(text) as { readonly protocol: number; readonly value: A } // `write` made it
  return envelope.protocol === protocol
    ? Effect.succeed(envelope.value)
    : Effect.fail(
        new ExecutorError({
          reason: "version",
          message: `The run's driver and the cluster's worker have two versions of effect-flow that do not understand each other (protocols ${protocol} and ${envelope.protocol}). Start both with the same version.`
        })
      )
}
