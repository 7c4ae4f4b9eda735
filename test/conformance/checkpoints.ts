/** Checkpoints on every store and executor: what the next attempt, a resume and a takeover continue from, and what they don't. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, layer as withLayer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import { ArtifactError, ArtifactStore } from "../../src/ArtifactStore.ts"
import * as Flow from "../../src/Flow.ts"
import * as Gc from "../../src/Gc.ts"
import { runFlow } from "../../src/internal/run/runFlow.ts"
import { OwnShutdown, ShutdownSignal } from "../../src/internal/run/takeover.ts"
import * as Run from "../../src/Run.ts"
import { RunStore } from "../../src/RunStore.ts"
import * as Verify from "../../src/Verify.ts"
import { temporaryDirectory } from "../support/directory.ts"
import { CountingFlow, makeWaiting, OtherCodeFlow, Stopped } from "./checkpointFlows.ts"

/** The module of the suite's flows, for workers to import. */
export const flows = new URL("./checkpointFlows.ts", import.meta.url)

const lines = (file: string): ReadonlyArray<string> => readFileSync(file, "utf8").trim().split("\n")

/** A run that failed twice: at 3, and from there at 6. */
const fail = Effect.fnUntraced(function* (seed: number) {
  const file = join(yield* temporaryDirectory, "notes")
  const exit = yield* Effect.exit(Flow.run(CountingFlow, { file, seed }))
  assert.instanceOf(
    Exit.isFailure(exit) ? exit.cause.reasons.map((reason) => "error" in reason && reason.error)[0] : exit,
    Stopped
  )
  const run = yield* Run.latest("CountingFlow")
  return { file, run: run.id }
})

/** The checkpoints of a run, by the names of its tasks and theirs. */
const saved = (run: string) =>
  Effect.map(
    Effect.flatMap(RunStore, (store) => store.checkpoints({ run })),
    (all) =>
      all.flatMap(({ attempt, name, ref, task }) => (ref === undefined ? [] : `${task} ${name} ${attempt}`)).sort()
  )

export const suite = <E>(
  name: string,
  layer: Layer.Layer<ArtifactStore | RunStore, E>,
  { fibers }: { readonly fibers: boolean }
): void =>
  withLayer(layer, { excludeTestServices: true, timeout: 60_000 })(`checkpoints: ${name}`, (it) => {
    it.effect("are continued from by the next attempt and by a resume, and gone when the task has succeeded", () =>
      Effect.gen(function* () {
        const { file, run } = yield* fail(0)
        assert.deepStrictEqual(lines(file), ["0: from 0", "0: from 3"])
        assert.deepStrictEqual(yield* saved(run), ["count/1 checkpoint 2", "count/1 sums 2"])
        yield* Gc.collect({ grace: 0 })
        assert.deepStrictEqual((yield* Verify.check()).faults, [])
        const resumed = yield* Flow.resume(CountingFlow, { origin: run })
        assert.deepStrictEqual(resumed.output, { n: 9, sum: 45 })
        assert.deepStrictEqual(lines(file).slice(2), ["0: from 6"])
        assert.deepStrictEqual(yield* saved(resumed.id), [])
        const store = yield* RunStore
        const [task] = yield* store.tasks({ run: resumed.id })
        assert.deepStrictEqual([task?.how, task?.outputs.length, task?.attempts.length], ["executed", 2, 1])
        // What it left goes with its run.
        const [{ ref } = {}] = yield* store.checkpoints({ run })
        assert(ref !== undefined)
        yield* store.remove([run])
        yield* Gc.collect({ grace: 0 })
        const artifacts = yield* ArtifactStore
        assert.isFalse((yield* artifacts.touch([ref.digest])).has(ref.digest))
      }).pipe(Effect.scoped)
    )
    if (!fibers) return

    it.effect("are not those of other inputs, of other code, or of a step that is executed again", () =>
      Effect.gen(function* () {
        const { file, run } = yield* fail(1)
        yield* Effect.exit(Flow.resume(CountingFlow, { origin: run, parameters: { seed: 2 } }))
        assert.deepStrictEqual(lines(file).slice(2), ["2: from 0", "2: from 3"])
        yield* Effect.exit(Flow.resume(CountingFlow, { origin: run, from: "count" }))
        assert.deepStrictEqual(lines(file).slice(4), ["1: from 0", "1: from 3"])
        const again = yield* Run.latest("CountingFlow")
        yield* Flow.resume(OtherCodeFlow, { origin: run })
        assert.deepStrictEqual(lines(file).slice(6), ["1: otherwise from 0"])
        // A resume of the run that executed the step again has that run's checkpoints, not those of its origin.
        yield* Flow.resume(CountingFlow, { origin: again.id })
        assert.deepStrictEqual(lines(file).slice(7), ["1: from 6"])
      }).pipe(Effect.scoped)
    )

    it.effect("are done without, with a warning, if they are lost", () =>
      Effect.gen(function* () {
        const { file, run } = yield* fail(5)
        const store = yield* RunStore
        const artifacts = yield* ArtifactStore
        const small = (yield* store.checkpoints({ run })).find(({ name }) => name === "checkpoint")
        assert(small?.ref !== undefined)
        const { digest } = small.ref
        const lossy: ArtifactStore["Service"] = {
          ...artifacts,
          values: { get: () => undefined, set: () => {} },
          get: (asked) =>
            asked === digest
              ? Effect.fail(new ArtifactError({ reason: "missing", digest, message: "it is gone" }))
              : artifacts.get(asked)
        }
        yield* Effect.exit(Effect.provideService(Flow.resume(CountingFlow, { origin: run }), ArtifactStore, lossy))
        assert.deepStrictEqual(lines(file).slice(2), ["5: from 0", "5: from 3"])
        const resumed = yield* Run.latest("CountingFlow")
        const messages = (yield* store.logs({ run: resumed.id })).map(({ message }) => message)
        assert.isTrue(
          messages.some((message) =>
            /^The checkpoint "checkpoint" can't be used, so count\/1 starts from nothing: /.test(message)
          ),
          messages.join("\n")
        )
      }).pipe(Effect.scoped)
    )

    it.effect("are continued from by a process that takes the run over, and by a resume of a resume", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const { flow, reached } = makeWaiting()
        const leave = new OwnShutdown()
        const driver = yield* Effect.forkChild(Effect.provideService(Flow.run(flow, { n: 7 }), ShutdownSignal, leave))
        yield* Deferred.await(reached)
        leave.begin()
        yield* Fiber.await(driver)
        const [left] = yield* store.runs({ flow: "WaitingFlow" })
        assert(left !== undefined)
        const takenOver = yield* runFlow(flow, { n: 7 }, { begun: left }) as ReturnType<
          typeof Flow.run<"WaitingFlow", {}, unknown, unknown, never>
        > // erased
        assert.deepStrictEqual([takenOver.id, takenOver.output], [left.id, 8])
        assert.deepStrictEqual(yield* saved(left.id), [])

        // The first resume is stopped before it saves: it holds what it continues from as its own.
        const { file, run } = yield* fail(3)
        const first = yield* store.checkpoints({ run })
        yield* Effect.exit(Flow.resume(CountingFlow, { origin: run, parameters: { seed: 4 } }))
        const second = yield* Run.latest("CountingFlow")
        yield* Flow.resume(CountingFlow, { origin: second.id, parameters: { seed: 3 } })
        assert.deepStrictEqual(lines(file).slice(4), ["3: from 6"], "from the origin's origin")
        assert.strictEqual(first.length, 2)
      }).pipe(Effect.scoped)
    )
  })
