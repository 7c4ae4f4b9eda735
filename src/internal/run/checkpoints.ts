/**
 * The checkpoints of one attempt: values that its task saves while it runs, and that the next attempt, a process that
 * takes the run over, or a resume of the run continues from.
 *
 * A checkpoint is used only where it would be right: the task has the same key (the same inputs), its step the same code,
 * and the value the same schema. Where several executions of one attempt overlap, because a worker was cut off and another
 * one started over, the one that opened the checkpoint last may save, and the others fail to.
 */
import { randomUUID } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as Artifact from "../../Artifact.ts"
import type { ArtifactError, ArtifactStore } from "../../ArtifactStore.ts"
import type { CheckpointOptions } from "../../CurrentTask.ts"
import type { TaskDescription } from "../../Executor.ts"
import type { CheckpointRecord, RefRecord } from "../../RunRecord.ts"
import { type RunStore, StoreError } from "../../RunStore.ts"
import { descriptionsOf } from "../artifact/artifact.ts"
import { capture, read, writeCaptured } from "../artifact/values.ts"
import { refuseProblem } from "./definition.ts"
import type { TaskSink } from "./taskSink.ts"

/** Where checkpoints are read from and written to. */
export interface Sources {
  readonly artifacts: ArtifactStore["Service"]
  /** Without it, in a unit test of a step, a checkpoint starts from nothing. */
  readonly runs: RunStore["Service"] | undefined
}

/** The checkpoints of an attempt. Each execution of it makes its own. */
export const make = (task: TaskDescription, { artifacts, runs }: Sources, sink: TaskSink) => {
  const writer = randomUUID()
  const { code = "", continues } = task.checkpoints ?? {}

  const recordOf = (name: string, at: number, ref?: RefRecord): CheckpointRecord => ({
    run: task.run,
    task: task.task,
    name,
    writer,
    key: task.key,
    code,
    attempt: task.attempt,
    at,
    ...(ref === undefined ? {} : { ref })
  })

  const find = (run: string, id: string, name: string): Effect.Effect<CheckpointRecord | undefined, StoreError> =>
    runs === undefined
      ? Effect.succeed(undefined)
      : Effect.map(runs.checkpoints({ run, task: id }), (all) => all.find((checkpoint) => checkpoint.name === name))

  /** The record to continue from: the task's own, or that of the task that the origin left unfinished. */
  const findLatest = Effect.fnUntraced(function* (name: string, schema: string) {
    const [run = "", ...origin] = continues?.split("/") ?? []
    const fits = (record: CheckpointRecord | undefined) =>
      record?.ref !== undefined && record.key === task.key && record.code === code && record.ref.schema === schema
    const own = yield* find(task.run, task.task, name)
    if (fits(own)) return own
    if (continues === undefined) return undefined
    const earlier = yield* find(run, origin.join("/"), name)
    return fits(earlier) ? earlier : undefined
  })

  const save = Effect.fnUntraced(function* (
    name: string,
    ref: RefRecord,
    blob: { readonly digest: string; readonly bytes: Uint8Array } | undefined,
    schemas: ReadonlyArray<{ readonly digest: string; readonly text: string }>
  ) {
    const checkpoint = recordOf(name, yield* Clock.currentTimeMillis, ref)
    yield* sink.checkpoint({ _tag: "Checkpoint", checkpoint, ...(blob === undefined ? {} : { blob }), schemas })
    const saved = yield* find(task.run, task.task, name)
    if (runs === undefined || saved?.writer === writer) return
    return yield* new StoreError({
      reason: "lost",
      message: `The checkpoint "${name}" of ${task.task} of run ${task.run} was not saved: another execution of the task has continued from it.`
    })
  })

  return <F extends Artifact.Field>(
    field: F,
    { name = "checkpoint" }: CheckpointOptions = {}
  ): Effect.Effect<
    {
      readonly latest: Option.Option<Artifact.Value<F>>
      readonly save: (value: Artifact.Value<F>) => Effect.Effect<void, ArtifactError | StoreError>
    },
    StoreError
  > =>
    Effect.gen(function* () {
      const artifact = (
        Artifact.isArtifact(field) ? field : Artifact.json(field as Schema.Top & Artifact.StorableSchema)
      ) as Artifact.Artifact<Artifact.Value<F>> // a schema stands for the artifact of its JSON
      refuseProblem(`The checkpoint "${name}" of ${task.task}`, undefined, artifact.problem?.())
      const description = artifact.description()
      yield* sink.checkpoint({ _tag: "Checkpoint", checkpoint: recordOf(name, yield* Clock.currentTimeMillis) })
      const saved = yield* findLatest(name, description.digest)
      const ref = saved?.ref
      const latest =
        ref === undefined
          ? Option.none<Artifact.Value<F>>()
          : yield* Effect.matchEffect(read(artifacts, artifact, ref), {
              onSuccess: (value) => Effect.succeed(Option.some(value)),
              onFailure: (error) =>
                Effect.as(
                  Effect.logWarning(
                    `The checkpoint "${name}" can't be used, so ${task.task} starts from nothing: ${error.message}`
                  ),
                  Option.none<Artifact.Value<F>>()
                )
            })
      // A task that continues another one's work keeps the place of it as its own, in case it gets no further.
      if (saved !== undefined && saved.run !== task.run && ref !== undefined && Option.isSome(latest))
        yield* save(name, ref, undefined, descriptionsOf(artifact))
      return {
        latest,
        save: (value) =>
          Effect.suspend(() => {
            const label = `the checkpoint "${name}" of ${task.task}`
            const captured = capture(artifact, value)
            return Effect.flatMap(
              writeCaptured(artifacts, artifact, captured, name, label, `${task.run}/${task.task}`),
              ({ blob, record }) => save(name, record, blob, descriptionsOf(artifact))
            )
          })
      }
    })
}
