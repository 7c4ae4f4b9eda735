/** The messages between a process and its worker threads. They are data that can be cloned. */
import type { LogLevel } from "effect/LogLevel"
import type { TaskDescription } from "../../../Executor.ts"
import type { ErrorRecord, RefRecord } from "../../../RunRecord.ts"
import type { SentCard } from "../../card/sink.ts"
import type { TellPartial } from "../../run/printing.ts"
import type { CheckpointChange, TaskSink } from "../../run/taskSink.ts"
import type { Keys } from "../../s3/credentials.ts"
import type { BucketLocation, LocalLocation } from "../../store/artifactStore.ts"
import type { CallerContext } from "../callerContext.ts"
import type { Failure } from "../failureCodec.ts"
import type { AttemptSpan, SpanReport } from "../spans.ts"

/** A store's location, with its secrets. */
export type StorePlace =
  | LocalLocation
  | { readonly kind: "postgres"; readonly url: string; readonly blobs: string }
  | (Omit<BucketLocation, "runs" | "credentials"> & {
      readonly credentials: Keys | undefined
      /** A directory, or the URL of a database. */
      readonly runs: string
      readonly sync: boolean
    })

/** The data that a thread is started with. */
export interface ThreadData {
  readonly name: string
  /** A URL. */
  readonly module: string
  readonly store: StorePlace
  readonly valueBytes: number
}

/** The flows of a thread's module, by name: used to detect a different version of a flow. */
export type Flows = {
  readonly [flow: string]: { readonly [step: string]: string }
}

/** A small artifact whose bytes are not part of a larger buffer. */
export interface Blob {
  readonly digest: string
  readonly bytes: Uint8Array
}

/** Copies a small artifact for a message, because a message includes the whole buffer that its bytes are a view of. */
export const toBlob = ({ bytes, digest }: { readonly digest: string; readonly bytes: Uint8Array }): Blob => ({
  digest,
  bytes: bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)
})

/** The result of an attempt. */
export type Result =
  | { readonly _tag: "Success"; readonly outputs: ReadonlyArray<RefRecord>; readonly blobs: ReadonlyArray<Blob> }
  | { readonly _tag: "Failure"; readonly failure: Failure }

/** To a thread. */
export type ToThread =
  | {
      readonly _tag: "Execute"
      readonly id: number
      readonly task: TaskDescription
      readonly blobs: ReadonlyArray<Blob>
      readonly level: LogLevel
      readonly caller: CallerContext | undefined
      /** The attempt's span, if it has one. */
      readonly span: AttemptSpan | undefined
    }
  | { readonly _tag: "Interrupt"; readonly id: number }
  | { readonly _tag: "Answer"; readonly call: number; readonly failure: Failure | undefined }

/** From a thread. `Started` is sent before the module is loaded, to tell a failing module from a failing thread. */
export type FromThread =
  | { readonly _tag: "Started" }
  | { readonly _tag: "Loaded"; readonly flows: Flows }
  | { readonly _tag: "NotLoaded"; readonly failure: Failure }
  /** The body starts now: the clock of the attempt's timeout starts with it. Sent only where the step has a timeout. */
  | { readonly _tag: "BodyStarted"; readonly id: number }
  | { readonly _tag: "Log"; readonly id: number; readonly line: Parameters<TaskSink["log"]>[0] }
  | { readonly _tag: "Partial"; readonly id: number; readonly partial: Parameters<TellPartial> }
  | { readonly _tag: "Metric"; readonly id: number; readonly point: Parameters<TaskSink["metric"]>[0] }
  | { readonly _tag: "Span"; readonly id: number; readonly report: SpanReport }
  | { readonly _tag: "Card"; readonly id: number; readonly card: SentCard }
  | {
      readonly _tag: "Checkpoint"
      readonly id: number
      readonly call: number
      readonly change: CheckpointChange
    }
  | {
      readonly _tag: "Tags"
      readonly id: number
      readonly call: number
      readonly change: Parameters<TaskSink["tags"]>[0]
    }
  /** The body hears that it is interrupted, so it does not compute without yielding. It may still clean up. */
  | { readonly _tag: "Interrupting"; readonly id: number }
  /** The thread is about to end by code of a body's, which may be one that has ended. */
  | { readonly _tag: "Dying"; readonly error: ErrorRecord }
  | {
      readonly _tag: "Done"
      readonly id: number
      readonly result: Result
      /** CPU milliseconds of the thread. */
      readonly cpu: number
    }
