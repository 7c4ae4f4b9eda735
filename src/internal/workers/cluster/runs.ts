/**
 * Watches over runs, on a worker. While a run's driver sends heartbeats, there is nothing to do. If it has been silent
 * for too long, this worker continues the run: its body runs from the top, reuses finished tasks, and requests the
 * others. When a run is over, its executions are removed from the cluster's tables.
 */

import type * as Context from "effect/Context"
import * as Sharding from "effect/cluster/Sharding"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as SqlClient from "effect/sql/SqlClient"
import * as WorkflowEngine from "effect/workflow/WorkflowEngine"
import type { ArtifactStore } from "../../../ArtifactStore.ts"
import type { Any as AnyFlow } from "../../../Flow.ts"
import type { RunRecord } from "../../../RunRecord.ts"
import { RunStore } from "../../../RunStore.ts"
import { monotonicMs } from "../../monotonic.ts"
import * as Parameters from "../../run/parameters.ts"
import { runFlow } from "../../run/runFlow.ts"
import { prefixOf } from "./engine.ts"
import * as Identity from "./identity.ts"
import * as Ownership from "./ownership.ts"
import type { Placement } from "./placement.ts"
import * as Registry from "./registry.ts"
import type { Settings } from "./settings.ts"
import { RunWorkflow } from "./workflows.ts"

/** The interval at which a run is checked. */
const glance = 1000

/** The interval at which a run that no worker can continue is checked again. */
const lookAgainMs = 3000

/** Serves runs. `services` are the services for driving a run here, including its executor. */
export const layer = (
  {
    flows,
    placement,
    settings,
    storage: own
  }: {
    readonly settings: Settings
    /** The storage that this worker sees. */
    readonly storage: Identity.Identity
    readonly flows: ReadonlyMap<string, AnyFlow>
    readonly placement: Placement
  },
  services: Context.Context<ArtifactStore | RunStore>
) => {
  const driven = new Map<string, Fiber.Fiber<unknown, unknown>>()

  /** On a fiber of its own, which lives as long as this process: the execution may move, the drive stays. */
  const drive = Effect.fnUntraced(function* (record: RunRecord, flow: AnyFlow) {
    let fiber = driven.get(record.id)
    if (fiber === undefined) {
      yield* Effect.logInfo(`Continuing run ${record.id} of flow "${record.flow}", whose driver is gone.`)
      fiber = Effect.runForkWith(services)(goOn(record, flow))
      driven.set(record.id, fiber)
      fiber.addObserver(() => driven.delete(record.id))
    }
    yield* Fiber.await(fiber)
  })

  /** Hands a run to a worker that has its flow, with the step versions that the run began with. Yields whether there is one. */
  const handOver = Effect.fnUntraced(function* (
    record: RunRecord,
    { steps, storage }: Pick<typeof RunWorkflow.payloadSchema.Type, "steps" | "storage">
  ) {
    const engine = yield* WorkflowEngine.WorkflowEngine
    const refused = new Set(yield* placement.asked(record.id))
    const needs = { flow: record.flow, steps, storage }
    const placed = yield* placement.choose({ name: record.id, needs, refused, refusedBy: new Set() })
    if (typeof placed !== "string") return false
    // Detached: this execution ends now, and the other one must not wake it later. Its reply would be gone by then.
    const payload = { run: record.id, steps, storage }
    yield* engine.execute(RunWorkflow, { executionId: placed, payload, discard: true, detached: true })
    return true
  })

  return RunWorkflow.toLayer(
    Effect.fnUntraced(function* ({ run, steps, storage }, executionId) {
      const runs = yield* RunStore
      const sharding = yield* Sharding.Sharding
      const watch = Effect.gen(function* () {
        let hasWarned = false
        let seen: number | undefined
        let since = 0
        while (true) {
          const asked = yield* monotonicMs
          const answer = yield* Effect.option(runs.runs({ id: run }))
          const now = yield* monotonicMs
          const [record] = Option.getOrElse(answer, () => [])
          // A run that is over, or was removed.
          if (Option.isSome(answer) && record?.status !== "running") return yield* forget(prefixOf(settings.group), run)
          // Only this process's clock is used, because the driver's may be wrong. While the store was unavailable, the
          // driver could not send heartbeats either.
          const away = record === undefined || now - asked > glance
          if (away || record.heartbeatAt !== seen) since = now
          seen = record?.heartbeatAt
          // A driver that hands over its run sets the heartbeat to 0.
          if (record !== undefined && (seen === 0 || now - since >= settings.patience)) {
            const flow = flows.get(record.flow)
            const different = Identity.difference(own, storage)
            if (flow === undefined || !hasVersions(flow, steps) || different !== undefined) {
              if (yield* handOver(record, { steps, storage })) return
              if (!hasWarned) {
                yield* Effect.logWarning(
                  `The driver of run ${run} is gone, and no worker has its flow "${record.flow}"${flow === undefined ? "" : different === undefined ? " with the step versions that it began with" : " and sees the same database and blobs"} to continue it. The run waits for one; \`resume ${run}\` starts a run from what has finished.`
                )
              }
              hasWarned = true
              yield* Effect.sleep(lookAgainMs)
              continue
            }
            yield* drive(record, flow)
            since = yield* monotonicMs
          }
          yield* Effect.sleep(glance)
        }
      })
      const over = yield* Effect.raceFirst(
        Effect.as(watch, true),
        Effect.as(Ownership.lost(sharding, executionId), false)
      )
      if (!over) yield* Ownership.abandon
    })
  )
}

/** Whether a flow has the step versions that a run began with. */
const hasVersions = (flow: AnyFlow, steps: Registry.StepVersions | undefined): boolean => {
  const own = Registry.stepVersions(flow)
  return Object.entries(steps ?? {}).every(([name, version]) => own[name] === version)
}

const goOn = Effect.fnUntraced(function* (record: RunRecord, flow: AnyFlow) {
  const runs = yield* RunStore
  const parameters = yield* Parameters.make(flow, yield* Parameters.decode(flow, record.parameters, record.id))
  const [origin] = record.origin === undefined ? [] : yield* runs.runs({ id: record.origin })
  const start = { begun: record, ...(origin === undefined ? {} : { origin: { run: origin, from: record.from } }) }
  yield* runFlow(flow, parameters, start) as Effect.Effect<unknown, unknown> // a missing service becomes a defect
})

/** Removes the executions of a run that is over, and of earlier runs themselves: they will not be requested again. */
const forget = Effect.fnUntraced(
  function* (prefix: string, run: string) {
    const sql = yield* SqlClient.SqlClient
    const remove = (condition: string, values: ReadonlyArray<string>) =>
      sql.unsafe(
        `WITH gone AS (DELETE FROM ${prefix}_messages WHERE ${condition} RETURNING id)
       DELETE FROM ${prefix}_replies WHERE request_id IN (SELECT id FROM gone)`,
        values
      )
    yield* remove("entity_type = $1 AND entity_id LIKE $2", ["Workflow/effect-flow/task", `${run}/%`])
    yield* remove("entity_type = $1 AND processed", ["Workflow/effect-flow/run"])
  },
  (removed) => Effect.ignore(removed)
)
