/**
 * The events of a run's tasks, in the order in which they happened. A task's row is written some time after it started, and
 * says at which places among the run's events its own stand: so an event waits here until all before it are there.
 *
 * Rows are read in the order of their last events. A reader that comes late to many concurrent tasks would have to read
 * all of them before it found the one that started first. So after a page without the next event it also reads the tasks
 * by their numbers, which is about the order of their starts, and leaves the ends to the other order: it holds a few
 * pages, however many tasks there are. (Attempts between the first and the last one of a task wait from its start on.)
 */
import * as Effect from "effect/Effect"
import type { TaskRecord } from "../../RunRecord.ts"
import { RunStore } from "../../RunStore.ts"
import { placesPerDriver } from "../run/takeover.ts"
import * as Event from "./event.ts"

/** Tasks in one page. */
const pageSize = 500

/** The last events of a task that has ended: its last attempt's end, and its own. */
const lastEvents = 2

/** Reads the events of a run's tasks after a place. */
export class TaskEvents {
  readonly #run: string
  /** Events that were read and not delivered, by place. */
  readonly #waiting = new Map<number, Event.WithoutCursor>()
  /** Events of tasks that were recorded before events had places. */
  readonly #old: Array<Event.WithoutCursor> = []
  /** The place of the last event that was delivered. */
  place: number
  /** The last event of the last task that was read in the order of last events. */
  #changedTo: number
  /** The number of the last task that was read in the order of numbers, if the tasks are read so. */
  #numberTo: number | undefined
  /** Whether nothing more was found in that order. */
  #isChangedDone = false
  #isNumberDone = false
  /** The highest place that was read. */
  #most = 0
  /** Whether everything was read that had been written. */
  isExhausted = false
  /** Whether events that are missing will not come any more. */
  #isFinal = false

  /** @param place The place to go on after; -1 for all. */
  constructor(run: string, place: number) {
    this.#run = run
    this.place = place
    this.#changedTo = place
  }

  /** How many events were read and not delivered. */
  get buffered(): number {
    return this.#waiting.size + this.#old.length
  }

  /**
   * Reads what has been written, until the next event is there.
   *
   * @param isFinal Whether nothing more is written.
   */
  read(isFinal: boolean) {
    this.#isFinal = isFinal
    this.isExhausted = false
    this.#isChangedDone = false
    this.#isNumberDone = false
    const self = this
    return Effect.gen(function* () {
      for (let pages = 0; self.head() === undefined && !self.isExhausted; pages++) {
        if (pages > 0) self.#numberTo ??= 0
        const isBehind = self.#changedTo <= self.place
        if (self.#isChangedDone || (self.#numberTo !== undefined && !isBehind && !self.#isNumberDone)) {
          yield* self.#readByNumber
        } else yield* self.#readByChange
        self.isExhausted = self.#isChangedDone && (self.#numberTo === undefined || self.#isNumberDone)
      }
    })
  }

  get #readByChange() {
    const self = this
    return Effect.gen(function* () {
      const store = yield* RunStore
      const page = { run: self.#run, changedAfter: self.#changedTo, refs: false }
      let tasks = yield* store.tasks({ ...page, limit: pageSize })
      // Those without places have all the same one, so they come together.
      if (tasks.length === pageSize && tasks.at(-1)?.places === undefined) tasks = yield* store.tasks(page)
      for (const task of tasks) {
        self.#changedTo = Math.max(self.#changedTo, task.places?.at(-1) ?? 0)
        // What comes before its end is read by its number.
        const isAhead = self.#numberTo !== undefined && task.index > self.#numberTo
        self.#take(task, isAhead ? "end" : "all")
      }
      self.#most = Math.max(self.#most, self.#changedTo)
      self.#isChangedDone = tasks.length < pageSize
    })
  }

  get #readByNumber() {
    const self = this
    return Effect.gen(function* () {
      const after = self.#numberTo ?? 0
      const store = yield* RunStore
      const tasks = yield* store.tasks({ run: self.#run, after, refs: false, limit: pageSize })
      for (const task of tasks) {
        if (task.places !== undefined) self.#take(task, task.status === "running" ? "all" : "beginning")
      }
      self.#numberTo = tasks.at(-1)?.index ?? after
      self.#isNumberDone = tasks.length < pageSize
    })
  }

  #take(task: TaskRecord, part: "all" | "beginning" | "end"): void {
    const { places } = task
    const events = Event.ofTask(task)
    if (places === undefined) {
      this.#old.push(...events)
      return
    }
    const cut = Math.max(events.length - lastEvents, 0)
    events.forEach((event, index) => {
      if (part !== "all" && index < cut !== (part === "beginning")) return
      const place = places[index]
      if (place !== undefined && place > this.place) this.#waiting.set(place, event)
    })
  }

  /** The next event, if it is there. */
  head(): Event.WithoutCursor | undefined {
    return this.#old[0] ?? this.#waiting.get(this.#next())
  }

  /** Takes the next event. */
  shift(): void {
    if (this.#old.length > 0) {
      this.#old.shift()
      if (this.#old.length === 0) this.place = Math.max(this.place, 0)
      return
    }
    this.place = this.#next()
    this.#waiting.delete(this.place)
  }

  /** The next place. What is missing of an earlier driver's events, or of a run that has ended, was never written. */
  #next(): number {
    const next = Math.max(this.place, 0) + 1
    if (this.#waiting.has(next) || this.#waiting.size === 0 || !this.isExhausted) return next
    const driverEnd = (Math.floor(next / placesPerDriver) + 1) * placesPerDriver
    if (!this.#isFinal && this.#most < driverEnd) return next
    let least = Number.POSITIVE_INFINITY
    for (const place of this.#waiting.keys()) least = Math.min(least, place)
    return least
  }
}
