/**
 * Makes one attempt at a task: describes it as data, hands it to the executor, and takes what its body logs and measures.
 */
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { ArtifactStore } from "../../ArtifactStore.ts"
import type { Attempt, Outcome, TaskDescription } from "../../Executor.ts"
import type { AttemptRecord, LogRecord, TaskRecord } from "../../RunRecord.ts"
import { RunStore } from "../../RunStore.ts"
import * as Cancellation from "./cancellation.ts"
import type { Definition } from "./definition.ts"
import type * as Inputs from "./inputs.ts"
import type { RunContext } from "./runContext.ts"
import * as Seeds from "./seeds.ts"
import { execute } from "./taskBody.ts"
import type { TaskSink } from "./taskSink.ts"

/** What a task's record has from the beginning. */
export type Base = Pick<
  TaskRecord,
  "run" | "id" | "step" | "index" | "key" | "code" | "version" | "parents" | "inputs" | "lost"
>

/** Where a task stands among others with its key. */
export interface Place {
  /** How many tasks of the run with this key were called before. */
  readonly occurrence: number
  /** The earlier task whose checkpoints it continues from. */
  readonly continues: string | undefined
}

/** What the driver remembers of a task's attempts. */
export interface Memory {
  /** Whether one may have saved a checkpoint, which a success removes. */
  checkpoints: boolean
}

/** What the executor of an attempt has reported, besides its outcome. */
export interface Reported {
  /** When the body started, if it had to wait for a place. */
  beganAt?: number
  /** Called when it starts. */
  readonly onBegin?: (at: number) => void
  /** Where the attempt fails. */
  failsOn?: Pick<AttemptRecord, "cpu" | "worker">
}

/** Takes what the body of one attempt logs and measures. A class, because most attempts use none of it. */
export class AttemptSink implements TaskSink {
  readonly #run: RunContext
  readonly #task: string
  readonly #attempt: number
  readonly #memory: Memory

  constructor(run: RunContext, task: string, attempt: number, memory: Memory) {
    this.#run = run
    this.#task = task
    this.#attempt = attempt
    this.#memory = memory
  }

  /** Keeps a line of the attempt's log, and shows it. */
  log(line: Parameters<TaskSink["log"]>[0]): void {
    this.#run.recorder.log(this.#owned(line))
    this.show(line)
  }

  /** Shows a line that is kept already. */
  show(line: Parameters<TaskSink["log"]>[0]): void {
    this.#run.observe({ _tag: "Logged", line: this.#owned(line) })
  }

  metric(point: Parameters<TaskSink["metric"]>[0]): void {
    this.#run.recorder.metric({ ...point, run: this.#run.id, task: this.#task })
  }

  card({ bytes, ...card }: Parameters<TaskSink["card"]>[0]): void {
    this.#run.recorder.card({ ...card, run: this.#run.id, task: this.#task, attempt: this.#attempt }, bytes)
  }

  checkpoint(change: Parameters<TaskSink["checkpoint"]>[0]): ReturnType<TaskSink["checkpoint"]> {
    this.#memory.checkpoints = true
    return this.#run.recorder.write([change])
  }

  tags(change: Parameters<TaskSink["tags"]>[0]): ReturnType<TaskSink["tags"]> {
    return this.#run.changeTags(change)
  }

  #owned(line: Parameters<TaskSink["log"]>[0]): LogRecord {
    return { ...line, run: this.#run.id, task: this.#task, attempt: this.#attempt }
  }
}

/** What an attempt is made of. */
interface Making {
  readonly run: RunContext
  readonly definition: Definition
  readonly base: Base
  readonly number: number
  readonly place: Place
  readonly inputs: Inputs.Inputs
  readonly memory: Memory
  readonly reported: Reported
  readonly context: Context.Context<never>
  readonly clock: Clock.Clock
}

/** Makes the attempt. */
export const attempt = (making: Making): Effect.Effect<Outcome, unknown> => {
  const { clock, context, run } = making
  const executed = Effect.flatMap(
    Effect.suspend(() => run.executor.execute(describe(making))),
    (outcome) =>
      Cancellation.isOverdue(run.runs) ? Effect.as(Cancellation.catchUp(run.runs), outcome) : Effect.succeed(outcome)
  )
  return withStores(
    run,
    context,
    run.recorder.isFresh(clock)
      ? executed
      : // A process that was suspended may have lost the run in the meantime.
        Effect.flatMap(run.recorder.confirm(), (isHeld) => (isHeld ? executed : Effect.interrupt))
  )
}

/** An attempt as its executor gets it. */
const describe = (making: Making): Attempt => {
  const { base, clock, context, definition, inputs, memory, number, place, reported, run } = making
  const { continues, occurrence } = place
  const seed = run.seeds.seedOf(context, { key: base.key, occurrence, attempt: number })
  const task: TaskDescription = {
    flow: run.flow.flowName,
    run: run.id,
    step: base.step,
    task: base.id,
    attempt: number,
    key: base.key,
    occurrence,
    version: definition.version,
    ...(base.code === undefined || base.code === "" ? undefined : { code: base.code }),
    tags: run.tags,
    inputs: base.inputs,
    counts: inputs.counts,
    ...(definition.timeoutMs === undefined ? undefined : { timeoutMs: definition.timeoutMs }),
    checkpoints: { code: base.code ?? "", ...(continues === undefined ? undefined : { continues }) },
    ...(seed === undefined ? undefined : { seed })
  }
  const sink = new AttemptSink(run, base.id, number, memory)
  const body = withBlobs(run.artifacts, inputs.blobs, execute(definition, task, sink))
  return {
    task,
    definition,
    blobs: inputs.blobs,
    begin: (at) => {
      reported.beganAt = at ?? clock.currentTimeMillisUnsafe()
      reported.onBegin?.(reported.beganAt)
    },
    failsOn: (where) => {
      reported.failsOn = where
    },
    here: Seeds.within(seed)(run.withServices(definition, body)),
    sink,
    confirm: run.recorder.confirm(0),
    askedBefore: run.begun !== undefined,
    show: (line) => sink.show(line)
  }
}

/** Gives an attempt the run's stores, unless its context has them already: a context that is merged costs a copy of it. */
const withStores = <A, E>(
  run: RunContext,
  context: Context.Context<never>,
  attempt: Effect.Effect<A, E, ArtifactStore | RunStore>
): Effect.Effect<A, E> =>
  Context.getOrUndefined(context, ArtifactStore) === run.artifacts &&
  Context.getOrUndefined(context, RunStore) === run.runs
    ? (attempt as Effect.Effect<A, E>) // its context was just looked at
    : Effect.provideContext(attempt, Context.make(ArtifactStore, run.artifacts).pipe(Context.add(RunStore, run.runs)))

/** Lets a body read its small literals, which become durable with its task's record: they may not be in the store yet. */
const withBlobs = (
  store: RunContext["artifacts"],
  blobs: Inputs.Inputs["blobs"],
  body: ReturnType<typeof execute>
): ReturnType<typeof execute> =>
  blobs.length === 0
    ? body
    : Effect.provideService(body, ArtifactStore, {
        ...store,
        get: (digest) => {
          const blob = blobs.find((blob) => blob.digest === digest)
          return blob === undefined ? store.get(digest) : Effect.sync(() => new Uint8Array(blob.bytes))
        }
      })
