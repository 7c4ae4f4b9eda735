/**
 * The two workflows of a cluster. An attempt at a task is an execution of its own, whose id says run, task key, occurrence
 * and attempt: whoever asks for it, again or from elsewhere, gets the one result. A run is one too: it waits on a worker, and
 * goes on with the run if the process that drives it is gone.
 */
import * as Schema from "effect/Schema"
import * as Workflow from "effect/workflow/Workflow"
import { TaskDescription } from "../Executor.ts"
import { RefRecord } from "../RunRecord.ts"
import * as Crossing from "./crossing.ts"

const Blob = Schema.Struct({ digest: Schema.String, bytes: Schema.Uint8Array })

/** A change of the run's tags. */
const TagChange = Schema.Struct({ add: Schema.Array(Schema.String), remove: Schema.Array(Schema.String) })

/** What came of an attempt, and what whoever drives the run has yet to hear of it. */
export const Done = Schema.Struct({
  result: Schema.Union([
    Schema.TaggedStruct("Success", { outputs: Schema.Array(RefRecord), blobs: Schema.Array(Blob) }),
    Schema.TaggedStruct("Failure", { failure: Crossing.Failure })
  ]),
  cpu: Schema.Number,
  worker: Schema.String,
  /** How many lines it logged. */
  lines: Schema.Int,
  tags: Schema.Array(TagChange)
})
export type Done = typeof Done.Type

/** An attempt at a task. */
export const TaskWorkflow = Workflow.make("effect-flow/task", {
  payload: {
    /** The description, or the digest of an artifact that holds it, where it is too long for a message. */
    task: Schema.Union([TaskDescription, Schema.Struct({ digest: Schema.String })]),
    blobs: Schema.Array(Blob),
    level: Schema.String,
    id: Schema.String
  },
  success: Done,
  idempotencyKey: ({ id }) => id
})

/** A run, in case its driver dies. */
export const RunWorkflow = Workflow.make("effect-flow/run", {
  payload: { run: Schema.String },
  idempotencyKey: ({ run }) => run
})

/** What the id of an attempt's execution begins with, whoever asks for it. */
export const attemptId = (task: TaskDescription): string => `${task.run}/${task.key}/${task.occurrence}.${task.attempt}`
