/** `Copy`: what another store then has of a run is what the first one has, and a copy that was cut off is finished. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import {
  Artifact,
  ArtifactStore,
  Card,
  Copy,
  CurrentTask,
  Flow,
  Gc,
  Run,
  RunStore,
  Step,
  Storage,
  Verify
} from "effect-flow"
import { layers } from "./conformance/layers.ts"

class Unlucky extends Schema.TaggedError<Unlucky>()("Unlucky", { message: Schema.String }) {}

let executed = 0

const measure = Step.make("measure", {
  input: { n: Schema.Int },
  output: { small: Schema.Int, large: Artifact.bytes("application/octet-stream") },
  cache: { version: "1" },
  run: Effect.fnUntraced(function* ({ n }) {
    executed++
    yield* Effect.log(`measuring ${n}`)
    yield* Run.metric("n", n)
    yield* Card.append(Card.markdown(`It was **${n}**.`))
    return { small: n, large: new Uint8Array(100_000).fill(n) }
  })
})

const decide = Step.make("decide", {
  input: { small: Schema.Int, lucky: Schema.Boolean },
  output: { decision: Schema.String },
  error: Unlucky,
  run: Effect.fnUntraced(function* ({ lucky, small }) {
    executed++
    const { latest, save } = yield* CurrentTask.checkpoint(Schema.Int)
    if (latest._tag === "None") yield* save(small)
    return lucky ? { decision: `take ${small}` } : yield* new Unlucky({ message: "not today" })
  })
})

const Child = Flow.make("Child", {
  parameters: { n: Schema.Int },
  steps: [measure],
  run: ({ n }) => measure({ n })
})

const Parent = Flow.make("Parent", {
  parameters: { lucky: Schema.Boolean },
  steps: [measure, decide],
  run: Effect.fnUntraced(function* ({ lucky }) {
    const called = yield* Flow.call(Child, { n: 3 })
    const own = yield* measure({ n: 4 })
    yield* decide({ small: own.small, lucky })
    return { called: yield* called.small }
  })
})

/** All that a store has of a run. */
const contents = Effect.fnUntraced(function* (id: string) {
  const store = yield* RunStore.RunStore
  const artifacts = yield* ArtifactStore.ArtifactStore
  const [found] = yield* store.runs({ id })
  const { driver: _, ...run } = found ?? {} // a token of the store's own
  const tasks = yield* store.tasks({ run: id })
  const schemas = new Set(tasks.flatMap(({ inputs, outputs }) => [...inputs, ...outputs].map(({ schema }) => schema)))
  const cards = yield* store.cards({ run: id })
  const digests = new Set([
    ...tasks.flatMap(({ inputs, outputs }) => [...inputs, ...outputs].map(({ digest }) => digest)),
    ...cards.map(({ digest }) => digest)
  ])
  return {
    run,
    tasks,
    logs: (yield* store.logs({ run: id })).map(({ sequence: _, ...line }) => line),
    metrics: (yield* store.metrics({ run: id })).map(({ sequence: _, ...point }) => point),
    cards: cards.map(({ sequence: _, ...card }) => card),
    checkpoints: yield* store.checkpoints({ run: id }),
    schemas: yield* Effect.forEach([...schemas].sort(), store.schema),
    bytes: yield* Effect.forEach([...digests].sort(), artifacts.get)
  }
})

/** Two stores that are open at the same time, as layers that do not build them again. */
const twoStores = Effect.fnUntraced(function* (from: Stores, to: Stores) {
  const [first, second] = [yield* Layer.build(Layer.fresh(from)), yield* Layer.build(Layer.fresh(to))]
  return { from: Layer.succeedContext(first), to: Layer.succeedContext(second) }
})

type Stores = (typeof layers)[number]["layer"]

const failedAndResumed = Effect.gen(function* () {
  yield* Effect.flip(Flow.run(Parent, { lucky: false }, { tags: ["first"] }))
  const failed = yield* Run.get("latest", { flow: "Parent" })
  const { id } = yield* Flow.resume(Parent, { origin: failed.id, parameters: { lucky: true } })
  return { failed: failed.id, resumed: id }
})

/** A store, and the record of a run whose process is gone, to be put into it. */
const crashed = Effect.fnUntraced(function* (from: Layer.Layer<RunStore.RunStore | ArtifactStore.ArtifactStore>) {
  const { id } = yield* Effect.provide(Flow.run(Child, { n: 6 }), from)
  const store = yield* Effect.provide(RunStore.RunStore, from)
  const [ended] = yield* store.runs({ id })
  assert.isDefined(ended)
  const { finishedAt: _, ...running } = ended
  const run = { ...running, id: "0crashed", status: "running" as const, heartbeatAt: 0, host: "elsewhere" }
  return { run, store }
})

describe("Copy", () => {
  for (const { layer, name } of layers) {
    it.effect(`gives ${name} all that is kept of a run and of those it stands on`, () =>
      Effect.gen(function* () {
        const { from, to } = yield* twoStores(Storage.layerMemory, layer)
        const { failed, resumed } = yield* Effect.provide(failedAndResumed, from)
        const copied = yield* Effect.provide(Copy.run(resumed, { to }), from)
        assert.deepStrictEqual(copied.map(({ flow, outcome }) => [flow, outcome]).sort(), [
          ["Child", "copied"],
          ["Child", "copied"],
          ["Parent", "copied"],
          ["Parent", "copied"]
        ])
        assert.strictEqual(copied.at(-1)?.id, resumed)
        for (const { id } of copied) {
          assert.deepStrictEqual(yield* Effect.provide(contents(id), to), yield* Effect.provide(contents(id), from))
        }
        // Nothing is executed again in the other store.
        const before = executed
        const again = yield* Effect.provide(Flow.resume(Parent, { origin: resumed }), to)
        assert.deepStrictEqual(again.output, { called: 3 })
        assert.strictEqual(executed, before)
        assert.isTrue((yield* Effect.provide(Run.get(failed), to)).tags.includes("first"))
      })
    )
  }

  it.effect("leaves a run that is there as it is", () =>
    Effect.gen(function* () {
      const { from, to } = yield* twoStores(Storage.layerMemory, Storage.layerMemory)
      const { id } = yield* Effect.provide(Flow.run(Child, { n: 1 }), from)
      yield* Effect.provide(Copy.run(id, { to }), from)
      yield* Effect.provide(Run.addTags(id, ["mine"]), to)
      const again = yield* Effect.provide(Copy.run(id, { to }), from)
      assert.deepStrictEqual(
        again.map(({ outcome }) => outcome),
        ["present"]
      )
      assert.deepStrictEqual((yield* Effect.provide(Run.get(id), to)).tags, ["mine"])
      assert.include(Copy.toText(again), "was there already")
    })
  )

  it.effect("shows nothing of a run that could not be copied, and finishes it later", () =>
    Effect.gen(function* () {
      const { from, to } = yield* twoStores(Storage.layerMemory, Storage.layerMemory)
      const { id } = yield* Effect.provide(Flow.run(Child, { n: 7 }), from)
      // The other store fails at the last moment, with all but the run's record written.
      const store = yield* Effect.provide(RunStore.RunStore, to)
      const failing = Layer.succeed(RunStore.RunStore, {
        ...store,
        write: (changes) =>
          changes.some(({ _tag }) => _tag === "Run")
            ? Effect.fail(new RunStore.StoreError({ message: "The disk is full." }))
            : store.write(changes)
      })
      const cut = Copy.run(id, { to: Layer.merge(to, failing) })
      assert.strictEqual((yield* Effect.flip(Effect.provide(cut, from))).message, "The disk is full.")
      assert.deepStrictEqual(yield* store.runs({}), [])
      const [copied] = yield* Effect.provide(Copy.run(id, { to }), from)
      assert.deepInclude(copied, { outcome: "copied", artifacts: 0 })
      assert.deepStrictEqual(yield* Effect.provide(contents(id), to), yield* Effect.provide(contents(id), from))
    })
  )

  it.effect("copies again what garbage collection took for not needed", () =>
    Effect.gen(function* () {
      const { from, to } = yield* twoStores(Storage.layerMemory, Storage.layerMemory)
      const { id } = yield* Effect.provide(Flow.run(Child, { n: 5 }), from)
      const store = yield* Effect.provide(RunStore.RunStore, to)
      const artifacts = yield* Effect.provide(ArtifactStore.ArtifactStore, to)
      let removed = 0
      // It comes after the artifacts and before the tasks that refer to them.
      const collecting = Layer.succeed(RunStore.RunStore, {
        ...store,
        write: (changes) =>
          Effect.gen(function* () {
            if (removed === 0)
              removed = (yield* Effect.orDie(artifacts.sweep({ keep: new Set(), before: Number.MAX_SAFE_INTEGER })))
                .artifacts
            yield* store.write(changes)
          })
      })
      yield* Effect.provide(Copy.run(id, { to: Layer.merge(to, collecting) }), from)
      assert.isAbove(removed, 0)
      assert.deepStrictEqual(yield* Effect.provide(contents(id), to), yield* Effect.provide(contents(id), from))
    })
  )

  for (const { layer, name } of layers) {
    it.effect(`lets the later of two processes copy a run into ${name}, whole and once`, () =>
      Effect.gen(function* () {
        const { from, to } = yield* twoStores(Storage.layerMemory, layer)
        const { id } = yield* Effect.provide(Flow.run(Child, { n: 8 }), from)
        const store = yield* Effect.provide(RunStore.RunStore, to)
        let copiedBetween: ReadonlyArray<Copy.CopiedRun> | undefined
        // The second one begins, and ends, when the first has written the log.
        const interrupted = Layer.succeed(RunStore.RunStore, {
          ...store,
          write: (changes, driver) =>
            Effect.gen(function* () {
              yield* store.write(changes, driver)
              if (copiedBetween !== undefined || !changes.some(({ _tag }) => _tag === "Logs")) return
              copiedBetween = yield* Effect.orDie(Effect.provide(Copy.run(id, { to }), from))
            })
        })
        const copied = yield* Effect.provide(Copy.run(id, { to: Layer.merge(to, interrupted) }), from)
        assert.deepStrictEqual(
          copied.map(({ outcome }) => outcome),
          ["present"]
        )
        assert.deepStrictEqual(
          copiedBetween?.map(({ outcome }) => outcome),
          ["copied"]
        )
        assert.deepStrictEqual(yield* Effect.provide(contents(id), to), yield* Effect.provide(contents(id), from))
      })
    )
  }

  it.effect("leaves a run alone that another process copied after it had looked for it", () =>
    Effect.gen(function* () {
      const { from, to } = yield* twoStores(Storage.layerMemory, Storage.layerMemory)
      const { id } = yield* Effect.provide(Flow.run(Child, { n: 2 }), from)
      const store = yield* Effect.provide(RunStore.RunStore, to)
      const late = Layer.succeed(RunStore.RunStore, {
        ...store,
        receive: (run) => Effect.andThen(Effect.orDie(Effect.provide(Copy.run(id, { to }), from)), store.receive(run))
      })
      const [copied] = yield* Effect.provide(Copy.run(id, { to: Layer.merge(to, late) }), from)
      assert.deepInclude(copied, { id, outcome: "present" })
      assert.deepStrictEqual(yield* Effect.provide(contents(id), to), yield* Effect.provide(contents(id), from))
    })
  )

  it.effect("copies no run of which a part was removed meanwhile", () =>
    Effect.gen(function* () {
      const { from, to } = yield* twoStores(Storage.layerMemory, Storage.layerMemory)
      const { id } = yield* Effect.provide(Flow.run(Child, { n: 6 }), from)
      const store = yield* Effect.provide(RunStore.RunStore, from)
      const removing = Layer.succeed(RunStore.RunStore, {
        ...store,
        logs: (query) => Effect.andThen(Effect.when(store.remove([id]), Effect.succeed(true)), store.logs(query))
      })
      const copy = Effect.provide(Copy.run(id, { to }), Layer.merge(from, removing))
      assert.match((yield* Effect.flip(copy)).message, /^Run \S+ of flow "Child" was removed from its store/)
      assert.deepStrictEqual(yield* Effect.provide(Run.list({}), to), [])
    })
  )

  it.effect("copies no run that another process continues meanwhile", () =>
    Effect.gen(function* () {
      const { from, to } = yield* twoStores(Storage.layerMemory, Storage.layerMemory)
      const { run, store } = yield* crashed(from)
      yield* store.write([{ _tag: "Run", run }])
      const continuing = Layer.succeed(RunStore.RunStore, {
        ...store,
        checkpoints: (query) =>
          Effect.andThen(
            store.write([{ _tag: "Run", run: { ...run, status: "failed", finishedAt: run.startedAt } }]),
            store.checkpoints(query)
          )
      })
      yield* TestClock.adjust("1 hour")
      const copy = Effect.provide(Copy.run(run.id, { to }), Layer.merge(from, continuing))
      assert.match(
        (yield* Effect.flip(copy)).message,
        /^Run 0crashed of flow "Child" went on while it was being copied/
      )
      assert.deepStrictEqual(yield* Effect.provide(Run.list({}), to), [])
    })
  )

  it.effect("copies a crashed run that no process resumes by itself where its copy is", () =>
    Effect.gen(function* () {
      const { from, to } = yield* twoStores(Storage.layerMemory, Storage.layerMemory)
      const { run, store } = yield* crashed(from)
      yield* store.claim({ run })
      yield* TestClock.adjust("1 hour")
      yield* Effect.provide(Copy.run("0crashed", { to }), from)
      const warnings: Array<unknown> = []
      const heard = Logger.layer([Logger.make(({ message }) => void warnings.push(message))])
      const resumed = Flow.resumeCrashed([Child]).pipe(Effect.provide(heard))
      assert.deepStrictEqual(yield* Effect.provide(resumed, to), [])
      assert.match(String(warnings), /^Run 0crashed of flow "Child" crashed .*: it was copied from another store/)
      const byHand = yield* Effect.provide(Flow.resume(Child, { origin: "0crashed" }), to)
      assert.deepStrictEqual(yield* Effect.provide(resumed, to), []) // it is resumed
      const [handle] = yield* Effect.provide(resumed, from)
      assert.isDefined(handle)
      yield* handle.await
      assert.notStrictEqual(handle.id, byHand.id)
    })
  )

  it.effect("copies each run after those that it depends on, whichever of them is found first", () =>
    Effect.gen(function* () {
      const { from, to } = yield* twoStores(Storage.layerMemory, Storage.layerMemory)
      const { id } = yield* Effect.provide(Flow.run(Child, { n: 6 }), from)
      const store = yield* Effect.provide(RunStore.RunStore, from)
      const [run] = yield* store.runs({ id })
      assert.isDefined(run)
      const runs = [
        { id: "first", parent: "last/1" },
        { id: "next", origin: "first" },
        { id: "last", origin: "next" }
      ]
      yield* store.write(runs.map((each) => ({ _tag: "Run", run: { ...run, ...each } })))
      const copied = yield* Effect.provide(Copy.run("last", { to }), from)
      assert.deepStrictEqual(
        copied.map((each) => each.id),
        ["first", "next", "last"]
      )
    })
  )

  for (const { layer, name } of layers) {
    it.effect(`shows nothing of a copy that was cut off in ${name}, and collects what is left of it a day later`, () =>
      Effect.gen(function* () {
        const { from, to } = yield* twoStores(Storage.layerMemory, layer)
        const { id } = yield* Effect.provide(Flow.run(Child, { n: 9 }), from)
        const store = yield* Effect.provide(RunStore.RunStore, to)
        const failing = Layer.succeed(RunStore.RunStore, {
          ...store,
          write: (changes, driver) =>
            changes.some(({ _tag }) => _tag === "Run")
              ? Effect.fail(new RunStore.StoreError({ message: "The server stopped." }))
              : store.write(changes, driver)
        })
        yield* Effect.flip(Effect.provide(Copy.run(id, { to: Layer.merge(to, failing) }), from))
        const [task] = yield* store.tasks({ run: id })
        assert.deepStrictEqual(yield* store.uses(task?.outputs[0]?.digest ?? ""), [])
        assert.deepStrictEqual((yield* Effect.provide(Verify.check(), to)).faults, [])
        const collect = Effect.provide(Gc.collect(), to)
        assert.strictEqual((yield* collect).artifacts, 0)
        assert.lengthOf(yield* store.tasks({ run: id }), 1)
        yield* TestClock.adjust("2 days")
        const dry = yield* Effect.provide(Gc.collect({ dryRun: true }), to)
        const { artifacts, bytes } = yield* collect
        assert.isAbove(artifacts, 1)
        assert.deepStrictEqual([dry.artifacts, dry.bytes], [artifacts, bytes])
        assert.lengthOf(yield* store.tasks({ run: id }), 0)
        assert.deepStrictEqual(yield* store.unfinishedCopies, [])
        yield* Effect.provide(Copy.run(id, { to }), from)
        assert.deepStrictEqual(yield* Effect.provide(contents(id), to), yield* Effect.provide(contents(id), from))
      })
    )
  }

  it.effect("says which artifact is missing, which run is still running, and which id is taken", () =>
    Effect.gen(function* () {
      const { from, to } = yield* twoStores(Storage.layerMemory, Storage.layerMemory)
      const { id } = yield* Effect.provide(Flow.run(Child, { n: 9 }), from)
      const messageOf = (
        copy: Effect.Effect<unknown, { readonly message: string }, ArtifactStore.ArtifactStore | RunStore.RunStore>
      ) => Effect.map(Effect.flip(Effect.provide(copy, from)), ({ message }) => message)
      const artifacts = yield* Effect.provide(ArtifactStore.ArtifactStore, from)
      const withoutFiles = Layer.succeed(ArtifactStore.ArtifactStore, {
        ...artifacts,
        stream: (digest) =>
          Stream.fail(new ArtifactStore.ArtifactError({ reason: "missing", message: "It is gone.", digest }))
      })
      assert.strictEqual(
        yield* messageOf(Effect.provide(Copy.run(id, { to }), withoutFiles)),
        `Run ${id} can't be copied without ${id}/measure/1/large: It is gone.`
      )
      const store = yield* Effect.provide(RunStore.RunStore, from)
      const [record] = yield* store.runs({ id })
      assert.isDefined(record)
      const taken = yield* Effect.provide(RunStore.RunStore, to)
      yield* taken.write([{ _tag: "Run", run: { ...record, flow: "Other" } }])
      assert.match(
        yield* messageOf(Copy.run(id, { to })),
        /^The other store already has a different run with the id \S+: one of flow "Other", started at /
      )
      yield* store.claim({ run: { ...record, id: "busy", status: "running", heartbeatAt: Date.now() } })
      assert.strictEqual(
        yield* messageOf(Copy.run("busy", { to })),
        'Run busy of flow "Child" is still running. Copy it once it has ended, or cancel it first.'
      )
    })
  )
})
