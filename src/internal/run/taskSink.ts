/** Where the log lines, metrics, cards, checkpoints and tags of a body go while it runs, whichever executor runs it. */
import type * as Effect from "effect/Effect"
import type { Change, StoreError } from "../../RunStore.ts"
import type { TagError } from "../../Tags.ts"
import type { SentCard } from "../card/sink.ts"
import type { TellPartial } from "./printing.ts"

/** A checkpoint that is opened or saved. */
export type CheckpointChange = Extract<Change, { readonly _tag: "Checkpoint" }>

/** Takes what a body logs and measures while it runs. */
export interface TaskSink {
  readonly log: (line: { readonly at: number; readonly level: string; readonly message: string }) => void
  /** Hears of printed lines that are not complete yet: on a thread, which may be ended before they are. */
  readonly partial?: TellPartial
  readonly metric: (point: {
    readonly name: string
    readonly value: number
    readonly step: number
    readonly at: number
  }) => void
  readonly card: (card: SentCard) => void
  /** Opens a checkpoint or saves its value; durable when it returns. */
  readonly checkpoint: (change: CheckpointChange) => Effect.Effect<void, StoreError>
  readonly tags: (change: {
    readonly add: ReadonlyArray<string>
    readonly remove: ReadonlyArray<string>
  }) => Effect.Effect<void, TagError | StoreError>
}
