/**
 * Streams the events of a run from the store, in any process: past and live events, from the start or from a cursor,
 * each event once. Readers pull pages, so a slow reader does not affect the run.
 *
 * A cursor names the run, and the last event that was read of its tasks, lines, points and cards: each kind has an order of
 * its own in the store. The kinds are merged by time, and so that a task's lines come between its start and its end.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { FlowError } from "../../FlowError.ts"
import { RunStore, type StoreError } from "../../RunStore.ts"
import * as Runs from "../history/runs.ts"
import * as Event from "./event.ts"
import * as Successor from "./successor.ts"
import { TaskEvents } from "./taskEvents.ts"

/** The interval at which a running run is polled for new events, in real time. */
const intervalMs = 100
const pause = Effect.provideService(Effect.sleep(intervalMs), Clock.Clock, Clock.Clock.defaultValue())

/** Lines and points in one page, and about how many events a reader gets at once. */
const pageSize = 500

/** The events of a run. */
export const events = (
  run: Runs.Named,
  options: { readonly after?: string | undefined }
): Stream.Stream<Event.Event, Runs.RunNotFound | FlowError | StoreError, RunStore> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const place = options.after === undefined ? undefined : yield* parse(options.after)
      const { id } = yield* Runs.named(place?.run ?? run)
      if (place?.tasks === over) return Stream.empty
      const reader = new Reader(place ?? before(id))
      return Stream.paginate(reader, (reader) => reader.next)
    })
  )

/** The position of a reader. */
interface Place {
  readonly run: string
  readonly tasks: number
  readonly lines: number
  readonly points: number
  readonly cards: number
}

/** The place among tasks of a reader that has not even read that the run started. */
const unstarted = -2

/** The place among tasks of a reader that has read that the run ended. */
const over = -3

/** Before the first event of a run. */
const before = (run: string): Place => ({ run, tasks: unstarted, lines: 0, points: 0, cards: 0 })

const parse = (cursor: string): Effect.Effect<Place, FlowError> => {
  const [run = "", ...numbers] = cursor.split(":")
  const [tasks, lines, points, cards] = numbers.map(Number)
  return run !== "" && numbers.length === 4 && numbers.every((number) => /^-?\d{1,16}$/.test(number))
    ? Effect.succeed({ run, tasks, lines, points, cards } as Place) // four of them
    : Effect.fail(
        new FlowError({
          reason: "id",
          message: `${JSON.stringify(cursor.slice(0, 100))} is not a cursor of a run's events: give the \`cursor\` of an event that Run.events has yielded.`
        })
      )
}

/** Something to deliver from one of the kinds that the store numbers. */
interface Numbered {
  readonly sequence: number
  readonly event: Event.WithoutCursor & { readonly task: string }
}

/** A kind of events that the store numbers, a page at a time. */
class Pages {
  #page: ReadonlyArray<Numbered> = []
  #at = 0
  #isWhole = true
  /** The store's last number of this kind before the last page was read. */
  #heard = -1
  readonly #read: (after: number) => Effect.Effect<ReadonlyArray<Numbered>, StoreError, RunStore>
  /** The last one that was delivered. */
  after: number

  constructor(after: number, read: (after: number) => Effect.Effect<ReadonlyArray<Numbered>, StoreError, RunStore>) {
    this.after = after
    this.#read = read
  }

  /**
   * Reads the next page.
   *
   * @param heard How far this kind has come.
   */
  fill(heard: number): Effect.Effect<void, StoreError, RunStore> {
    this.#heard = heard
    return Effect.map(this.#read(this.after), (page) => {
      this.#page = page
      this.#at = 0
      this.#isWhole = page.length < pageSize
    })
  }

  /** Whether this page is delivered, and there may be more: then that is to be read before anything else is delivered. */
  isEmptied(heard: number): boolean {
    return this.#at >= this.#page.length && !(this.#isWhole && heard === this.#heard)
  }

  head(): Numbered | undefined {
    return this.#page[this.#at]
  }

  shift(): void {
    this.after = (this.#page[this.#at] as Numbered).sequence // there is a head
    this.#at++
  }

  /** Whether this page has more of a task. */
  has(task: string): boolean {
    for (let at = this.#at; at < this.#page.length; at++) if (this.#page[at]?.event.task === task) return true
    return false
  }
}

/** Reads the events of a run, and of the runs that resume it. */
class Reader {
  #run: string
  #isFirst: boolean
  #tasks: TaskEvents
  #lines: Pages
  #points: Pages
  #cards: Pages
  /** Tasks whose start was delivered. */
  readonly #started = new Set<string>()
  #out: Array<Event.Event> = []

  constructor(place: Place) {
    this.#run = place.run
    this.#isFirst = place.tasks === unstarted
    this.#tasks = new TaskEvents(place.run, Math.max(place.tasks, -1))
    this.#lines = lines(place)
    this.#points = points(place)
    this.#cards = cards(place)
  }

  #push(event: Event.WithoutCursor): void {
    const tasks = event._tag === "RunFinished" ? over : this.#isFirst ? unstarted : this.#tasks.place
    const cursor = `${this.#run}:${tasks}:${this.#lines.after}:${this.#points.after}:${this.#cards.after}`
    this.#out.push({ ...event, cursor } as Event.Event) // what `Omit` took is back
  }

  /** The next events, and this reader unless the run is over. */
  get next(): Effect.Effect<
    readonly [ReadonlyArray<Event.Event>, Option.Option<Reader>],
    Runs.RunNotFound | StoreError,
    RunStore
  > {
    const self = this
    return Effect.gen(function* () {
      while (true) {
        self.#out = []
        const isOver = yield* self.#read
        if (self.#out.length > 0 || isOver) return [self.#out, isOver ? Option.none() : Option.some(self)] as const
        yield* pause
      }
    })
  }

  /** Delivers what is there, up to about a page, and yields whether that was all of a run that has ended. */
  get #read() {
    const self = this
    return Effect.gen(function* () {
      const [run] = yield* (yield* RunStore).runs({ id: self.#run })
      if (run === undefined) {
        const message = `Run ${self.#run} is no longer in the store: it was removed.`
        return yield* new Runs.RunNotFound({ run: self.#run, reason: "none", candidates: [], message })
      }
      if (self.#isFirst) {
        self.#isFirst = false
        self.#push(Event.started(run))
      }
      const current = yield* Successor.follow(run)
      const isFinal = run.status !== "running" || current.run.id !== run.id
      // Tasks first: the lines of those that have ended are there by then.
      yield* self.#tasks.read(isFinal)
      const pulse = yield* (yield* RunStore).pulse(self.#run)
      const numbered = [self.#lines, self.#points, self.#cards]
      const heard = [pulse.lines, pulse.points, pulse.cards]
      while (self.#out.length < pageSize) {
        // What is read of tasks after the lines may have ended with lines that were not there then.
        if (self.#tasks.head() === undefined && !self.#tasks.isExhausted) return false
        for (const [kind, pages] of numbered.entries()) {
          const to = heard[kind] as number // one for each kind
          if (pages.isEmptied(to)) yield* pages.fill(to)
        }
        if (!(yield* self.#deliver(numbered, isFinal))) break
      }
      if (!isFinal || self.#tasks.head() !== undefined || numbered.some((pages) => pages.head() !== undefined))
        return false
      if (run.status !== "running") {
        self.#push(Event.finished(run))
        return true
      }
      const by = run.resumedBy ?? current.run.id
      self.#begin(by)
      self.#push({ _tag: "RunResumed", run: run.id, at: current.run.startedAt, by })
      return false
    })
  }

  /** Continues with the run that resumed this one. */
  #begin(run: string): void {
    const place = before(run)
    this.#run = run
    this.#isFirst = true
    this.#tasks = new TaskEvents(run, -1)
    this.#lines = lines(place)
    this.#points = points(place)
    this.#cards = cards(place)
    this.#started.clear()
  }

  /** Delivers the next event, if there is one whose turn it is. */
  #deliver(numbered: ReadonlyArray<Pages>, isFinal: boolean): Effect.Effect<boolean, StoreError, RunStore> {
    const task = this.#tasks.head()
    let first: Pages | undefined
    for (const pages of numbered) {
      const at = pages.head()?.event.at
      if (at !== undefined && at < (first?.head()?.event.at ?? Number.POSITIVE_INFINITY)) first = pages
    }
    if (first === undefined) return Effect.succeed(task !== undefined && this.#deliverTask(task))
    const { event } = first.head() as Numbered // it has one
    const isEnd = task?._tag === "TaskFinished" || task?._tag === "AttemptFinished"
    const isTaskFirst =
      task !== undefined &&
      (isEnd ? event.at > task.at && !numbered.some((pages) => pages.has(task.task)) : event.at >= task.at)
    if (isTaskFirst) return Effect.succeed(this.#deliverTask(task))
    const pages = first
    return Effect.map(this.#hasStarted(event.task), (hasStarted) => {
      if (!hasStarted && task !== undefined) return this.#deliverTask(task)
      // Its task was not written yet.
      if (!hasStarted && !isFinal) return false
      pages.shift()
      this.#push(event)
      return true
    })
  }

  #deliverTask(event: Event.WithoutCursor): boolean {
    this.#tasks.shift()
    if (event._tag === "TaskStarted") this.#remember(event.task)
    this.#push(event)
    return true
  }

  #remember(task: string): void {
    if (this.#started.size >= rememberedTasks) this.#started.clear()
    this.#started.add(task)
  }

  #hasStarted(task: string): Effect.Effect<boolean, StoreError, RunStore> {
    if (task === "" || this.#started.has(task)) return Effect.succeed(true)
    return Effect.map(
      Effect.flatMap(RunStore, (store) => store.tasks({ run: this.#run, id: task, limit: 1, refs: false })),
      ([record]) => {
        const hasStarted = record !== undefined && (record.places?.[0] ?? 0) <= this.#tasks.place
        if (hasStarted) this.#remember(task)
        return hasStarted
      }
    )
  }
}

/** So many tasks are known to have started without asking. */
const rememberedTasks = 10_000

const lines = ({ lines, run }: Place) =>
  new Pages(lines, (after) =>
    Effect.map(
      Effect.flatMap(RunStore, (store) => store.logs({ run, after, limit: pageSize })),
      (lines) => lines.map(({ sequence, ...line }) => ({ sequence, event: { _tag: "Logged" as const, ...line } }))
    )
  )

const points = ({ points, run }: Place) =>
  new Pages(points, (after) =>
    Effect.map(
      Effect.flatMap(RunStore, (store) => store.metrics({ run, after, limit: pageSize })),
      (points) =>
        points.map(({ sequence = 0, ...point }) => ({ sequence, event: { _tag: "Measured" as const, ...point } }))
    )
  )

const cards = ({ cards, run }: Place) =>
  new Pages(cards, (after) =>
    Effect.map(
      Effect.flatMap(RunStore, (store) => store.cards({ run, after })),
      (cards) => cards.map(({ sequence, ...card }) => ({ sequence, event: { _tag: "CardShown" as const, ...card } }))
    )
  )
