/**
 * Sends changes in the store to open pages. Another process may write the store, so it is polled: one poller for each
 * run that is open in any number of pages, and one for the list of runs. Each poll reads little, and the slower the
 * store answers, the longer a poller pauses. Slow pages neither miss events nor block others: pending events are
 * coalesced per task and per run.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as RcMap from "effect/RcMap"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RunRecord } from "../../RunRecord.ts"
import { type Pulse, type RunQuery, RunStore, type StoreError } from "../../RunStore.ts"
import { monotonicMs } from "../monotonic.ts"
import { make as makeEndingOf } from "./ending.ts"
import { type Channel, drain, makeChannel, makeMailbox } from "./liveChannel.ts"
import { watchTasks } from "./liveTasks.ts"
import type { ChannelEvent, Count, LiveEvent, RunView } from "./shapes.ts"
import { countsByRun, runView } from "./views.ts"

/**
 * Poll intervals in milliseconds for a running run, a run with many changes, a run that has ended, and the list of
 * runs.
 */
const pollIntervalMs = { running: 120, busy: 450, ended: 1000, runs: 250 }
/**
 * A run with more changed tasks than this in one poll is polled less often, because a page can't show them any faster.
 */
const busyTasks = 50
/** The server sends a page at least one event in this time. */
const beatIntervalMs = 5000
/** The live side of the server. */
export interface Live {
  /** Changes in the list of runs. */
  readonly runs: Stream.Stream<LiveEvent>
  /** Changes in a run. */
  readonly run: (run: string) => Stream.Stream<LiveEvent>
  /** Changes in several channels, runs' ids and `*` for the list of runs, over one stream with one beat. */
  readonly channels: (channels: ReadonlyArray<string>) => Stream.Stream<ChannelEvent>
}

/** Makes pollers that start with the first page and end soon after the last one leaves. */
export const make: Effect.Effect<Live, never, RunStore | Scope.Scope> = Effect.gen(function* () {
  const store = yield* RunStore
  const watched = yield* RcMap.make({
    lookup: Effect.fnUntraced(function* (run: string) {
      const channel = makeChannel()
      const tick = run === "" ? watchRuns(store, channel) : watchRun(store, run, channel)
      yield* Effect.forkScoped(poll(tick, channel))
      return channel
    }),
    idleTimeToLive: 2000
  })
  const listen = (run: string): Stream.Stream<LiveEvent> =>
    Stream.unwrap(
      Effect.gen(function* () {
        const channel = yield* RcMap.get(watched, run)
        const mailbox = makeMailbox()
        yield* Effect.acquireRelease(
          Effect.sync(() => channel.mailboxes.add(mailbox)),
          () => Effect.sync(() => channel.mailboxes.delete(mailbox))
        )
        const next = Effect.timeoutOption(mailbox.wake.await, beatIntervalMs).pipe(
          Effect.andThen(Effect.sync(() => drain(mailbox))),
          Effect.flatMap((events) =>
            events.length > 0 ? Effect.succeed(events) : Effect.map(beatNow, (event) => [event])
          )
        )
        return Stream.concat(Stream.fromEffect(beatNow), Stream.fromIterableEffectRepeat(next))
      })
    )
  const channels = (names: ReadonlyArray<string>): Stream.Stream<ChannelEvent> => {
    const beats = Stream.concat(
      Stream.fromEffect(beatNow),
      Stream.fromIterableEffectRepeat(Effect.map(Effect.delay(beatNow, beatIntervalMs), (event) => [event]))
    ).pipe(Stream.map((event): ChannelEvent => ({ of: "", event })))
    const parts = names.slice(0, channelsLimit).map((of) =>
      listen(of === "*" ? "" : of).pipe(
        Stream.filter((event) => event._tag !== "Beat"),
        Stream.map((event): ChannelEvent => ({ of, event }))
      )
    )
    return Stream.mergeAll([beats, ...parts], { concurrency: "unbounded" })
  }
  return { runs: listen(""), run: listen, channels }
})

const beatNow = Effect.map(Clock.currentTimeMillis, (at): LiveEvent => ({ _tag: "Beat", at }))

/** The number of channels that one page, with all its tabs, can listen to. */
const channelsLimit = 100

/** Polls forever. If the store fails, pages are informed and polling continues. */
const poll = (tick: Effect.Effect<number, StoreError>, channel: Channel): Effect.Effect<never> =>
  Effect.gen(function* () {
    const start = yield* monotonicMs
    const pauseMs = yield* Effect.catch(tick, (error) =>
      Effect.sync(() => {
        channel.send((mailbox) => {
          mailbox.broken = error.message
        })
        return pollIntervalMs.ended
      })
    )
    const tookMs = (yield* monotonicMs) - start
    yield* Effect.sleep(Math.max(pauseMs, 5 * tookMs))
  }).pipe(Effect.forever)

/** Task counts by run, queried again only if they may have changed. */
const makeCounts = (store: RunStore["Service"]) => {
  const cached = new Map<string, { readonly status: string; readonly counts: ReadonlyArray<Count> }>()
  return Effect.fnUntraced(function* (runs: ReadonlyArray<RunRecord>) {
    const stale = runs.filter(({ id, status }) => status === "running" || cached.get(id)?.status !== status)
    const counts = countsByRun(stale.length === 0 ? [] : yield* store.taskCounts(stale.map(({ id }) => id)))
    for (const { id, status } of stale) cached.set(id, { status, counts: counts.get(id) ?? [] })
    return (id: string): ReadonlyArray<Count> => cached.get(id)?.counts ?? []
  })
}

/** How many of the newest runs are looked at in each poll. */
const newestLimit = 20

/**
 * Watches the newest runs that match a query and all of them that are running, and sends those that changed.
 *
 * @param onRead Called as soon as the newest are read, with the number of runs that were not seen before.
 */
const watchNewest = (
  store: RunStore["Service"],
  channel: Channel,
  query: RunQuery,
  onRead: (arrived: number) => Effect.Effect<void, StoreError> = () => Effect.void
): Effect.Effect<void, StoreError> => {
  const sent = new Map<string, string>()
  const countsOf = makeCounts(store)
  const endingOf = makeEndingOf(store)
  const runningIds = new Set<string>()
  let ticks = 0
  return Effect.gen(function* () {
    const recent = new Map<string, RunRecord>()
    for (const run of yield* store.runs({ ...query, limit: newestLimit })) recent.set(run.id, run)
    // New runs are among the newest. Older runs that are still running are looked up now and then.
    if (ticks++ % 20 === 0 && recent.size === newestLimit) {
      for (const run of yield* store.runs({ ...query, status: "running", limit: 200 })) recent.set(run.id, run)
    }
    yield* onRead([...recent.keys()].filter((id) => !sent.has(id)).length)
    for (const id of runningIds) {
      if (!recent.has(id)) for (const run of yield* store.runs({ id })) recent.set(run.id, run)
    }
    runningIds.clear()
    for (const { id, status } of recent.values()) if (status === "running") runningIds.add(id)
    const counts = yield* countsOf([...recent.values()])
    const now = yield* Clock.currentTimeMillis
    for (const run of recent.values()) {
      const view = runView(run, yield* endingOf(run, now), counts(run.id))
      const signature = signatureOf(view)
      if (sent.get(view.id) === signature) continue
      sent.set(view.id, signature)
      channel.send((mailbox) => mailbox.runs.set(view.id, view))
    }
  })
}

/** Watches the list of runs. */
const watchRuns = (store: RunStore["Service"], channel: Channel): Effect.Effect<number, StoreError> => {
  const isRemoved = watchCount(store)
  let ticks = 0
  const newest = watchNewest(
    store,
    channel,
    {},
    Effect.fnUntraced(function* (arrived) {
      if (!(yield* isRemoved(ticks++ === 0 ? 0 : arrived, ticks))) return
      channel.send((mailbox) => {
        mailbox.isListShorter = true
      })
    })
  )
  return Effect.as(newest, pollIntervalMs.runs)
}

/** Watches the number of runs, which falls only when runs are removed. */
const watchCount = (store: RunStore["Service"]) => {
  let expected: number | undefined
  return Effect.fnUntraced(function* (arrived: number, tick: number) {
    if (expected !== undefined) expected += arrived
    if (tick % countEvery !== 1) return false
    const count = yield* store.count
    const isLess = expected !== undefined && count < expected
    expected = count
    return isLess
  })
}

/** The runs are counted at one of this many polls. */
const countEvery = 8

/** Identifies the content of a view. Heartbeats are ignored, because pages need not hear about them. */
const signatureOf = (view: RunView): string => JSON.stringify({ ...view, heartbeatAt: 0 })

/** Watches a run, its tasks, the runs that it calls, and whether it has new log lines, metric points and cards. */
const watchRun = (store: RunStore["Service"], run: string, channel: Channel): Effect.Effect<number, StoreError> => {
  const tasks = watchTasks(store, run, channel)
  const countsOf = makeCounts(store)
  const endingOf = makeEndingOf(store)
  const calls = watchNewest(store, channel, { parent: run })
  let isCalling = true
  let isGone = false
  let sentRun = ""
  let lastPulse: Pulse | undefined

  return Effect.gen(function* () {
    const [record] = yield* store.runs({ id: run })
    if (record === undefined || record.id !== run) {
      if (!isGone) channel.send((mailbox) => mailbox.removed.add(run))
      isGone = true
      return pollIntervalMs.ended
    }
    const now = yield* Clock.currentTimeMillis
    const ending = yield* endingOf(record, now)
    const sentCount = yield* tasks(record.status !== "running", ending)
    const counts = yield* countsOf([record])
    const view = runView(record, ending, counts(run))
    const signature = signatureOf(view)
    if (signature !== sentRun) {
      sentRun = signature
      channel.send((mailbox) => mailbox.runs.set(run, view))
    }
    // The runs that it called end before it does.
    if (isCalling) yield* calls
    isCalling = record.status === "running"
    const pulse = yield* store.pulse(run)
    const before = lastPulse ?? pulse
    lastPulse = pulse
    if (pulse.lines > before.lines) {
      const lines = yield* store.logs({ run, after: before.lines })
      channel.send((mailbox) => {
        mailbox.last = pulse.lines
        for (const { task } of lines) mailbox.logs.add(task)
      })
    }
    if (pulse.points > before.points) {
      channel.send((mailbox) => {
        mailbox.metrics = true
      })
    }
    if (pulse.cards > before.cards) {
      const cards = yield* store.cards({ run, after: before.cards })
      channel.send((mailbox) => {
        for (const { task } of cards) mailbox.cards.add(task)
      })
    }
    return view.status !== "running"
      ? pollIntervalMs.ended
      : sentCount > busyTasks
        ? pollIntervalMs.busy
        : pollIntervalMs.running
  })
}
