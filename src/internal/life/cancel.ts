/**
 * Cancels a run from any process. A live driver is sent a request. If the driver is gone, this process claims the run
 * and records its end.
 */
import { hostname } from "node:os"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { FlowError } from "../../FlowError.ts"
import type { CancelRecord, RunRecord } from "../../RunRecord.ts"
import { type Change, RunStore, StoreError } from "../../RunStore.ts"
import * as Runs from "../history/runs.ts"
import * as Cancellation from "../run/cancellation.ts"
import * as Replay from "../run/replay.ts"
import { SystemTags } from "../run/systemTags.ts"
import * as Takeover from "../run/takeover.ts"
import * as Successor from "./successor.ts"

/** The options of `cancel`. */
export interface Options {
  /** The reason, which is recorded with the run. */
  readonly reason?: string
  /** The requester. Default: the user, the host and the process. */
  readonly by?: string
}

/** The interval at which the end of a run in another process is polled. */
const intervalMs = 50

/** Waits in real time, because other processes do not follow a test's clock. */
const pause = Effect.provideService(Effect.sleep(intervalMs), Clock.Clock, Clock.Clock.defaultValue())

/**
 * Cancels a run and waits until it has ended.
 *
 * @returns The run's record.
 */
export const cancel = Effect.fnUntraced(function* (run: Runs.Named, { by, reason }: Options) {
  const store = yield* RunStore
  const { user } = yield* Effect.flatten(Effect.service(SystemTags))
  const request: CancelRecord = {
    at: yield* Clock.currentTimeMillis,
    by: by ?? `${user} (process ${process.pid} on ${hostname()})`,
    ...(reason === undefined ? undefined : { reason })
  }
  const named = yield* Runs.named(run)
  let asked: string | undefined
  while (true) {
    const [record] = yield* store.runs({ id: named.id })
    if (record === undefined) return yield* Runs.named(named.id)
    const current = yield* Successor.follow(record)
    const { id } = current.run
    if (current.status === "crashed") {
      const ended = yield* Effect.catchIf(end(current.run, request), isLost, () => Effect.succeed(undefined))
      if (ended !== undefined) return ended
    } else if (current.status !== "running") {
      // The run may have ended on its own before the cancellation.
      if (asked === id && current.status === "interrupted") return current.run
      return yield* hasEnded(current.run)
    } else if (asked !== id) {
      yield* store.write([{ _tag: "Cancel", run: id, request }])
      asked = id
      Cancellation.deliver(store, id, request)
      continue
    }
    yield* pause
  }
})

const isLost = (error: unknown): error is StoreError => error instanceof StoreError && error.reason === "lost"

const hasEnded = ({ flow, id, status }: RunRecord) =>
  new FlowError({
    reason: "ended",
    message: `Run ${id} of flow "${flow}" has already ended, so it can't be cancelled: it ${status === "succeeded" ? "succeeded" : status === "failed" ? "failed" : "was interrupted"}.`
  })

/** Records the end of a run whose driver is gone. */
export const end = Effect.fnUntraced(function* (run: RunRecord, request: CancelRecord) {
  const store = yield* RunStore
  const driver = yield* store.claim({ run, over: run })
  const finishedAt = Math.max(yield* Clock.currentTimeMillis, run.startedAt) // this clock may be behind its driver's
  const tasks = yield* store.tasks({ run: run.id })
  const last = tasks.reduce((last, { places }) => Math.max(last, places?.at(-1) ?? 0), 0)
  let place = Takeover.placesAfter(last)
  const changes: Array<Change> = []
  for (const task of tasks) {
    if (task.status !== "running") continue
    const closed = Replay.closed(task, finishedAt)
    const events = 2 + 2 * closed.attempts.length
    const places = [...(task.places ?? [])]
    while (places.length < events) places.push(++place)
    changes.push({ _tag: "Task", task: { ...closed, places }, blobs: [], schemas: [] })
  }
  const ended: RunRecord = {
    ...run,
    driver: driver.token,
    status: "interrupted",
    finishedAt,
    error: Cancellation.errorOf(run.cancel ?? request)
  }
  yield* store.write([...changes, { _tag: "Run", run: ended }], driver)
  return ended
})
