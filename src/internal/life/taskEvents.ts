/**
 * The events of a run's tasks, in the order in which they happened. A task's row is written some time after it started, and
 * says at which places among the run's events its own stand: so an event waits here until all before it are there.
 */
import * as Effect from "effect/Effect"
import type { TaskRecord } from "../../RunRecord.ts"
import { RunStore } from "../../RunStore.ts"
import { placesPerDriver } from "../run/takeover.ts"
import * as Event from "./event.ts"

/** Tasks in one page. */
const pageSize = 500

/** Reads the events of a run's tasks after a place. */
export class TaskEvents {
  readonly #run: string
  /** Events that were read and not delivered, by place. */
  readonly #waiting = new Map<number, Event.WithoutCursor>()
  /** Events of tasks that were recorded before events had places. */
  readonly #old: Array<Event.WithoutCursor> = []
  /** The place of the last event that was delivered. */
  place: number
  #readTo: number
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
    this.#readTo = place
  }

  /**
   * Reads what has been written.
   *
   * @param isFinal Whether nothing more is written.
   */
  read(isFinal: boolean) {
    this.#isFinal = isFinal
    const self = this
    return Effect.gen(function* () {
      const store = yield* RunStore
      while (true) {
        const page = { run: self.#run, changedAfter: self.#readTo, refs: false }
        let tasks = yield* store.tasks({ ...page, limit: pageSize })
        // Those without places have all the same one, so they come together.
        if (tasks.length === pageSize && tasks.at(-1)?.places === undefined) tasks = yield* store.tasks(page)
        for (const task of tasks) self.#take(task)
        self.isExhausted = tasks.length < pageSize
        if (self.isExhausted || self.head() !== undefined) return
      }
    })
  }

  #take(task: TaskRecord): void {
    const { places } = task
    this.#readTo = Math.max(this.#readTo, places?.at(-1) ?? 0)
    this.#most = Math.max(this.#most, this.#readTo)
    Event.ofTask(task).forEach((event, index) => {
      if (places === undefined) this.#old.push(event)
      else {
        const place = places[index]
        if (place !== undefined && place > this.place) this.#waiting.set(place, event)
      }
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
    if (this.#waiting.has(next) || this.#waiting.size === 0) return next
    const driverEnd = (Math.floor(next / placesPerDriver) + 1) * placesPerDriver
    if (!this.#isFinal && this.#most < driverEnd) return next
    let least = Number.POSITIVE_INFINITY
    for (const place of this.#waiting.keys()) least = Math.min(least, place)
    return least
  }
}
