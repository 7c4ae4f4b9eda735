/**
 * What happens in the store, told to open pages. Another process may write it, so it is polled: by one poller for each run
 * that is looked at, however many pages do, and one for the list of runs; each asks for little, and rests longer the longer
 * the store took to answer. Slow pages neither miss events nor block others: pending events are coalesced per task
 * and per run.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as RcMap from "effect/RcMap"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RunRecord, TaskRecord } from "../../RunRecord.ts"
import { type Pulse, RunStore, type StoreError } from "../../RunStore.ts"
import type { Count, LiveEvent, RunView, TaskView } from "./shapes.ts"
import { countsByRun, runView, shownStatus, taskView } from "./views.ts"

/** How often a run that is going on is looked at, in milliseconds; one that has ended; and the list of runs. */
const interval = { running: 120, busy: 450, ended: 1000, runs: 250 }
/** A run that tells of more tasks than this at once is looked at less often: a page can't show them faster. */
const many = 50
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

/** Counts of tasks by run, asked for again only where they may have changed. */
const makeCounts = (store: RunStore["Service"]) => {
  const known = new Map<string, { readonly status: string; readonly counts: ReadonlyArray<Count> }>()
  return Effect.fnUntraced(function* (runs: ReadonlyArray<RunRecord>) {
    const asked = runs.filter(({ id, status }) => status === "running" || known.get(id)?.status !== status)
    const counts = countsByRun(asked.length === 0 ? [] : yield* store.taskCounts(asked.map(({ id }) => id)))
    for (const { id, status } of asked) known.set(id, { status, counts: counts.get(id) ?? [] })
    return (id: string): ReadonlyArray<Count> => known.get(id)?.counts ?? []
  })
}

/** The newest runs, and those that go on. */
const watchRuns = (store: RunStore["Service"], channel: Channel): Effect.Effect<number, StoreError> => {
  const told = new Map<string, string>()
  const countsOf = makeCounts(store)
  const going = new Set<string>()
  let ticks = 0
  return Effect.gen(function* () {
    const found = new Map<string, RunRecord>()
    for (const run of yield* store.runs({ limit: 20 })) found.set(run.id, run)
    // A run that starts is among the newest; those that go on already are looked for from time to time.
    if (ticks++ % 20 === 0) {
      for (const run of yield* store.runs({ status: "running", limit: 200 })) found.set(run.id, run)
    }
    for (const id of going) {
      if (!found.has(id)) for (const run of yield* store.runs({ id })) found.set(run.id, run)
    }
    going.clear()
    for (const { id, status } of found.values()) if (status === "running") going.add(id)
    const counts = yield* countsOf([...found.values()])
    const now = yield* Clock.currentTimeMillis
    for (const run of found.values()) {
      const view = runView(run, shownStatus(run, now), counts(run.id))
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
  const tasks = watchTasks(store, run, channel)
  const countsOf = makeCounts(store)
  let toldRun = ""
  let heard: Pulse | undefined

  return Effect.gen(function* () {
    const [record] = yield* store.runs({ id: run })
    if (record === undefined || record.id !== run) return interval.ended
    const told = yield* tasks(record.status !== "running")
    const counts = yield* countsOf([record])
    const now = yield* Clock.currentTimeMillis
    const view = runView(record, shownStatus(record, now), counts(run))
    const signature = signatureOf(view)
    if (signature !== toldRun) {
      toldRun = signature
      channel.tell((mailbox) => mailbox.runs.set(run, view))
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
    return view.status !== "running" ? interval.ended : told > many ? interval.busy : interval.running
  })
}

/**
 * The tasks of a run that may still change: those that go on, and numbers that were given out and not written yet (a
 * short task is written when it ends, after others that were called later). What has ended is never read again.
 */
const watchTasks = (store: RunStore["Service"], run: string, channel: Channel) => {
  const pending = new Map<number, string>() // by number, what was told of it; nothing while there is none
  let max: number | undefined
  let told = 0

  const take = (task: TaskRecord): void => {
    for (let missing = (max ?? 0) + 1; missing < task.index; missing++) pending.set(missing, "")
    if (task.index > (max ?? 0)) max = task.index
    const signature = signatureOfTask(task)
    const known = pending.get(task.index)
    if (task.status === "running") pending.set(task.index, signature)
    else pending.delete(task.index)
    if (known === signature) return
    told++
    const view = taskView(task)
    channel.tell((mailbox) => mailbox.tasks.set(view.id, view))
  }

  /** Where the run stands when the first page looks: that page asks for all of it by itself. */
  const begin = Effect.gen(function* () {
    max = 0
    for (const { index, status } of yield* store.tasks({ run, refs: false })) {
      for (let missing = max + 1; missing < index; missing++) pending.set(missing, "")
      max = Math.max(max, index)
      if (status === "running") pending.set(index, "")
    }
  })

  const isNews = (task: TaskRecord): boolean => signatureOfTask(task) !== pending.get(task.index)

  /** Those of the pending ones that are there, without their refs. */
  const look = Effect.gen(function* () {
    const numbers = [...pending.keys()].sort((a, b) => a - b)
    const there: Array<TaskRecord> = []
    if (numbers.length <= few) {
      for (const index of numbers) {
        const [task] = yield* store.tasks({ run, after: index - 1, limit: 1, refs: false })
        if (task?.index === index) there.push(task)
      }
      return there
    }
    let after = (numbers[0] as number) - 1 // there are more than a few
    const last = numbers.at(-1) ?? after
    while (after < last) {
      const found = yield* store.tasks({ run, after, limit: page, refs: false })
      for (const task of found) if (pending.has(task.index)) there.push(task)
      if (found.length < page) break
      after = found.at(-1)?.index ?? last
    }
    return there
  })

  return Effect.fnUntraced(function* (ended: boolean) {
    told = 0
    // Of a run that had ended before anybody looked, no task changes.
    if (max === undefined && ended) return told
    if (max === undefined) yield* begin
    // Refs are read only of what changed: a join over many tasks has megabytes of them.
    for (const { index } of (yield* look).filter(isNews)) {
      for (const task of yield* store.tasks({ run, after: index - 1, limit: 1 })) take(task)
    }
    for (;;) {
      const found: ReadonlyArray<TaskRecord> = yield* store.tasks({ run, after: max ?? 0, limit: page })
      for (const task of found) take(task)
      if (found.length < page) return told
    }
  })
}

/** Up to this many tasks are asked for one by one. */
const few = 24

const signatureOfTask = ({ attempts, finishedAt, how, status }: TaskRecord): string =>
  `${status} ${how} ${finishedAt} ${attempts.map((attempt) => attempt.status + attempt.number).join()}`
