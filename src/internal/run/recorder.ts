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
import type { CardRecord, ErrorRecord, LogRecord, MetricRecord, RunRecord } from "../../RunRecord.ts"
import type { Change, Driver, RunStore, StoreError } from "../../RunStore.ts"
import { Buffered, type TaskChange } from "./buffered.ts"
import { Places } from "./places.ts"
import * as Replay from "./replay.ts"
import type { ResumeState } from "./takeover.ts"
import * as Ticker from "./ticker.ts"

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

/** Records what one run does. */
export class Recorder implements Ticker.Ticking {
  readonly #store: RunStore["Service"]
  readonly #driver: Driver | undefined
  readonly #onLost: ((error: ExecutorError) => void) | undefined
  readonly #buffered = new Buffered()
  readonly #places: Places
  /** All running tasks, and whether the store has them. */
  readonly #running = new Map<string, { readonly change: TaskChange; isStored: boolean }>()
  /** Schemas that are already stored, because all tasks of a step have the same ones. */
  readonly #described = new Set<string>()
  #isClosed = false
  #lostTo: ExecutorError | undefined
  /** When the last heartbeat was due and running tasks were last written, and how far the wall clock was ahead. */
  #last: { beatAt: number; runningAt: number; lead: number } | undefined
  #renewed: Ticker.Now | undefined // claimed just now

  /**
   * @param driver The hold on the run. Without it the recorder is a worker's, which records for runs that others drive.
   * @param before The places of the events that were recorded before this process took the run over.
   * @param onLost Called when another process has claimed the run.
   */
  constructor(
    store: RunStore["Service"],
    driver?: Driver,
    before?: ResumeState["places"],
    onLost?: (error: ExecutorError) => void
  ) {
    this.#store = store
    this.#driver = driver
    this.#places = new Places(before)
    this.#onLost = onLost
  }

  log(line: LogRecord): void {
    this.#buffered.lines.push(line)
  }

  metric(point: MetricRecord): void {
    this.#buffered.points.push(point)
  }

  /** A task's card, in place of the one before. */
  card(card: CardRecord, bytes: Uint8Array | undefined): void {
    this.#buffered.addCard(card, bytes)
  }

  /** A running task; its final record replaces it. */
  running(change: TaskChange): void {
    this.#places.take(change.task) // it has them when it is written
    this.#running.set(change.task.id, { change, isStored: false })
  }

  /**
   * Records a task that an earlier one stands for. It is buffered: if it is lost with the process, no work is lost. Waits
   * only when many are buffered.
   */
  takenOver(change: TaskChange): Effect.Effect<void, StoreError> {
    return Effect.suspend(() => {
      if (this.#isClosed) return Effect.void
      const { takenOver } = this.#buffered
      takenOver.push(this.#withoutDescribed(this.#placed(change)))
      return takenOver.length < takenOverAtOnce ? Effect.void : this.write([])
    })
  }

  /** Makes the buffered changes and these durable. */
  write(changes: ReadonlyArray<Change>): Effect.Effect<void, StoreError> {
    return Effect.suspend(() => {
      if (this.#isClosed) return Effect.void
      const waiting = this.#buffered.take()
      for (const change of changes) waiting.push(change._tag === "Task" ? this.#final(change) : change)
      if (waiting.length === 0) return Effect.void
      return Effect.matchCauseEffect(this.#put(waiting), {
        onSuccess: () => this.#remember(waiting),
        onFailure: (cause) => this.#failed(waiting, cause)
      })
    })
  }

  /** Records that nobody drives the run, so that another process goes on with it, and closes. */
  get leave(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const waiting = this.#buffered.take()
      this.#isClosed = true
      if (this.#driver === undefined) return Effect.void
      return Effect.ignoreCause(this.#put([...waiting, { _tag: "Heartbeat", run: this.#driver.run, at: 0 }]))
    })
  }

  /**
   * Writes everything synchronously, because the process is about to end: the buffered changes, every running task as
   * interrupted, and the run's last record. Then it closes.
   */
  endNow(record: RunRecord, error: ErrorRecord, at: number): void {
    if (this.#isClosed) return
    const changes = this.#buffered.take()
    this.#isClosed = true
    for (const { change } of this.#running.values())
      changes.push(this.#placed({ ...change, task: Replay.interrupted(change.task, error, at) }))
    this.#store.writeNow?.([...changes, { _tag: "Run", run: record }], this.#driver)
  }

  /** Why the run is not this process's any more, if another one has claimed it. Nothing more is recorded by then. */
  get lostTo(): ExecutorError | undefined {
    return this.#lostTo
  }

  /**
   * Whether this process still holds the run. Asks the store, unless the hold was renewed within `maxAgeMs`.
   *
   * @param maxAgeMs Milliseconds. Default: a little more than the time between two heartbeats.
   */
  confirm(maxAgeMs: number = freshMs): Effect.Effect<boolean> {
    return Effect.clockWith((clock) =>
      this.#isClosed || this.isFresh(clock, maxAgeMs)
        ? Effect.succeed(!this.#isClosed)
        : Effect.map(Effect.exit(this.#beat([])), () => !this.#isClosed)
    )
  }

  /** Whether the hold was renewed so lately that `confirm` would not ask the store. */
  isFresh(clock: Clock.Clock, maxAgeMs: number = freshMs): boolean {
    if (this.#isClosed) return false
    if (this.#driver === undefined) return true
    const now = Ticker.nowOf(clock)
    this.#renewed ??= now
    return now.monotonic - this.#renewed.monotonic < maxAgeMs && Math.abs(now.wall - this.#renewed.wall) < maxAgeMs
  }

  /** Writes what is buffered or due. */
  tick(now: Ticker.Now): Effect.Effect<void> | undefined {
    if (this.#isClosed) return undefined
    // Measured by the clock instead of counting ticks, so that a slow store does not make a run look dead.
    const at = now.monotonic
    const lead = now.wall - at
    this.#last ??= { beatAt: at, runningAt: at, lead }
    this.#renewed ??= now
    const last = this.#last
    // If the wall clock was set, readers that compare it with the last heartbeat would take the run for dead.
    const isBeatDue =
      this.#driver !== undefined &&
      (at - last.beatAt >= heartbeatIntervalMs || Math.abs(lead - last.lead) > clockStepMs)
    const isRunningDue = at - last.runningAt >= runningIntervalMs
    last.lead = lead
    if (isBeatDue) last.beatAt = at
    if (isRunningDue) last.runningAt = at
    const changes = isRunningDue ? this.#unstored() : nothing
    // A temporary failure of the store does not end the run. If it persists, the next awaited write reports it.
    if (isBeatDue) return Effect.ignoreCause(this.#beat(changes))
    return changes.length > 0 || !this.#buffered.isEmpty ? Effect.ignoreCause(this.write(changes)) : undefined
  }

  /** Running tasks that the store does not have yet. From now on they count as stored. */
  #unstored(): ReadonlyArray<Change> {
    let changes: Array<Change> | undefined
    for (const running of this.#running.values()) {
      if (running.isStored) continue
      running.isStored = true
      if (changes === undefined) changes = [running.change]
      else changes.push(running.change)
    }
    return changes ?? nothing
  }

  #put(changes: ReadonlyArray<Change>): Effect.Effect<void, StoreError> {
    return this.#store.write(changes, this.#driver)
  }

  #beat(changes: ReadonlyArray<Change>): Effect.Effect<void, StoreError> {
    return Effect.clockWith((clock) => {
      const now = Ticker.nowOf(clock)
      const driver = this.#driver
      const written = this.write(
        driver === undefined ? changes : [...changes, { _tag: "Heartbeat", run: driver.run, at: now.wall }]
      )
      return Effect.map(written, () => {
        this.#renewed = now
      })
    })
  }

  /** A task as it is written. */
  #final(change: TaskChange): TaskChange {
    if (change.task.status === "running") this.#running.set(change.task.id, { change, isStored: true })
    else this.#running.delete(change.task.id)
    return this.#withoutDescribed(this.#placed(change))
  }

  #placed(change: TaskChange): TaskChange {
    return { ...change, task: { ...change.task, places: this.#places.take(change.task) } }
  }

  #withoutDescribed(change: TaskChange): TaskChange {
    return change.schemas.every(({ digest }) => !this.#described.has(digest))
      ? change
      : { ...change, schemas: change.schemas.filter(({ digest }) => !this.#described.has(digest)) }
  }

  #remember(changes: ReadonlyArray<Change>): Effect.Effect<void> {
    for (const change of changes)
      if (change._tag === "Task") for (const { digest } of change.schemas) this.#described.add(digest)
    return Effect.void
  }

  #failed(changes: ReadonlyArray<Change>, cause: Cause.Cause<StoreError>): Effect.Effect<void, StoreError> {
    if (Cause.hasDies(cause)) return this.#writeOneByOne(changes)
    const refusal = cause.reasons.find(Cause.isFailReason)?.error
    if (refusal?.reason === "lost") return this.#stop(refusal)
    // They are kept for the next write.
    for (const change of changes) {
      this.#buffered.putBack(change)
      const running = change._tag === "Task" ? this.#running.get(change.task.id) : undefined
      if (running !== undefined) running.isStored = false
    }
    return Effect.failCause(cause)
  }

  /** Another process has the run. The writer ends here, and a flow's body can't catch that. */
  #stop({ message }: StoreError): Effect.Effect<never> {
    this.#isClosed = true
    this.#lostTo ??= new ExecutorError({ reason: "taken", message })
    this.#onLost?.(this.#lostTo)
    return Effect.interrupt
  }

  /** Changes are written one by one, so that a change that makes the store throw does not prevent the others. */
  #writeOneByOne(changes: ReadonlyArray<Change>): Effect.Effect<void, StoreError> {
    return Effect.forEach(
      changes,
      (change) =>
        Effect.catchDefect(this.#put([change]), (defect) => {
          const reduced = reduce(change)
          return reduced === undefined
            ? this.#leftOut(change, defect)
            : Effect.catchDefect(this.#put([reduced]), () => this.#leftOut(change, defect))
        }),
      { discard: true }
    )
  }

  /** Logs that a change was left out. */
  #leftOut(change: Change, defect: unknown): Effect.Effect<void, StoreError> {
    return Effect.flatMap(Clock.currentTimeMillis, (at) => {
      const message = `A change could not be recorded (${change._tag}): ${Cause.pretty(Cause.die(defect)).split("\n")[0]}`
      const run = this.#driver?.run ?? ""
      return this.#put([{ _tag: "Logs", lines: [{ run, task: "", attempt: 1, at, level: "Error", message }] }])
    })
  }
}

const nothing: ReadonlyArray<Change> = []

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
