/** What a flow's body yields comes back from its run's record exactly, or fails the run with the place of it. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import type { ArtifactError, ArtifactStore } from "../src/ArtifactStore.ts"
import * as Flow from "../src/Flow.ts"
import * as Output from "../src/internal/run/output.ts"
import { isRef } from "../src/Ref.ts"
import * as Run from "../src/Run.ts"
import type { RunStore } from "../src/RunStore.ts"
import * as Step from "../src/Step.ts"
import * as Storage from "../src/Storage.ts"
import { fingerprint } from "./support/fingerprint.ts"

const one = Step.make("one", { output: { n: Schema.Int }, run: () => Effect.succeed({ n: 1 }) })

const flowOf = <A>(make: () => A) =>
  Flow.make("Yields", { steps: [one], run: () => Effect.map(one(), () => make()) as Effect.Effect<A, never, never> })

type Stores = ArtifactStore | RunStore

/** What a body yields, as its caller has it, and as `Run.output` gives it. */
const back = <A>(make: () => A) =>
  Effect.gen(function* () {
    const flow = flowOf(make) as Flow.Any
    const { id, output } = yield* Flow.run(flow, {}) as Effect.Effect<Flow.Result<A>, unknown, Stores>
    return { yielded: output, read: (yield* Run.output(id, flow)) as A }
  }).pipe(Effect.orDie, Effect.provide(Storage.layerMemory))

const failure = (make: () => unknown) =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(
      Flow.run(flowOf(make) as Flow.Any, {}) as Effect.Effect<unknown, ArtifactError, Stores>
    )
    return { error, run: yield* Run.get("latest") }
  }).pipe(Effect.orDie, Effect.provide(Storage.layerMemory))

describe("a flow's output", () => {
  it.effect("comes back as what it was: dates, maps, bigints, bytes, numbers beyond JSON", () =>
    Effect.gen(function* () {
      const value = () => ({
        date: new Date(86_400_000),
        invalid: new Date(Number.NaN),
        map: new Map<unknown, unknown>([[{ a: 1 }, new Set([1n])]]),
        big: 10n ** 30n,
        bytes: Uint8Array.of(1, 2, 3),
        floats: Float32Array.of(0.5, -0),
        numbers: [Number.NaN, Number.NEGATIVE_INFINITY, -0, 0],
        missing: undefined,
        option: [Option.some(new Date(1)), Option.none()],
        result: Result.fail("no"),
        text: "\ud800 half a pair"
      })
      const { read, yielded } = yield* back(value)
      assert.strictEqual(fingerprint(read), fingerprint(value()))
      assert.strictEqual(fingerprint(yielded), fingerprint(value()))
    })
  )

  it.effect("keeps data that looks like a ref or like another tag as data", () =>
    Effect.gen(function* () {
      const value = () => ({
        schema: { items: { $ref: "#/definitions/item" } },
        record: { $ref: { digest: "ab", name: "x" } },
        nested: { $data: { $date: 5 } },
        plain: { $date: 5, and: 1 },
        proto: JSON.parse('{"__proto__":{"a":1}}')
      })
      const { read } = yield* back(value)
      assert.deepStrictEqual(read, value())
      assert.isFalse(isRef(read.record))
    })
  )

  it.effect("keeps refs wherever they are", () =>
    Effect.gen(function* () {
      const flow = Flow.make("Refs", {
        steps: [one],
        run: () => Effect.map(one(), ({ n }) => ({ list: [n], map: new Map([["n", n]]) }))
      })
      const { id } = yield* Flow.run(flow, {})
      const output = yield* Run.output(id, flow)
      assert.strictEqual(yield* output?.list[0] ?? Effect.die("no ref"), 1)
      assert.strictEqual(yield* output?.map.get("n") ?? Effect.die("no ref"), 1)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("is for the caller what the record says: a copy, without getters and views of others' memory", () =>
    Effect.gen(function* () {
      const state = {
        list: [1],
        bytes: Buffer.from([1]),
        pool: new Uint8Array(new SharedArrayBuffer(4)).subarray(1, 3)
      }
      let reads = 0
      const { read, yielded } = yield* back(() => ({
        state,
        holes: new Array(2),
        get count() {
          return ++reads
        }
      }))
      state.list.push(2)
      state.bytes.fill(9)
      state.pool.fill(9)
      const expected = {
        state: { list: [1], bytes: Uint8Array.of(1), pool: new Uint8Array(2) },
        holes: [undefined, undefined],
        count: 1
      }
      assert.strictEqual(fingerprint(read), fingerprint(expected))
      assert.strictEqual(fingerprint(yielded), fingerprint(expected))
    })
  )

  it.effect("keeps the items of a list that was in hand as refs", () =>
    Effect.gen(function* () {
      const flow = Flow.make("Items", {
        steps: [one],
        run: () => Step.forEach([new Date(5), new Date(6)], (item) => Effect.as(one(), item))
      })
      const { id, output } = yield* Flow.run(flow, {})
      for (const items of [output, yield* Run.output(id, flow)]) {
        assert.deepStrictEqual(yield* Effect.forEach(items ?? [], (item) => item), [new Date(5), new Date(6)])
      }
      assert.notStrictEqual(output[0]?.digest, output[1]?.digest)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("keeps refs that a called flow yields within maps, sets, options and exits", () =>
    Effect.gen(function* () {
      const child = Flow.make("Child", {
        steps: [one],
        run: () =>
          Effect.map(one(), ({ n }) => ({
            map: new Map([["n", n]]),
            set: new Set([n]),
            some: Option.some(n),
            exit: Exit.succeed(n)
          }))
      })
      const add = Step.make("add", {
        input: { a: Schema.Int, b: Schema.Int },
        output: { n: Schema.Int },
        run: ({ a, b }) => Effect.succeed({ n: a + b })
      })
      const flow = Flow.make("Parent", {
        steps: [one, add],
        run: Effect.fnUntraced(function* () {
          yield* one()
          const { exit, map, some } = yield* Flow.call(child, {})
          yield* add({ a: Option.getOrThrow(some), b: 0 })
          return yield* add({ a: map.get("n") ?? 0, b: Exit.isSuccess(exit) ? exit.value : 0 })
        })
      })
      const { id, output } = yield* Flow.run(flow, {})
      assert.strictEqual(yield* output.n, 2)
      const task = (yield* Run.tasks(id)).findLast(({ step }) => step === "add")
      // Its parent is a task of the called flow's run, and not the task of the same name in this one.
      assert.match(task?.parents.join() ?? "", /^[^/]+\/one\/\d+$/)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("is undefined where the body yields nothing", () =>
    Effect.gen(function* () {
      const { read } = yield* back(() => undefined)
      assert.isUndefined(read)
    })
  )

  it.effect("fails the run, in a sentence with the place, where it can't be given back", () =>
    Effect.gen(function* () {
      class Engine {
        readonly power = 1
      }
      const cyclic: Record<string, unknown> = { a: 1 }
      cyclic.self = { again: cyclic }
      let deep: object = {}
      for (let i = 0; i < 5000; i++) deep = { deep }
      const refused: ReadonlyArray<readonly [() => unknown, RegExp]> = [
        [() => cyclic, /\(at self\.again\): it is a value that contains itself/],
        [() => ({ car: { engine: new Engine() } }), /\(at car\.engine\): it is an Engine, .*`output: \{ … \}`/],
        [() => ({ f: [() => 1] }), /\(at f\.0\): it is a function/],
        [() => ({ task: Effect.sync(() => 1) }), /\(at task\): it is an Effect that was never run/],
        // Which of the two it is depends on how much of the stack is in use already.
        [() => deep, /nested (more than 1000 levels deep|too deeply: 1,000 levels)/]
      ]
      for (const [make, message] of refused) {
        const { error, run } = yield* failure(make)
        assert.strictEqual(error._tag, "ArtifactError")
        assert.match(error.message, /^The output of flow "Yields" can't be recorded/)
        assert.match(error.message, message)
        assert.strictEqual(run.status, "failed")
        assert.include(run.error?.message, "can't be recorded")
      }
    })
  )

  it.effect("is encoded by the flow's schemas where there are some", () =>
    Effect.gen(function* () {
      class Point extends Schema.Class<Point>("Point")({ x: Schema.Number }) {
        get double() {
          return this.x * 2
        }
      }
      const flow = Flow.make("Declared", {
        output: { point: Point, n: Schema.Int },
        steps: [one],
        run: () => Effect.map(one(), ({ n }) => ({ point: new Point({ x: 4 }), n, at: new Date(5) }))
      })
      const { id } = yield* Flow.run(flow, {})
      const output = yield* Run.output(id, flow)
      assert.strictEqual(output?.point.double, 8)
      assert.strictEqual(output?.at.getTime(), 5)
      assert.strictEqual(yield* output?.n ?? Effect.die("no ref"), 1)
      const other = Flow.make("Declared", {
        output: { point: Schema.String },
        steps: [one],
        run: () => Effect.map(one(), () => ({ point: "" }))
      })
      const error = yield* Effect.flip(Run.output(id, other))
      assert.include(error.message, "(at point): it was recorded under another schema")
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("keeps the errors that the body caught as the errors they are", () =>
    Effect.gen(function* () {
      class TooLarge extends Schema.TaggedError<TooLarge>()("TooLarge", { by: Schema.Int, at: Schema.Date }) {}
      const fail = Step.make("fail", { error: TooLarge, run: () => new TooLarge({ by: 3, at: new Date(5) }) })
      const flow = Flow.make("Caught", {
        steps: [fail],
        run: () => Effect.map(Effect.result(fail()), (end) => ({ end }))
      })
      const { id, output } = yield* Flow.run(flow, {})
      for (const { end } of [output, yield* Run.output(id, flow)] as ReadonlyArray<typeof output>) {
        assert(Result.isFailure(end))
        assert.instanceOf(end.failure, TooLarge)
        assert.deepStrictEqual([end.failure.by, end.failure.at.getTime()], [3, 5])
      }
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("keeps the exits of tasks, with every reason of a failure", () =>
    Effect.gen(function* () {
      class Empty extends Schema.TaggedError<Empty>()("Empty", { at: Schema.Date }) {}
      const fail = Step.make("fail", {
        error: Empty,
        run: () =>
          Effect.failCause(Cause.combine(Cause.fail(new Empty({ at: new Date(5) })), Cause.die({ left: [1n] })))
      })
      const broken = new TypeError("No rows.", { cause: new RangeError("An empty file.") })
      const flow = Flow.make("Exits", {
        steps: [one, fail],
        run: Effect.fnUntraced(function* () {
          const interrupted = yield* Effect.exit(Effect.interrupt)
          const died = yield* Effect.exit(Effect.die(broken))
          return [yield* Effect.exit(one()), yield* Effect.exit(fail()), died, interrupted] as const
        })
      })
      const { id, output } = yield* Flow.run(flow, {})
      for (const [succeeded, failed, died, interrupted] of [output, (yield* Run.output(id, flow)) ?? output]) {
        assert(Exit.isSuccess(succeeded))
        assert.strictEqual(yield* succeeded.value.n, 1)
        assert(Exit.isFailure(failed))
        const [error, defect] = failed.cause.reasons
        assert(error !== undefined && Cause.isFailReason(error) && error.error instanceof Empty)
        assert.deepStrictEqual(error.error.at, new Date(5))
        assert(defect !== undefined && Cause.isDieReason(defect))
        assert.deepStrictEqual(defect.defect, { left: [1n] })
        const thrown = Exit.isFailure(died) ? Cause.squash(died.cause) : undefined
        assert(thrown instanceof Error && thrown.cause instanceof Error)
        assert.deepStrictEqual([thrown.name, thrown.message, thrown.stack], ["TypeError", "No rows.", broken.stack])
        assert.deepStrictEqual([thrown.cause.name, thrown.cause.message], ["RangeError", "An empty file."])
        assert(Exit.isFailure(interrupted) && Cause.hasInterruptsOnly(interrupted.cause))
      }
      const { output: shown } = yield* Run.get(id)
      assert.deepStrictEqual((Output.display(shown ?? null) as ReadonlyArray<unknown>).slice(1), [
        [{ failure: { at: "1970-01-01T00:00:00.005Z", _tag: "Empty" } }, { defect: { left: ["1"] } }],
        { defect: "TypeError: No rows." },
        { interrupted: true }
      ])
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("refuses what an exit can't hold, and secrets in one, with the path", () =>
    Effect.gen(function* () {
      const { error } = yield* failure(() => ({ ends: [Exit.fail(new Error("no"))] }))
      assert.include(error.message, "(at ends.0.error): it is an Error")
      const { error: secret } = yield* failure(() => Exit.succeed(Redacted.make("key")))
      assert.include(secret.message, "(at value): it is a secret (Redacted)")
    })
  )

  it.effect("is the same for any value of plain data", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.anything({
            withBigInt: true,
            withDate: true,
            withMap: true,
            withSet: true,
            withTypedArray: true,
            withSparseArray: false,
            maxDepth: 3
          }),
          (value) =>
            Effect.runPromise(
              Effect.map(
                back(() => value),
                ({ read }) => assert.strictEqual(fingerprint(read), fingerprint(value))
              )
            )
        ),
        { numRuns: 40 }
      )
    )
  )
})
