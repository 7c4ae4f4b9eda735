/**
 * The handle of a started run. Its outcome is known in this process, or is read from the store if another process
 * drives the run.
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { ArtifactStore } from "../../ArtifactStore.ts"
import { FlowError } from "../../FlowError.ts"
import type { RunRecord } from "../../RunRecord.ts"
import { RunStore, StoreError } from "../../RunStore.ts"
import { RunNotFound } from "../history/runs.ts"
import type { FlowDefinition } from "../run/definition.ts"
import * as Parameters from "../run/parameters.ts"
import type { Start } from "../run/runFlow.ts"
import * as RunId from "../run/runId.ts"
import * as CanonicalJson from "../schema/canonicalJson.ts"
import * as Cancel from "./cancel.ts"
import type { Event } from "./event.ts"
import { events } from "./events.ts"
import * as Outcome from "./outcome.ts"
import * as Started from "./started.ts"
import * as Successor from "./successor.ts"

/** A started run. */
export interface Handle {
  readonly id: string
  readonly await: Effect.Effect<unknown, unknown>
  readonly interrupt: Effect.Effect<void, unknown>
  readonly events: Stream.Stream<Event, unknown>
}

/** The interval at which a run of another process is polled, in real time. */
const intervalMs = 100
const pause = Effect.provideService(Effect.sleep(intervalMs), Clock.Clock, Clock.Clock.defaultValue())

/** How a run is started. */
export interface Options {
  readonly id?: string | undefined
  readonly tags?: ReadonlyArray<string> | undefined
}

/**
 * Starts a run. If a run of the flow already has the given id and the same parameters, its handle is returned: the run
 * is left unchanged if it has ended or is alive, and continued if its process is gone.
 */
export const start = Effect.fnUntraced(function* (flow: FlowDefinition, given: object, { id, tags }: Options) {
  const parameters = yield* Parameters.make(flow, given)
  if (id === undefined) {
    const started = yield* Started.launch(flow, parameters, { tags })
    return yield* handle(flow, started.id, started)
  }
  yield* RunId.check(flow.flowName, id)
  const encoded = yield* Parameters.encode(flow, parameters)
  while (true) {
    const [record] = yield* (yield* RunStore).runs({ id })
    if (record !== undefined) yield* fits(flow, encoded, record)
    const attempt = record === undefined ? Started.launch(flow, parameters, { id, tags }) : goOn(flow, record)
    const started = yield* Effect.catchIf(Effect.asSome(attempt), isLost, () => Effect.succeedNone)
    if (started._tag === "Some") return yield* handle(flow, id, started.value)
  }
})

/** Another process claimed the run and drives it. */
const isLost = (error: unknown): boolean => error instanceof StoreError && error.reason === "lost"

/** Refuses an id that a run of another flow or with other parameters already has. */
const fits = Effect.fnUntraced(function* (
  flow: FlowDefinition,
  parameters: Readonly<Record<string, unknown>>,
  run: RunRecord
) {
  const taken = (why: string) =>
    new FlowError({ reason: "id", message: `Run ${run.id} ${why} Give this run an id of its own.` })
  if (run.flow !== flow.flowName) return yield* taken(`is one of flow "${run.flow}", not of flow "${flow.flowName}".`)
  const text = (value: unknown) => (value === undefined ? "not given" : CanonicalJson.stringify(value))
  for (const name of new Set([...Object.keys(run.parameters), ...Object.keys(parameters)])) {
    const [then, now] = [text(run.parameters[name]), text(parameters[name])]
    if (then === now) continue
    const short = (text: string) => (text.length > 80 ? `${text.slice(0, 77)}…` : text)
    return yield* taken(
      `of flow "${flow.flowName}" was started with other parameters: "${name}" was ${short(then)}, and is ${short(now)} now.`
    )
  }
})

/** Continues a run, or the run that resumed it, but only if its process is gone. */
const goOn = Effect.fnUntraced(function* (flow: FlowDefinition, recorded: RunRecord) {
  const { run, status } = yield* Successor.follow(recorded)
  if (status !== "crashed") return undefined
  return yield* Started.launch(flow, ...(yield* continuation(flow, run)))
})

const continuation = Effect.fnUntraced(function* (flow: FlowDefinition, run: RunRecord) {
  const decoded = yield* Parameters.decode(flow, run.parameters, run.id)
  const parameters = yield* Parameters.make(flow, decoded)
  const [origin] = run.origin === undefined ? [] : yield* (yield* RunStore).runs({ id: run.origin })
  // This run has already claimed the origin.
  const start: Start = {
    begun: run,
    ...(origin === undefined ? undefined : { origin: { run: origin, from: run.from }, leavesOrigin: true })
  }
  return [parameters, start] as const
})

/** Waits for the end of a run in any process. If its process dies, this process continues the run. */
const settle = Effect.fnUntraced(function* (flow: FlowDefinition, of: string, own: Started.Started | undefined) {
  const store = yield* RunStore
  let id = of
  let started = own
  while (true) {
    started ??= Started.find(store, id)
    if (started?.id === id) {
      const exit = yield* Fiber.await(started.fiber)
      if (Exit.isSuccess(exit)) return Exit.succeed(exit.value.output)
      // A run that was handed over or lost continues in the other process.
      const [record] = yield* store.runs({ id })
      if (record !== undefined && record.status !== "running") return exit
    }
    started = undefined
    const successor = yield* Successor.find(id)
    if (successor === undefined) {
      const message = `Run ${id} of flow "${flow.flowName}" is no longer in the store: it was removed.`
      return yield* new RunNotFound({ run: id, reason: "none", candidates: [], message })
    }
    if (successor.run.id !== id) {
      id = successor.run.id
      continue
    }
    if (successor.status !== "crashed" && successor.status !== "running") return yield* Outcome.of(flow, successor.run)
    if (successor.status === "crashed") {
      started = yield* Effect.catchIf(goOn(flow, successor.run), isLost, () => Effect.succeed(undefined))
      continue
    }
    yield* pause
  }
})

/** The handle of a run that is recorded. */
export const handle = Effect.fnUntraced(function* (flow: FlowDefinition, id: string, started?: Started.Started) {
  const handle: Handle = new StoreHandle(flow, id, started, yield* Effect.context<ArtifactStore | RunStore>())
  return handle
})

/** Its effects are made when they are asked for: an app may hold thousands of handles, and use little of each. */
class StoreHandle implements Handle {
  readonly id: string
  readonly #flow: FlowDefinition
  readonly #started: Started.Started | undefined
  readonly #context: Context.Context<ArtifactStore | RunStore>

  constructor(
    flow: FlowDefinition,
    id: string,
    started: Started.Started | undefined,
    context: Context.Context<ArtifactStore | RunStore>
  ) {
    this.id = id
    this.#flow = flow
    this.#started = started
    this.#context = context
  }

  get await(): Handle["await"] {
    return Effect.provideContext(Effect.flatten(settle(this.#flow, this.id, this.#started)), this.#context)
  }

  get events(): Handle["events"] {
    return Stream.provideContext(events(this.id, {}), this.#context)
  }

  get interrupt(): Handle["interrupt"] {
    return Effect.provideContext(
      Effect.catchIf(
        Effect.asVoid(Cancel.cancel(this.id, { by: "the program that started it" })),
        (error) => error instanceof FlowError && error.reason === "ended",
        () => Effect.void
      ),
      this.#context
    )
  }
}
