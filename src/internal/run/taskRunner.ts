/**
 * What a task is, decided once for every executor: its id and key, whether an earlier task with that key stands for it,
 * its attempts, retries and timeout, and its record. An executor is only asked to make an attempt.
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import { ArtifactStore } from "../../ArtifactStore.ts"
import type { Outcome, TaskDescription } from "../../Executor.ts"
import { FlowError } from "../../FlowError.ts"
import type { Ref } from "../../Ref.ts"
import type { AttemptRecord, ErrorRecord, RefRecord, TaskRecord, TaskStatus } from "../../RunRecord.ts"
import { RunStore } from "../../RunStore.ts"
import * as State from "../../State.ts"
import { codeDigest } from "../code/codeDigest.ts"
import { runPredicate } from "./callback.ts"
import * as Cancellation from "./cancellation.ts"
import { type Definition, fits, listed } from "./definition.ts"
import { failureOf, fromCause, statusOf } from "./errorRecord.ts"
import * as FailedTask from "./failedTask.ts"
import * as Inputs from "./inputs.ts"
import * as Misuse from "./misuse.ts"
import { onOwnFiber } from "./ownFiber.ts"
import { StoredRef } from "./refs.ts"
import * as Replay from "./replay.ts"
import type { RunContext } from "./runContext.ts"
import * as Seeds from "./seeds.ts"
import { execute } from "./taskBody.ts"
import type { TaskSink } from "./taskSink.ts"
import * as Tracing from "./tracing.ts"

/** Runs a step on its inputs. */
export const runTask = Effect.fnUntraced(function* (
  run: RunContext,
  called: Definition,
  given: object | undefined,
  branches: { readonly [branch: string]: unknown } | undefined
) {
  const definition = listed(run.steps, called)
  if (definition === undefined) {
    return yield* Effect.die(
      new FlowError({
        reason: "unlisted",
        message: `Flow "${run.flow.flowName}" runs a task of step "${called.name}", which it does not list. Add it to the flow's steps: [${[...run.steps.keys(), called.name].join(", ")}].`
      })
    )
  }
  const states = branches === undefined ? undefined : yield* settle(branches)
  return yield* runSettled(run, definition, given, states).pipe(
    Tracing.span(run.traced, `task ${definition.name}`, {
      flow: run.flow.flowName,
      run: run.id,
      step: definition.name
    })
  )
})

/** Runs a step on inputs that no task is left among. */
const runSettled = Effect.fnUntraced(function* (
  run: RunContext,
  definition: Definition,
  given: object | undefined,
  states: { readonly [branch: string]: unknown } | undefined
) {
  const inputs = yield* Inputs.resolve(run.artifacts, definition, given, states)
  const code = codeDigest(definition.run)
  if (code === "" && (definition.version === "code" || definition.cache?.version === "code"))
    return yield* Effect.die(Misuse.unreadableCode(definition.name))
  const key = Inputs.taskKey(definition, code, inputs.refs, inputs.counts)
  const occurrence = run.nextOccurrence(key)
  const begun = run.begun?.task(key, occurrence)
  if (begun !== undefined && run.begun?.isFinished(definition, begun) === true)
    return stateOf(definition, inputs.refs, begun.outputs, begun.id)
  if (begun?.status === "failed" && begun.error !== undefined) {
    const failed = { flow: run.flow.flowName, run: run.id, step: definition.name, task: begun.id }
    return yield* Effect.failCause(FailedTask.ofTask(failed)(Replay.restore(begun.error, definition.error)))
  }
  if (begun?.status === "interrupted") yield* Effect.sleep(Replay.holdBack(begun))
  const index = begun?.index ?? run.nextIndex()
  const base = {
    run: run.id,
    id: `${definition.name}/${index}`,
    step: definition.name,
    index,
    key,
    ...(code === "" ? undefined : { code }),
    version: definition.version,
    ...(definition.cache === undefined ? undefined : { cache: definition.cache.version }),
    parents: inputs.parents,
    inputs: Inputs.records(inputs.refs)
  }
  const earlier = yield* findEarlier(run, definition, base.key, occurrence)
  if (earlier?.source !== undefined) {
    const now = yield* Clock.currentTimeMillis
    const { source, ...how } = earlier
    const sourceCode = source.sourceCode ?? source.code
    const record: TaskRecord = {
      ...base,
      ...how,
      source: source.source ?? `${source.run}/${source.id}`,
      ...(sourceCode === undefined ? undefined : { sourceCode }),
      status: "succeeded",
      startedAt: now,
      finishedAt: now,
      attempts: [],
      outputs: source.outputs
    }
    yield* run.recorder.takenOver({ _tag: "Task", task: record, blobs: inputs.blobs, schemas: inputs.schemas })
    run.observe({ _tag: "TaskFinished", task: record })
    yield* Tracing.annotateTask(run, record)
    yield* Tracing.measureTask(run.flow.flowName, record)
    if (sourceCode !== undefined && code !== "" && sourceCode !== code && run.isFirstWithOtherCode(definition.name)) {
      yield* Effect.logWarning(
        `Step "${definition.name}" is ${earlier.how === "cached" ? "served from the cache" : "taken over"} (${base.id} from ${record.source}), but its code has changed since. If the change matters, ${earlier.how === "cached" ? "give its cache another version" : `resume with --from ${definition.name}`}; with version: "code" a change of code always counts.`
      )
    }
    return stateOf(definition, inputs.refs, source.outputs, base.id)
  }
  const lost = begun?.status === "succeeded" ? `${run.id}/${begun.id}` : earlier?.lost
  const outputs = yield* attempts(
    run,
    definition,
    inputs,
    lost === undefined ? base : { ...base, lost },
    occurrence,
    begun
  )
  return stateOf(definition, inputs.refs, outputs, base.id)
})

/** Runs the branches that are still tasks, concurrently. */
const settle = (branches: { readonly [branch: string]: unknown }) => {
  const tasks = Object.entries(branches).filter((entry): entry is [string, Effect.Effect<unknown>] =>
    Effect.isEffect(entry[1])
  )
  return tasks.length === 0
    ? Effect.succeed(branches)
    : Effect.map(Effect.all(Object.fromEntries(tasks), { concurrency: "unbounded" }), (settled) => ({
        ...branches,
        ...settled
      }))
}

/** The earlier task that stands for this one, by its key: one of the run's origin, or any run's if the step is cached. */
const findEarlier = Effect.fnUntraced(function* (
  run: RunContext,
  definition: Definition,
  key: string,
  occurrence: number
) {
  const taken = run.takeOver(definition, key)
  if (taken !== undefined) return { source: taken, how: "takenOver" as const }
  const lost = run.executesAgain(definition) ? undefined : run.lost(key)
  if (definition.cache === undefined || run.executesAgain(definition)) return { lost }
  const cached = yield* run.cached(definition, key, occurrence)
  if (cached === undefined || !fits(definition, cached)) return { lost }
  const intact = yield* run.artifacts.touch(cached.outputs)
  const damaged = cached.outputs.find((output) => !intact.has(output.digest))
  return damaged === undefined
    ? { source: cached, how: "cached" as const }
    : { lost: `${cached.source ?? `${cached.run}/${cached.id}`}/${damaged.name}` }
})

const stateOf = (
  definition: Definition,
  inputs: Inputs.Inputs["refs"],
  outputs: ReadonlyArray<RefRecord>,
  task: string
): State.Any => {
  const refs: Record<string, Ref<unknown>> = {}
  const via: Record<string, string> = {}
  // A join's own inputs come after its branches': theirs have a "." in their names and are not its state.
  for (const { name, ref } of inputs) if (!name.includes(".")) refs[name] = ref
  for (const slot of definition.output) {
    const record = outputs.find((output) => output.name === slot.name)
    if (record !== undefined) refs[slot.name] = new StoredRef(record, slot.artifact, task)
  }
  for (const name of Object.keys(refs)) via[name] = task
  return State.make(refs, { tasks: [task], via })
}

type Base = Pick<
  TaskRecord,
  "run" | "id" | "step" | "index" | "key" | "code" | "version" | "parents" | "inputs" | "lost"
>

/**
 * Makes attempts until one succeeds or no other is due, and keeps a record of each. Yields the outputs' refs. As long as it
 * lasts, the run knows of the task: a run that ends interrupts what it still knows of.
 */
const attempts = (
  run: RunContext,
  definition: Definition,
  inputs: Inputs.Inputs,
  base: Base,
  occurrence: number,
  begun: TaskRecord | undefined
) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const fiber = yield* thisFiber
      if (run.scope.isOver()) return yield* Effect.interrupt
      run.scope.enter(fiber)
      const began = begun?.startedAt ?? (yield* Clock.currentTimeMillis)
      const made: Array<AttemptRecord> = begun?.attempts.filter(({ status }) => status !== "running") ?? []
      const next = definition.retry === undefined ? undefined : yield* makeRetry(definition.name, definition.retry)
      /** Ends the task with a failure. */
      const fail = Effect.fnUntraced(function* (status: TaskStatus, cause: Cause.Cause<unknown>, error: ErrorRecord) {
        const record: TaskRecord = {
          ...base,
          status,
          how: "executed",
          startedAt: began,
          finishedAt: yield* Clock.currentTimeMillis,
          attempts: made,
          outputs: [],
          error
        }
        yield* run.recorder.write([{ _tag: "Task", task: record, blobs: inputs.blobs, schemas: inputs.schemas }])
        run.observe({ _tag: "TaskFinished", task: record })
        yield* Tracing.annotateTask(run, record)
        yield* Tracing.measureTask(run.flow.flowName, record)
        run.scope.leave(fiber)
        const failed = { flow: run.flow.flowName, run: run.id, step: definition.name, task: base.id }
        return yield* Effect.failCause(FailedTask.ofTask(failed)(cause))
      })
      if (next !== undefined) {
        const context = yield* Effect.context<never>()
        const resumed = yield* Replay.advance(made, definition.error, (at, error) =>
          onOwnFiber(next(at, error), context)
        )
        // The driver died while it waited for the next attempt, or before it recorded that there is none.
        if (begun?.attempts.at(-1)?.status === "failed" && resumed !== undefined) {
          if (resumed.delayMs === undefined) return yield* fail("failed", resumed.cause, resumed.error)
          const waited = yield* Effect.exit(restore(Effect.sleep(resumed.delayMs)))
          if (Exit.isFailure(waited)) return yield* fail("interrupted", waited.cause, resumed.error)
        }
      }
      while (true) {
        const number = made.length + 1
        const startedAt = number === 1 ? began : yield* Clock.currentTimeMillis
        const running: TaskRecord = {
          ...base,
          status: "running",
          how: "executed",
          startedAt: began,
          attempts: [...made, { number, status: "running", startedAt }],
          outputs: []
        }
        run.recorder.running({ _tag: "Task", task: running, blobs: inputs.blobs, schemas: inputs.schemas })
        run.observe({ _tag: "TaskStarted", task: running })

        const exit = yield* Effect.exit(
          restore(
            attempt(run, definition, base, number, occurrence, inputs, fiber.context).pipe(
              Tracing.span(run.traced, `attempt ${definition.name}`, {
                flow: run.flow.flowName,
                run: run.id,
                step: definition.name,
                task: base.id,
                attempt: number
              })
            )
          )
        )
        const finishedAt = yield* Clock.currentTimeMillis
        if (Exit.isSuccess(exit)) {
          const { outputs, blobs, schemas, ...where } = exit.value
          made.push({ number, status: "succeeded", startedAt, finishedAt, ...where })
          const record: TaskRecord = { ...running, status: "succeeded", finishedAt, attempts: made, outputs }
          yield* run.recorder.write([
            { _tag: "Task", task: record, blobs: [...inputs.blobs, ...blobs], schemas: [...inputs.schemas, ...schemas] }
          ])
          run.observe({ _tag: "TaskFinished", task: record })
          yield* Tracing.annotateTask(run, record)
          yield* Tracing.measureTask(run.flow.flowName, record)
          run.scope.leave(fiber)
          return outputs
        }
        let error = fromCause(exit.cause, definition.error)
        const status = statusOf(exit.cause)
        const failure = failureOf(exit.cause)
        // The user's own conditions decide on another attempt: where they throw, there is none.
        const decided =
          failure === undefined || next === undefined
            ? Exit.succeed(undefined)
            : yield* onOwnFiber(next(finishedAt, failure.error), yield* Effect.context<never>())
        if (Exit.isFailure(decided)) {
          const { message, tag } = fromCause(decided.cause)
          const beside = {
            tag,
            message: `\`retry\` of step "${definition.name}" could not decide on another attempt: ${message}`
          }
          error = { ...error, causes: [...(error.causes ?? []), beside] }
          logOf(run, base.id, number)({ at: finishedAt, level: "Error", message: `${beside.message} (${tag})` })
        }
        made.push({ number, status, startedAt, finishedAt, error })
        const delay = Exit.isSuccess(decided) ? decided.value : undefined
        if (delay === undefined) return yield* fail(status, exit.cause, error)
        // Whoever continues the run must know of this attempt.
        const between: TaskRecord = { ...running, attempts: [...made] }
        yield* run.recorder.write([{ _tag: "Task", task: between, blobs: inputs.blobs, schemas: inputs.schemas }])
        const waited = yield* Effect.exit(restore(Effect.sleep(delay)))
        if (Exit.isFailure(waited)) return yield* fail("interrupted", waited.cause, error)
      }
    })
  )

const thisFiber = Effect.withFiber((fiber) => Effect.succeed(fiber))

/** Keeps a line of an attempt's log, and shows it. */
const logOf =
  (run: RunContext, task: string, attempt: number): TaskSink["log"] =>
  (line) => {
    const record = { ...line, run: run.id, task, attempt }
    run.recorder.log(record)
    run.observe({ _tag: "Logged", line: record })
  }

const attempt = (
  run: RunContext,
  definition: Definition,
  base: Base,
  number: number,
  occurrence: number,
  inputs: Inputs.Inputs,
  context: Context.Context<never>
): Effect.Effect<Outcome, unknown> => {
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
    tags: run.tags(),
    inputs: base.inputs,
    counts: inputs.counts,
    ...(definition.timeoutMs === undefined ? undefined : { timeoutMs: definition.timeoutMs }),
    ...(seed === undefined ? undefined : { seed })
  }
  const sink: TaskSink = {
    log: logOf(run, base.id, number),
    metric: (point) => run.recorder.metric({ ...point, run: run.id, task: base.id }),
    card: ({ bytes, ...card }) => run.recorder.card({ ...card, run: run.id, task: base.id, attempt: number }, bytes),
    tags: run.changeTags
  }
  return Effect.provideContext(
    // A process that was suspended may have lost the run in the meantime.
    Effect.flatMap(run.recorder.confirm(), (isHeld) =>
      !isHeld
        ? Effect.interrupt
        : Effect.tap(
            run.executor.execute({
              task,
              definition,
              blobs: inputs.blobs,
              here: Seeds.within(seed)(
                run.withServices(withBlobs(run.artifacts, inputs.blobs, execute(definition, task, sink)))
              ),
              sink,
              confirm: run.recorder.confirm(0),
              askedBefore: run.begun !== undefined,
              show: (line) =>
                run.observe({ _tag: "Logged", line: { ...line, run: run.id, task: base.id, attempt: number } })
            }),
            () => Cancellation.catchUp(run.runs)
          )
    ),
    Context.make(ArtifactStore, run.artifacts).pipe(Context.add(RunStore, run.runs))
  )
}

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

/** From an error, how long to wait before the next attempt; nothing where none is due. */
const makeRetry = Effect.fnUntraced(function* (step: string, retry: NonNullable<Definition["retry"]>) {
  const nextDelay = retry.schedule === undefined ? undefined : yield* Schedule.toStep(retry.schedule)
  const condition = retry.while
  let count = 0
  return Effect.fnUntraced(function* (now: number, error: unknown) {
    if (
      condition !== undefined &&
      !(yield* runPredicate(`\`retry.while\` of step "${step}"`, () => condition(error)))
    ) {
      return undefined
    }
    if (retry.times !== undefined && count >= retry.times) return undefined
    count++
    if (nextDelay === undefined) return Duration.zero
    return yield* Effect.map(nextDelay(now, error), ([, delay]) => delay).pipe(
      Pull.catchDone(() => Effect.succeed(undefined))
    )
  })
})
