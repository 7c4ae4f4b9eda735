/**
 * What happens in the store, told to open pages. Another process may write it, so it is polled: by one poller for each run
 * that is looked at, however many pages do, and one for the list of runs; each asks for little, and rests longer the longer
 * the store took to answer. A page that is slow misses nothing and holds nobody up: what it has not fetched yet is kept
 * for it by task and by run, the newest of each.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as RcMap from "effect/RcMap"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RunRecord, TaskRecord } from "../RunRecord.ts"
import { type Pulse, RunStore, type StoreError } from "../RunStore.ts"
import type { LiveEvent, RunView, TaskView } from "./uiApi.ts"
import { countsByRun, runView, shownStatus, taskView } from "./uiViews.ts"

/** How often a run that is going on is looked at, in milliseconds; one that has ended; and the list of runs. */
const interval = { running: 120, ended: 1000, runs: 250 }
/** A page hears from the server at least this often. */
const beat = 5000
/** Tasks in one query. */
const page = 2000

/** What a page has not been told yet. */
interface Mailbox {
  readonly wake: Latch.Latch
  readonly runs: Map<string, RunView>
  readonly tasks: Map<string, TaskView>
  readonly logs: Set<string>
  readonly cards: Set<string>
  last: number
  metrics: boolean
  broken: string | undefined
}

/** The pages that look at one thing. */
interface Channel {
  readonly mailboxes: Set<Mailbox>
  readonly tell: (put: (mailbox: Mailbox) => void) => void
}

const makeMailbox = (): Mailbox => ({
  wake: Latch.makeUnsafe(),
  runs: new Map(),
  tasks: new Map(),
  logs: new Set(),
  cards: new Set(),
  last: 0,
  metrics: false,
  broken: undefined
})

const makeChannel = (): Channel => {
  const mailboxes = new Set<Mailbox>()
  return {
    mailboxes,
    tell: (put) => {
      for (const mailbox of mailboxes) {
        put(mailbox)
        mailbox.wake.openUnsafe()
      }
    }
  }
}

const drain = (mailbox: Mailbox): ReadonlyArray<LiveEvent> => {
  const events: Array<LiveEvent> = []
  mailbox.wake.closeUnsafe()
  if (mailbox.runs.size > 0) events.push({ _tag: "Runs", runs: [...mailbox.runs.values()] })
  if (mailbox.tasks.size > 0) events.push({ _tag: "Tasks", tasks: [...mailbox.tasks.values()] })
  if (mailbox.logs.size > 0) events.push({ _tag: "Logs", tasks: [...mailbox.logs], last: mailbox.last })
  if (mailbox.metrics) events.push({ _tag: "Metrics" })
  if (mailbox.cards.size > 0) events.push({ _tag: "Cards", tasks: [...mailbox.cards] })
  if (mailbox.broken !== undefined) events.push({ _tag: "Broken", message: mailbox.broken })
  mailbox.runs.clear()
  mailbox.tasks.clear()
  mailbox.logs.clear()
  mailbox.cards.clear()
  mailbox.metrics = false
  mailbox.broken = undefined
  return events
}

/** The live side of the server. */
export interface Live {
  /** What happens in the list of runs. */
  readonly runs: Stream.Stream<LiveEvent>
  /** What happens in a run. */
  readonly run: (run: string) => Stream.Stream<LiveEvent>
}

/** Pollers that start with the first page that looks and end soon after the last one. */
export const make: Effect.Effect<Live, never, RunStore | Scope.Scope> = Effect.gen(function* () {
  const store = yield* RunStore
  const channels = yield* RcMap.make({
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
        const channel = yield* RcMap.get(channels, run)
        const mailbox = makeMailbox()
        yield* Effect.acquireRelease(
          Effect.sync(() => channel.mailboxes.add(mailbox)),
          () => Effect.sync(() => channel.mailboxes.delete(mailbox))
        )
        const beatNow = Effect.map(Clock.currentTimeMillis, (at): LiveEvent => ({ _tag: "Beat", at }))
        const next = Effect.timeoutOption(mailbox.wake.await, beat).pipe(
          Effect.andThen(Effect.sync(() => drain(mailbox))),
          Effect.flatMap((events) =>
            events.length > 0 ? Effect.succeed(events) : Effect.map(beatNow, (event) => [event])
          )
        )
        return Stream.concat(Stream.fromEffect(beatNow), Stream.fromIterableEffectRepeat(next))
      })
    )
  return { runs: listen(""), run: listen }
})

/** Looks again and again; a store that does not answer is said to the pages and asked again. */
const poll = (tick: Effect.Effect<number, StoreError>, channel: Channel): Effect.Effect<never> =>
  Effect.gen(function* () {
    const start = yield* Clock.currentTimeMillis
    const rest = yield* Effect.catch(tick, (error) =>
      Effect.sync(() => {
        channel.tell((mailbox) => {
          mailbox.broken = error.message
        })
        return interval.ended
      })
    )
    const cost = (yield* Clock.currentTimeMillis) - start
    yield* Effect.sleep(Math.max(rest, 5 * cost))
  }).pipe(Effect.forever)

/** The newest runs, and those that go on. */
const watchRuns = (store: RunStore["Service"], channel: Channel): Effect.Effect<number, StoreError> => {
  const told = new Map<string, string>()
  let going = new Set<string>()
  return Effect.gen(function* () {
    const newest = yield* store.runs({ limit: 20 })
    const running = yield* store.runs({ status: "running", limit: 200 })
    const found = new Map<string, RunRecord>()
    for (const run of [...newest, ...running]) found.set(run.id, run)
    for (const id of going) {
      if (found.has(id)) continue
      for (const run of yield* store.runs({ idPrefix: id, limit: 1 })) found.set(run.id, run)
    }
    going = new Set(running.map(({ id }) => id))
    const counts = countsByRun(yield* store.taskCounts([...found.keys()]))
    const now = yield* Clock.currentTimeMillis
    for (const run of found.values()) {
      const view = runView(run, shownStatus(run, now), counts.get(run.id) ?? [])
      const signature = signatureOf(view)
      if (told.get(view.id) === signature) continue
      told.set(view.id, signature)
      channel.tell((mailbox) => mailbox.runs.set(view.id, view))
    }
    return interval.runs
  })
}

/** A heartbeat alone is no news. */
const signatureOf = (view: RunView): string => JSON.stringify({ ...view, heartbeatAt: 0 })

/** A run, its tasks, and whether there are new lines, points and cards. */
const watchRun = (store: RunStore["Service"], run: string, channel: Channel): Effect.Effect<number, StoreError> => {
  const running = new Map<number, string>() // index of each task that goes on, and what was told of it
  let toldRun = ""
  let toldCounts = ""
  let max: number | undefined
  let lastLook = 0
  let heard: Pulse | undefined

  const tellTasks = (tasks: ReadonlyArray<TaskRecord>) => {
    for (const task of tasks) {
      const signature = signatureOfTask(task)
      const known = running.get(task.index)
      if (task.status === "running") running.set(task.index, signature)
      else running.delete(task.index)
      if (known !== signature) {
        const view = taskView(task)
        channel.tell((mailbox) => mailbox.tasks.set(view.id, view))
      }
    }
  }

  const lookAtTasks = Effect.fnUntraced(function* (total: number) {
    if (max === undefined) {
      max = Math.max(0, total - 200)
      tellTasks(yield* store.tasks({ run, status: "running" }))
    }
    const before = [...running.keys()].sort((a, b) => a - b)
    const newestBefore = max
    if (before.length > 0 && before.length <= 24) {
      for (const index of before) {
        if (index <= newestBefore) tellTasks(yield* store.tasks({ run, after: index - 1, limit: 1 }))
      }
    } else if (before.length > 0) {
      let after = (before[0] as number) - 1 // there is a first
      while (after < newestBefore) {
        const tasks = yield* store.tasks({ run, after, limit: page })
        // Only those that went on: the others have been told.
        tellTasks(tasks.filter((task) => running.has(task.index)))
        if (tasks.length < page) break
        after = (tasks.at(-1) as TaskRecord).index // a full page has a last one
      }
    }
    for (;;) {
      const tasks: ReadonlyArray<TaskRecord> = yield* store.tasks({ run, after: max, limit: page })
      if (tasks.length === 0) break
      tellTasks(tasks)
      max = (tasks.at(-1) as TaskRecord).index // it is not empty
      if (tasks.length < page) break
    }
  })

  return Effect.gen(function* () {
    const [record] = yield* store.runs({ idPrefix: run, limit: 1 })
    if (record === undefined || record.id !== run) return interval.ended
    const counts = yield* store.taskCounts([run])
    const now = yield* Clock.currentTimeMillis
    const view = runView(record, shownStatus(record, now), countsByRun(counts).get(run) ?? [])
    const signature = signatureOf(view)
    const countsText = JSON.stringify(view.counts)
    if (signature !== toldRun) {
      toldRun = signature
      channel.tell((mailbox) => mailbox.runs.set(run, view))
    }
    // A retry changes no count, so what goes on is looked at every second all the same.
    if (countsText !== toldCounts || (running.size > 0 && now - lastLook >= 1000)) {
      toldCounts = countsText
      lastLook = now
      yield* lookAtTasks(view.counts.reduce((sum, { count }) => sum + count, 0))
    }
    const pulse = yield* store.pulse(run)
    const before = heard ?? pulse
    heard = pulse
    if (pulse.lines > before.lines) {
      const lines = yield* store.logs({ run, after: before.lines })
      channel.tell((mailbox) => {
        mailbox.last = pulse.lines
        for (const { task } of lines) mailbox.logs.add(task)
      })
    }
    if (pulse.points > before.points) {
      channel.tell((mailbox) => {
        mailbox.metrics = true
      })
    }
    if (pulse.cards > before.cards) {
      const cards = yield* store.cards({ run, after: before.cards })
      channel.tell((mailbox) => {
        for (const { task } of cards) mailbox.cards.add(task)
      })
    }
    return view.status === "running" ? interval.running : interval.ended
  })
}

const signatureOfTask = ({ attempts, finishedAt, how, status }: TaskRecord): string =>
  `${status} ${how} ${finishedAt} ${attempts.map((attempt) => attempt.status + attempt.number).join()}`
