/**
 * Writes what a run does to its store. What must be durable before the flow goes on (a finished task) is awaited. The rest (a
 * started task, a task that was taken over, log lines, metrics) is buffered, and becomes durable in order with the next
 * awaited write or after 50 ms. So a trivial task costs one write, and a log line costs none of its own.
 *
 * Nothing that a user's code produced may stop a run from being recorded: a change that the store's code throws at is
 * written in a reduced form, or left out with a line in the log that says so.
 *
 * A driver's recorder also keeps its hold on the run (`RunStore.Driver`): it renews the hold with each heartbeat, presents
 * its token with every write, and closes as soon as a write is refused.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { ExecutorError } from "../../Executor.ts"
import type { CardRecord, ErrorRecord, LogRecord, MetricRecord, RunRecord, TaskRecord } from "../../RunRecord.ts"
import type { Change, Driver, RunStore, StoreError } from "../../RunStore.ts"
import type { ResumeState } from "./takeover.ts"
import type { Ticking } from "./ticker.ts"

/** A task that has been running for so long is written as running. One that ends sooner costs no write of its own. */
const runningIntervalMs = 250
/** The interval of a run's heartbeats. */
const heartbeatIntervalMs = 2000
/** A hold that was renewed less than this long ago is believed without asking the store. */
const freshMs = 5000
/** So many tasks that were taken over are written in one go. */
const takenOverAtOnce = 4096
/** A wall clock that departs this far from the monotonic one was set. */
const clockStepMs = 1000

type TaskChange = Extract<Change, { readonly _tag: "Task" }>

/** Collects the changes of one run. */
export interface Recorder extends Ticking {
  readonly log: (line: LogRecord) => void
  readonly metric: (point: MetricRecord) => void
  /** A task's card, in place of the one before. */
  readonly card: (card: CardRecord, bytes: Uint8Array | undefined) => void
  /** A running task; its final record replaces it. */
  readonly running: (change: TaskChange) => void
  /**
   * Records a task that an earlier one stands for. It is buffered: if it is lost with the process, no work is lost. Waits
   * only when many are buffered.
   */
  readonly takenOver: (change: TaskChange) => Effect.Effect<void, StoreError>
  /** Makes the buffered changes and these durable. */
  readonly write: (changes: ReadonlyArray<Change>) => Effect.Effect<void, StoreError>
  /** Records that nobody drives the run, so that another process goes on with it, and closes. */
  readonly leave: Effect.Effect<void>
  /**
   * Writes everything synchronously, because the process is about to end: the buffered changes, every running task as
   * interrupted, and the run's last record. Then it closes.
   */
  readonly endNow: (run: RunRecord, error: ErrorRecord, at: number) => void
  /** Why the run is not this process's any more, if another one has claimed it. Nothing more is recorded by then. */
  readonly lostTo: () => ExecutorError | undefined
  /**
   * Whether this process still holds the run. Asks the store, unless the hold was renewed within `maxAgeMs`.
   *
   * @param maxAgeMs Milliseconds. Default: a little more than the time between two heartbeats.
   */
  readonly confirm: (maxAgeMs?: number) => Effect.Effect<boolean>
  /** Whether the hold was renewed so lately that `confirm` would not ask the store. */
  readonly isFresh: (clock: Clock.Clock) => boolean
}

/**
 * A recorder.
 *
 * @param driver The hold on the run. Without it the recorder is a worker's, which records for runs that others drive.
 * @param before The places of the events that were recorded before this process took the run over.
 * @param onLost Called when another process has claimed the run.
 */
export const make = (
  store: RunStore["Service"],
  driver?: Driver,
  before?: ResumeState["places"],
  onLost?: (error: ExecutorError) => void
): Recorder => {
  const put = (changes: ReadonlyArray<Change>) => store.write(changes, driver)
  let lines: Array<LogRecord> = []
  let points: Array<MetricRecord> = []
  let cards = new Map<string, Change>()
  let takenOver: Array<TaskChange> = []
  /** Running tasks that are not in the store yet. */
  const started = new Map<string, TaskChange>()
  /** All running tasks. */
  const running = new Map<string, TaskChange>()
  /** The places of the events of tasks that may have more. */
  const places = new Map<string, ReadonlyArray<number>>(before?.of)
  let lastPlace = before?.from ?? 0
  let closed = false
  /** When the last heartbeat was due and running tasks were last written, and how far the wall clock was ahead. */
  let last: { beatAt: number; runningAt: number; lead: number } | undefined
  let lostTo: ExecutorError | undefined
  // By both clocks: the monotonic one stands still while a laptop sleeps, the other can be set.
  let renewed: { readonly monotonic: number; readonly wall: number } | undefined // claimed just now
  // Schemas that are already stored, because all tasks of a step have the same ones.
  const described = new Set<string>()

  const hasBuffered = () => takenOver.length > 0 || cards.size > 0 || lines.length > 0 || points.length > 0
  const take = (): Array<Change> => {
    if (!hasBuffered()) return []
    const changes: Array<Change> = [...takenOver, ...cards.values()]
    if (lines.length > 0) changes.push({ _tag: "Logs", lines })
    if (points.length > 0) changes.push({ _tag: "Metrics", points })
    takenOver = []
    cards = new Map()
    lines = []
    points = []
    return changes
  }
  /** Gives each event of a task that is new its place among the run's events. */
  const placesOf = (task: TaskRecord): ReadonlyArray<number> => {
    const isOver = task.status !== "running"
    let events = isOver ? 2 : 1
    for (const attempt of task.attempts) events += attempt.status === "running" ? 1 : 2
    const own = [...(places.get(task.id) ?? [])]
    while (own.length < events) own.push(++lastPlace)
    if (isOver) places.delete(task.id)
    else places.set(task.id, own)
    return own
  }
  const placed = (change: TaskChange): TaskChange => ({
    ...change,
    task: { ...change.task, places: placesOf(change.task) }
  })
  const withoutDescribed = (change: TaskChange): TaskChange =>
    change.schemas.every(({ digest }) => !described.has(digest))
      ? change
      : { ...change, schemas: change.schemas.filter(({ digest }) => !described.has(digest)) }
  const remember = (changes: ReadonlyArray<Change>) => {
    for (const change of changes)
      if (change._tag === "Task") for (const { digest } of change.schemas) described.add(digest)
  }
  /** Changes that could not be written are kept for the next write. */
  const putBack = (changes: ReadonlyArray<Change>) => {
    for (const change of changes) {
      if (change._tag === "Logs") lines = [...change.lines, ...lines]
      if (change._tag === "Metrics") points = [...change.points, ...points]
      if (change._tag === "Card" && !cards.has(change.card.task)) cards.set(change.card.task, change)
      if (change._tag !== "Task") continue
      if (change.task.how !== "executed") takenOver.push(change)
      else if (change.task.status === "running" && running.has(change.task.id)) started.set(change.task.id, change)
    }
  }
  /** Logs that a change was left out. */
  const leftOut = (change: Change, defect: unknown): Effect.Effect<void, StoreError> =>
    Effect.flatMap(Clock.currentTimeMillis, (at) => {
      const message = `A change could not be recorded (${change._tag}): ${Cause.pretty(Cause.die(defect)).split("\n")[0]}`
      const run = driver?.run ?? ""
      return put([{ _tag: "Logs", lines: [{ run, task: "", attempt: 1, at, level: "Error", message }] }])
    })
  /** Changes are written one by one, so that a change that makes the store throw does not prevent the others. */
  const writeOneByOne = (changes: ReadonlyArray<Change>): Effect.Effect<void, StoreError> =>
    Effect.forEach(
      changes,
      (change) =>
        Effect.catchDefect(put([change]), (defect) => {
          const reduced = reduce(change)
          return reduced === undefined
            ? leftOut(change, defect)
            : Effect.catchDefect(put([reduced]), () => leftOut(change, defect))
        }),
      { discard: true }
    )
  const write = (changes: ReadonlyArray<Change>) =>
    Effect.suspend(() => {
      if (closed) return Effect.void
      const waiting = take()
      for (const change of changes) {
        if (change._tag !== "Task") waiting.push(change)
        else {
          started.delete(change.task.id)
          if (change.task.status === "running") running.set(change.task.id, change)
          else running.delete(change.task.id)
          waiting.push(withoutDescribed(placed(change)))
        }
      }
      if (waiting.length === 0) return Effect.void
      return Effect.matchCauseEffect(put(waiting), {
        onSuccess: () => Effect.sync(() => remember(waiting)),
        onFailure: (cause) => {
          if (Cause.hasDies(cause)) return writeOneByOne(waiting)
          const refusal = cause.reasons.find(Cause.isFailReason)?.error
          if (refusal?.reason === "lost") return stop(refusal)
          putBack(waiting)
          return Effect.failCause(cause)
        }
      })
    })
  /** Another process has the run. The writer ends here, and a flow's body can't catch that. */
  const stop = ({ message }: StoreError) => {
    closed = true
    lostTo ??= new ExecutorError({ reason: "taken", message })
    onLost?.(lostTo)
    return Effect.interrupt
  }
  const isFresh = (clock: Clock.Clock, maxAgeMs: number): boolean => {
    if (closed) return false
    if (driver === undefined) return true
    const wall = clock.currentTimeMillisUnsafe()
    const monotonic = monotonicMsOf(clock)
    renewed ??= { monotonic, wall }
    return monotonic - renewed.monotonic < maxAgeMs && Math.abs(wall - renewed.wall) < maxAgeMs
  }
  const beat = (changes: ReadonlyArray<Change>) =>
    Effect.clockWith((clock) => {
      const wall = clock.currentTimeMillisUnsafe()
      const monotonic = monotonicMsOf(clock)
      const written = write(
        driver === undefined ? changes : [...changes, { _tag: "Heartbeat", run: driver.run, at: wall }]
      )
      return Effect.map(written, () => {
        renewed = { monotonic, wall }
      })
    })
  return {
    log: (line) => void lines.push(line),
    metric: (point) => void points.push(point),
    card: (card, bytes) =>
      void cards.set(card.task, {
        _tag: "Card",
        card,
        ...(bytes === undefined ? {} : { blob: { digest: card.digest, bytes } })
      }),
    takenOver: (change) =>
      Effect.suspend(() => {
        if (closed) return Effect.void
        takenOver.push(withoutDescribed(placed(change)))
        return takenOver.length < takenOverAtOnce ? Effect.void : write([])
      }),
    running: (change) => {
      placesOf(change.task) // it has them when it is written
      started.set(change.task.id, change)
      running.set(change.task.id, change)
    },
    write,
    leave: Effect.suspend(() => {
      const waiting = take()
      closed = true
      if (driver === undefined) return Effect.void
      return Effect.ignoreCause(put([...waiting, { _tag: "Heartbeat", run: driver.run, at: 0 }]))
    }),
    lostTo: () => lostTo,
    confirm: (maxAgeMs = freshMs) =>
      Effect.clockWith((clock) =>
        closed || isFresh(clock, maxAgeMs) ? Effect.succeed(!closed) : Effect.map(Effect.exit(beat([])), () => !closed)
      ),
    isFresh: (clock) => isFresh(clock, freshMs),
    tick: (clock) => {
      if (closed) return undefined
      // Measured by the clock instead of counting ticks, so that a slow store does not make a run look dead.
      const at = monotonicMsOf(clock)
      const lead = clock.currentTimeMillisUnsafe() - at
      last ??= { beatAt: at, runningAt: at, lead }
      renewed ??= { monotonic: at, wall: at + lead }
      // If the wall clock was set, readers that compare it with the last heartbeat would take the run for dead.
      const isBeatDue =
        driver !== undefined && (at - last.beatAt >= heartbeatIntervalMs || Math.abs(lead - last.lead) > clockStepMs)
      const isRunningDue = at - last.runningAt >= runningIntervalMs
      last.lead = lead
      if (isBeatDue) last.beatAt = at
      const changes = isRunningDue ? [...started.values()] : []
      if (isRunningDue) {
        last.runningAt = at
        started.clear()
      }
      // A temporary failure of the store does not end the run. If it persists, the next awaited write reports it.
      if (isBeatDue) return Effect.ignoreCause(beat(changes))
      return changes.length > 0 || hasBuffered() ? Effect.ignoreCause(write(changes)) : undefined
    },
    endNow: (record, error, at) => {
      if (closed) return
      const changes = take()
      closed = true
      for (const change of running.values())
        changes.push(placed({ ...change, task: interrupted(change.task, error, at) }))
      store.writeNow?.([...changes, { _tag: "Run", run: record }], driver)
    }
  }
}

/** Monotonic time in milliseconds. */
const monotonicMsOf = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

/** The record of a running task that ends with its process. */
const interrupted = (task: TaskRecord, error: ErrorRecord, at: number): TaskRecord => ({
  ...task,
  status: "interrupted",
  finishedAt: at,
  error,
  attempts: task.attempts.map((attempt) =>
    attempt.status === "running" ? { ...attempt, status: "interrupted", finishedAt: at, error } : attempt
  )
})

/** A record without data from user code: an error's data, a flow's output. */
const reduce = (change: Change): Change | undefined => {
  const plain = <T extends { readonly error?: ErrorRecord }>(record: T): T =>
    record.error === undefined
      ? record
      : { ...record, error: { tag: String(record.error.tag), message: String(record.error.message) } }
  if (change._tag === "Run") {
    const { output: _output, ...run } = change.run
    return { ...change, run: plain(run) }
  }
  if (change._tag !== "Task") return undefined
  const { task } = change
  return { ...change, task: plain({ ...task, attempts: task.attempts.map((attempt) => plain(attempt)) }) }
}
