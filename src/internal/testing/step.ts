/**
 * Runs one step by itself, for `effect-flow/testing`: its inputs are stored in memory as literals are, and the attempt
 * is executed by the same code as in a run.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { ArtifactStore } from "../../ArtifactStore.ts"
import type { LogRecord, MetricRecord } from "../../RunRecord.ts"
import * as Tags from "../../Tags.ts"
import { read } from "../artifact/values.ts"
import type { Component } from "../card/data.ts"
import * as Checked from "../checked.ts"
import { codeDigest } from "../code/codeDigest.ts"
import type { Definition } from "../run/definition.ts"
import * as Inputs from "../run/inputs.ts"
import { execute } from "../run/taskBody.ts"
import type { TaskSink } from "../run/taskSink.ts"
import * as MemoryArtifactStore from "../store/memoryArtifactStore.ts"

/** A step's outputs together with what it logged, measured, tagged and reported. */
export interface Observed<out A> {
  readonly value: A
  readonly logs: ReadonlyArray<Pick<LogRecord, "at" | "level" | "message">>
  readonly metrics: ReadonlyArray<Pick<MetricRecord, "name" | "value" | "step" | "at">>
  /** The run's tags after the step, sorted. */
  readonly tags: ReadonlyArray<string>
  /** The parts of its card. */
  readonly card: ReadonlyArray<Component>
}

interface Recording {
  readonly logs: Array<Observed<never>["logs"][number]>
  readonly metrics: Array<Observed<never>["metrics"][number]>
  tags: ReadonlyArray<string>
  card: ReadonlyArray<Component>
}

const Recording = Context.Reference<Recording | undefined>("effect-flow/testing/Recording", {
  defaultValue: () => undefined
})

/**
 * Runs an effect and also returns what the steps that it runs with `runStep` logged and measured.
 *
 * @example
 * ```ts
 * const { logs, metrics, value } = yield* observe(runStep(train, { df }))
 * ```
 *
 * For a step that fails:
 *
 * ```ts
 * const { logs, value: exit } = yield* observe(Effect.exit(runStep(train, { df: empty })))
 * ```
 */
export const observe = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Observed<A>, E, R> =>
  Effect.suspend(() => {
    const recording: Recording = { logs: [], metrics: [], tags: [], card: [] }
    return Effect.map(Effect.provideService(effect, Recording, recording), (value) => ({ value, ...recording }))
  })

interface Options {
  readonly attempt?: number
  readonly tags?: ReadonlyArray<string>
}

/** `[input, options]`, or `[states, input, options]` for a join. */
export type Arguments = ReadonlyArray<object | undefined>

/** Runs the step; yields its outputs by name. */
export const run = Effect.fnUntraced(function* (definition: Definition, args: Arguments) {
  const [states, input, options] = (definition.branches === undefined ? [undefined, ...args] : args) as [
    { readonly [branch: string]: unknown } | undefined,
    object | undefined,
    Options | undefined
  ] // guaranteed by the types of `runStep`
  const { store, close } = MemoryArtifactStore.make({ inlineLimit: 0, valueBytes: Number.POSITIVE_INFINITY })
  // The paths of its files stay valid for as long as the test runs.
  const scope = yield* Effect.serviceOption(Scope.Scope)
  if (Option.isSome(scope)) yield* Scope.addFinalizer(scope.value, close)

  const inputs = yield* Inputs.resolve(store, definition, input ?? {}, states)
  const recording = (yield* Recording) ?? { logs: [], metrics: [], tags: [], card: [] }
  recording.tags = yield* Effect.orDie(Tags.change([], { add: options?.tags ?? [] }))
  let card: string | undefined
  const sink: TaskSink = {
    log: (line) => void recording.logs.push(line),
    metric: (point) => void recording.metrics.push(point),
    card: (sent) => {
      card = sent.digest
    },
    checkpoint: () => Effect.void,
    tags: (change) =>
      Effect.map(Tags.change(recording.tags, change), (tags) => {
        recording.tags = tags
      })
  }
  const task = {
    flow: "test",
    run: "test",
    step: definition.name,
    task: `${definition.name}/1`,
    attempt: Checked.wholeNumber("`attempt` of runStep", options?.attempt, 1) ?? 1,
    key: Inputs.taskKey(definition, codeDigest(definition.run), inputs.refs, inputs.counts),
    occurrence: 0,
    version: definition.version,
    tags: recording.tags,
    inputs: Inputs.records(inputs.refs),
    counts: inputs.counts
  }
  const outcome = yield* execute(definition, task, sink).pipe(
    Effect.provideService(ArtifactStore, store),
    Effect.ensuring(
      Effect.suspend(() =>
        card === undefined
          ? Effect.void
          : Effect.orDie(
              Effect.map(store.get(card), (bytes) => {
                recording.card = JSON.parse(new TextDecoder().decode(bytes)).components // stored by the sink
              })
            )
      )
    )
  )
  const outputs: Record<string, unknown> = {}
  for (const slot of definition.output) {
    const record = outcome.outputs.find((output) => output.name === slot.name)
    if (record !== undefined) outputs[slot.name] = yield* read(store, slot.artifact, record)
  }
  return outputs
})
