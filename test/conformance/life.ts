/** The life of runs inside an app, on every store and executor: started, attached to, awaited, cancelled, resumed. */
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { assert, layer as withLayer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import type { ArtifactStore } from "../../src/ArtifactStore.ts"
import * as Flow from "../../src/Flow.ts"
import { FlowError } from "../../src/FlowError.ts"
import * as Run from "../../src/Run.ts"
import type { RunRecord } from "../../src/RunRecord.ts"
import { RunStore } from "../../src/RunStore.ts"
import { temporaryDirectory } from "../support/directory.ts"
import { CalledFlow, Refused, RefusingFlow, SquareFlow, TellingFlow, WaitingFlow, WideFlow } from "./lifeFlows.ts"
import { line, putTask, run as runRecord, task } from "./records.ts"

/** The module of the suite's flows, for workers to import. */
export const flows = new URL("./lifeFlows.ts", import.meta.url)

/** The number of a process that has ended. */
const deadPid = spawnSync(process.execPath, ["--version"]).pid

/** A run whose process is gone. */
export const crashed = (id: string, more: Partial<RunRecord> = {}): RunRecord =>
  runRecord(id, {
    flow: "SquareFlow",
    parameters: { x: 5 },
    host: hostname(),
    pid: deadPid,
    startedAt: 1,
    heartbeatAt: 1,
    ...more
  })

const get = (id: string) =>
  Effect.map(
    Effect.flatMap(RunStore, (store) => store.runs({ id })),
    ([run]) => run as RunRecord
  ) // it is there

/** An event without its cursor. */
const kindOf = ({ cursor: _, ...event }: Run.Event): string => JSON.stringify(event)

/** Waits for a note of a step. */
const noted = (file: string, text: string): Effect.Effect<void> =>
  Effect.suspend(() =>
    existsSync(file) && readFileSync(file, "utf8").includes(text)
      ? Effect.void
      : Effect.andThen(Effect.sleep(10), noted(file, text))
  )

export const suite = <E>(
  name: string,
  layer: Layer.Layer<ArtifactStore | RunStore, E>,
  options: { readonly fibers: boolean }
): void => {
  withLayer(layer, { excludeTestServices: true, timeout: "300 seconds" })(`The life of runs: ${name}`, (it) => {
    it.effect("starts a run, and hands out its id before it ends", () =>
      Effect.gen(function* () {
        const handle = yield* Flow.start(SquareFlow, { x: 4 }, { tags: ["mine"] })
        const record = yield* get(handle.id)
        assert.deepStrictEqual([record.flow, record.parameters, record.tags], ["SquareFlow", { x: 4 }, ["mine"]])
        assert.strictEqual(yield* (yield* handle.await).y, 16)
        assert.strictEqual((yield* get(handle.id)).status, "succeeded")
        yield* handle.interrupt // it has ended
        assert.strictEqual(yield* (yield* handle.await).y, 16)
      })
    )

    it.effect("takes an id for the key of one run, however often it is started", () =>
      Effect.gen(function* () {
        const start = Flow.start(SquareFlow, { x: 6 }, { id: "order-1" })
        const handles = yield* Effect.all(
          Array.from({ length: 10 }, () => start),
          { concurrency: "unbounded" }
        )
        const outputs = yield* Effect.forEach(handles, (handle) => Effect.flatMap(handle.await, ({ y }) => y), {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual([...new Set(outputs)], [36])
        const again = yield* start // it has ended
        assert.strictEqual(yield* (yield* again.await).y, 36)
        const { id, output } = yield* Flow.run(SquareFlow, { x: 6 }, { id: "order-1" })
        assert.deepStrictEqual([id, yield* output.y], ["order-1", 36])
        yield* Flow.run(SquareFlow, { x: 6 }, { id: "order-10" })
        assert.deepStrictEqual(
          (yield* Run.list({ idPrefix: "order-1" })).map(({ id }) => id),
          ["order-10", "order-1"]
        )
        assert.strictEqual((yield* Run.get("order-1")).id, "order-1")
        assert.strictEqual((yield* Run.tasks("order-1")).length, 1)
      })
    )

    it.effect("sorts runs by their start, whatever their ids are", () =>
      Effect.gen(function* () {
        const { id: first } = yield* Flow.run(SquareFlow, {})
        yield* Flow.run(SquareFlow, {}, { id: "zzz" })
        yield* Flow.run(SquareFlow, {}, { id: "000" })
        const { id: last } = yield* Flow.run(SquareFlow, {})
        assert.strictEqual((yield* Run.get("latest")).id, last)
        const newest = yield* Run.list({ limit: 4 })
        assert.deepStrictEqual(
          newest.map(({ id }) => id),
          [last, "000", "zzz", first]
        )
        const before = yield* Run.list({ limit: 2, before: "000" })
        assert.deepStrictEqual(
          before.map(({ id }) => id),
          ["zzz", first]
        )
      })
    )

    it.effect("gives the typed failure of a run to whoever attaches to it", () =>
      Effect.gen(function* () {
        const handle = yield* Flow.start(RefusingFlow, {}, { id: "refused" })
        const attached = yield* Effect.flatMap(Effect.exit(handle.await), () =>
          Flow.start(RefusingFlow, {}, { id: "refused" })
        )
        for (const { await: outcome } of [handle, attached]) {
          const error = yield* Effect.flip(outcome)
          assert.instanceOf(error, Refused)
          assert.strictEqual((error as Refused).limit, 7)
        }
      })
    )

    it.effect("refuses ids that can't be, and those of other runs", () =>
      Effect.gen(function* () {
        for (const id of ["a/b", "x".repeat(300), "", "latest", "é", " a", "../a", "a b"]) {
          const error = yield* Effect.flip(Flow.start(SquareFlow, {}, { id }))
          assert.instanceOf(error, FlowError)
          assert.match(error.message, /^A run of flow "SquareFlow" can't have the id .*: an id has 1 to 128/)
        }
        yield* Flow.run(SquareFlow, { x: 1 }, { id: "taken" })
        const other = yield* Effect.flip(Flow.start(SquareFlow, { x: 2 }, { id: "taken" }))
        assert.strictEqual(
          other.message,
          'Run taken of flow "SquareFlow" was started with other parameters: "x" was 1, and is 2 now. Give this run an id of its own.'
        )
        const flow = yield* Effect.flip(Flow.run(RefusingFlow, {}, { id: "taken" }))
        assert.strictEqual(
          (flow as FlowError).message,
          'Run taken is one of flow "SquareFlow", not of flow "RefusingFlow". Give this run an id of its own.'
        )
      })
    )

    it.effect("continues a run of a given id whose process is gone", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        yield* store.claim({ run: crashed("gone") })
        const handle = yield* Flow.start(SquareFlow, { x: 5 }, { id: "gone" })
        assert.strictEqual(handle.id, "gone")
        assert.strictEqual(yield* (yield* handle.await).y, 25)
        assert.deepStrictEqual([(yield* get("gone")).status, (yield* get("gone")).pid], ["succeeded", process.pid])
      })
    )

    it.effect("waits for a run that another process drives", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const driver = yield* store.claim({
          run: crashed("elsewhere", { host: "another", heartbeatAt: Date.now(), parameters: { x: 9 } })
        })
        const handle = yield* Flow.start(SquareFlow, { x: 9 }, { id: "elsewhere" })
        const waiting = yield* Effect.forkChild(handle.await)
        yield* Effect.sleep(150)
        assert.isUndefined(waiting.pollUnsafe())
        const { output: _, ...record } = yield* get("elsewhere")
        const { output } = yield* Flow.run(SquareFlow, { x: 9 })
        const y = { $ref: { ...(output.y as unknown as { record: object }).record } } as never
        yield* store.write([{ _tag: "Run", run: { ...record, status: "succeeded", output: { y } } }], driver)
        const exit = yield* Effect.exit(Effect.flatMap(handle.await, ({ y }) => y))
        assert.deepStrictEqual(exit, Exit.succeed(81))
      })
    )

    it.effect("tells the events of a run in order, live and late, and goes on after a cursor", () =>
      Effect.gen(function* () {
        const handle = yield* Flow.start(TellingFlow, { lines: 30 })
        const live = yield* Effect.forkChild(Stream.runCollect(handle.events))
        const told = yield* Stream.runCollect(Run.events(handle.id))
        yield* handle.await
        const late = yield* Stream.runCollect(Run.events(handle.id))
        const kinds = ({ cursor: _, ...event }: Run.Event) => event
        const sort = (events: ReadonlyArray<Run.Event>) =>
          events.map((event) => JSON.stringify(kinds(event))).toSorted()
        assert.deepStrictEqual(sort(told), sort(late))
        assert.deepStrictEqual(sort(yield* Fiber.join(live)), sort(late))
        for (const events of [told, late]) {
          assert.deepStrictEqual([events[0]?._tag, events.at(-1)?._tag], ["RunStarted", "RunFinished"])
          for (const task of ["tell/1", "tell/2", "faulty/3"]) {
            const own = events.filter((event) => "task" in event && event.task === task).map(({ _tag }) => _tag)
            assert.strictEqual(own[0], "TaskStarted")
            assert.strictEqual(own.at(-1), "TaskFinished")
            assert.strictEqual(own.filter((tag) => tag === "TaskStarted" || tag === "TaskFinished").length, 2)
          }
          const lines = events.flatMap((event) =>
            event._tag === "Logged" && event.task === "tell/1" ? [event.message] : []
          )
          assert.deepStrictEqual(
            lines,
            Array.from({ length: 30 }, (_, index) => `line ${index}`)
          )
          const attempts = events.flatMap((event) =>
            event._tag === "AttemptFinished" && event.task === "faulty/3" ? [`${event.attempt} ${event.status}`] : []
          )
          assert.deepStrictEqual(attempts, ["1 failed", "2 succeeded"])
          assert.isTrue(
            events.some((event) => event._tag === "Measured" && event.name === "size" && event.value === 30)
          )
          assert.isTrue(events.some((event) => event._tag === "CardShown" && event.task === "tell/1"))
        }
        // From every event on, the rest comes.
        for (let at = 0; at < late.length; at += 7) {
          const after = late[at]?.cursor
          const rest = yield* Stream.runCollect(Run.events(handle.id, { after }))
          assert.deepStrictEqual(rest.map(kinds), late.slice(at + 1).map(kinds))
        }
        const wrong = yield* Effect.flip(Stream.runDrain(Run.events(handle.id, { after: "7" })))
        assert.match(wrong.message, /^"7" is not a cursor of a run's events/)
      })
    )

    it.effect.skipIf(!options.fibers)("tells a late reader every event of many concurrent tasks", () =>
      Effect.gen(function* () {
        const { id } = yield* Flow.run(WideFlow, { tasks: 700 })
        const counts = new Map<string, number>()
        for (const { _tag } of yield* Stream.runCollect(Run.events(id))) counts.set(_tag, (counts.get(_tag) ?? 0) + 1)
        assert.deepStrictEqual(Object.fromEntries(counts), {
          RunStarted: 1,
          TaskStarted: 700,
          AttemptStarted: 700,
          AttemptFinished: 700,
          TaskFinished: 700,
          RunFinished: 1
        })
      })
    )

    it.effect("tells the events of a run that crashed and of the one that resumed it as one stream", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const driver = yield* store.claim({ run: crashed("broken") })
        yield* store.write([{ _tag: "Logs", lines: [line("broken", "", "before")] }], driver)
        const events = yield* Effect.forkChild(Stream.runCollect(Run.events("broken")))
        yield* Effect.sleep(20)
        const [handle] = yield* Flow.resumeCrashed([SquareFlow])
        const found = yield* Fiber.join(events)
        assert.deepStrictEqual(
          found.map((event) => (event._tag === "Logged" ? event.message : event._tag)),
          [
            ...["RunStarted", "before", "RunResumed", "RunStarted", "TaskStarted", "AttemptStarted"],
            ...["squaring 5", "Measured", "AttemptFinished", "TaskFinished", "RunFinished"]
          ]
        )
        assert.deepStrictEqual([found[2]?.run, found[3]?.run], ["broken", handle?.id])
        for (let at = 0; at < found.length; at++) {
          const rest = yield* Stream.runCollect(Run.events("broken", { after: found[at]?.cursor }))
          // Kinds are merged by time, so a line and a point of the same moment may change places from one reader to the next.
          assert.deepStrictEqual(
            rest.map(kindOf).toSorted(),
            found
              .slice(at + 1)
              .map(kindOf)
              .toSorted()
          )
        }
      })
    )

    for (const how of ["step", "retry", "forEach", "called", "computing"] as const) {
      it.effect(`cancels a run: ${how}`, () =>
        Effect.gen(function* () {
          const file = join(yield* temporaryDirectory, "notes")
          const handle = yield* Flow.start(WaitingFlow, { file, how })
          yield* noted(file, "waiting")
          const record = yield* Run.cancel(handle.id, { reason: "enough", by: "a test" })
          assert.deepStrictEqual(
            [record.id, record.status, record.error?.message],
            [handle.id, "interrupted", "It was cancelled by a test: enough"]
          )
          const notes = readFileSync(file, "utf8")
          assert.notInclude(notes, "after")
          if (options.fibers && how !== "retry" && how !== "computing") assert.include(notes, "released")
          for (const task of yield* Run.tasks(handle.id)) assert.notStrictEqual(task.status, "running")
          for (const child of yield* Run.list({ parent: handle.id })) assert.strictEqual(child.status, "interrupted")
          const exit = yield* Effect.exit(handle.await)
          assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
          const error = yield* Effect.flip(Run.cancel(handle.id))
          assert.strictEqual(
            error.message,
            `Run ${handle.id} of flow "WaitingFlow" has already ended, so it can't be cancelled: it was interrupted.`
          )
        })
      )
    }

    it.effect("interrupts a run by its handle", () =>
      Effect.gen(function* () {
        const file = join(yield* temporaryDirectory, "notes")
        const handle = yield* Flow.start(WaitingFlow, { file, how: "step" })
        yield* noted(file, "waiting")
        yield* handle.interrupt
        assert.include((yield* get(handle.id)).error?.message, "cancelled by the program that started it")
      })
    )

    it.effect("marks a run whose process is gone as cancelled, at once", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        yield* store.claim({ run: crashed("dead") })
        const record = yield* Run.cancel("dead", { reason: "gone" })
        assert.strictEqual(record.status, "interrupted")
        assert.match((yield* get("dead")).error?.message ?? "", /^It was cancelled by .*\(process \d+ on .*\): gone$/)
        assert.strictEqual((yield* Effect.flip(Run.cancel("no-such-run"))).message, 'There is no run "no-such-run".')
        yield* Flow.run(SquareFlow, {}, { id: "over" })
        assert.include((yield* Effect.flip(Run.cancel("over"))).message, "can't be cancelled: it succeeded.")
      })
    )

    it.effect("resumes each crashed run once, and one whose resume crashed from there", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const ids = Array.from({ length: 5 }, (_, index) => `crash-${index}`)
        for (const id of ids) yield* store.claim({ run: crashed(id) })
        const handles = (yield* Effect.all(
          [1, 2, 3].map(() => Flow.resumeCrashed([SquareFlow])),
          {
            concurrency: "unbounded"
          }
        )).flat()
        assert.strictEqual(handles.length, 5)
        for (const handle of handles) assert.strictEqual(yield* (yield* handle.await).y, 25)
        const origins = yield* Effect.forEach(handles, ({ id }) => Effect.map(get(id), ({ origin }) => origin))
        assert.deepStrictEqual(origins.toSorted(), ids)
        assert.deepStrictEqual(yield* Flow.resumeCrashed([SquareFlow]), [])
        assert.deepStrictEqual(yield* Run.list({ status: "crashed" }), [])
        // Who asks for a run that was resumed gets what came of it.
        const attached = yield* Flow.start(SquareFlow, { x: 5 }, { id: "crash-0" })
        assert.strictEqual(yield* (yield* attached.await).y, 25)

        yield* store.claim({ run: crashed("first") })
        const { driver } = yield* get("first")
        yield* store.claim({
          run: crashed("second", { origin: "first" }),
          origin: { run: "first", token: driver ?? "" }
        })
        const [only, ...others] = yield* Flow.resumeCrashed([SquareFlow])
        assert.deepStrictEqual(others, [])
        assert.strictEqual((yield* get(only?.id ?? "")).origin, "second")
        yield* only?.await ?? Effect.void
      })
    )

    it.effect("stops resuming a run that crashes each time before it finishes a task", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const crashAgain = Effect.fnUntraced(function* (id: string, origin?: string) {
          if (origin === undefined) return yield* store.claim({ run: crashed(id) })
          const token = (yield* get(origin)).driver ?? ""
          return yield* store.claim({ run: crashed(id, { origin }), origin: { run: origin, token } })
        })
        let driver = yield* crashAgain("loop-0")
        for (let resumes = 1; resumes <= 5; resumes++) {
          driver = yield* crashAgain(`loop-${resumes}`, `loop-${resumes - 1}`)
        }
        const warnings: Array<string> = []
        const quiet = Logger.layer([Logger.make(({ message }) => void warnings.push(String(message)))])
        assert.deepStrictEqual(yield* Effect.provide(Flow.resumeCrashed([SquareFlow]), quiet), [])
        assert.deepStrictEqual(
          warnings.filter((text) => text.includes("loop")),
          [
            'Run loop-5 of flow "SquareFlow" crashed and could not be resumed: each of the last 5 resumes crashed before it finished a task. It is left as it is. Find out what ends the process, then resume the run with Flow.resume(SquareFlow, { origin: "loop-5" }), or allow more resumes with `maxResumes`.'
          ]
        )
        assert.strictEqual((yield* get("loop-5")).resumedBy, undefined)
        // A task that finished is progress.
        yield* store.write([putTask(task("loop-5", 1))], driver)
        const [handle, ...others] = yield* Flow.resumeCrashed([SquareFlow])
        assert.deepStrictEqual(others, [])
        assert.strictEqual((yield* get(handle?.id ?? "")).origin, "loop-5")
        yield* handle?.await ?? Effect.void

        yield* crashAgain("loop-a")
        yield* crashAgain("loop-b", "loop-a")
        assert.deepStrictEqual(yield* Flow.resumeCrashed([SquareFlow], { maxResumes: 1 }), [])
        const [allowed] = yield* Flow.resumeCrashed([SquareFlow], { maxResumes: 2 })
        yield* allowed?.await ?? Effect.void
        assert.throws(() => Flow.resumeCrashed([SquareFlow], { maxResumes: 0 }), /must be a whole number of at least 1/)
      })
    )

    it.effect("leaves alone a crashed run whose parameters do not fit any more, and one that another run called", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        yield* store.claim({ run: crashed("misfit", { parameters: { z: 1 } }) })
        yield* store.claim({ run: crashed("child", { parent: "misfit" }) })
        yield* store.claim({ run: crashed("asked", {}) })
        yield* store.write([{ _tag: "Cancel", run: "asked", request: { at: 1, by: "someone" } }])
        assert.deepStrictEqual(yield* Flow.resumeCrashed([SquareFlow, CalledFlow]), [])
        assert.strictEqual((yield* get("misfit")).resumedBy, undefined)
        assert.strictEqual((yield* get("asked")).status, "interrupted")
        yield* store.remove(["misfit", "child"])
      })
    )
  })
}
