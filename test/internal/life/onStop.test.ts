/** What becomes of started runs when the program that started them stops. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Executor from "../../../src/Executor.ts"
import * as Flow from "../../../src/Flow.ts"
import * as Run from "../../../src/Run.ts"
import * as Storage from "../../../src/Storage.ts"
import { flows } from "../../conformance/life.ts"
import { CalledFlow, NappingFlow } from "../../conformance/lifeFlows.ts"
import { temporaryDirectory } from "../../support/directory.ts"

const noted = (file: string): Effect.Effect<void> =>
  Effect.suspend(() => (existsSync(file) ? Effect.void : Effect.andThen(Effect.sleep(10), noted(file))))

/** Starts a run in a program that ends while it goes on. */
const stop = Effect.fnUntraced(function* (
  directory: string,
  onStop: Layer.Layer<never>,
  executor: Layer.Layer<never> = Layer.empty,
  isLong = false
) {
  const file = join(directory, "notes")
  const id = yield* Effect.gen(function* () {
    const handle = yield* isLong ? Flow.start(CalledFlow, { file }) : Flow.start(NappingFlow, { file })
    yield* noted(file)
    return handle.id
  }).pipe(Effect.provide([Storage.layerLocal({ directory }), onStop, executor, Logger.layer([])]))
  return { id, notes: readFileSync(file, "utf8") }
})

const read = (directory: string, id: string) =>
  Effect.provide(
    Effect.flatMap(Run.get(id), (run) => Effect.map(Run.status(run), (status) => ({ run, status }))),
    Storage.layerLocal({ directory, readOnly: true })
  )

describe("a program that stops", () => {
  for (const [name, executor] of [
    ["fibers", Layer.empty],
    ["threads", Executor.layerThreads({ module: flows, size: 1 })]
  ] as const) {
    it.live(`interrupts its runs, and records that: ${name}`, () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const { id } = yield* stop(directory, Layer.empty, executor, true)
        const { run, status } = yield* read(directory, id)
        assert.strictEqual(status, "interrupted")
        assert.strictEqual(run.error?.message, "It was cancelled by the program that ran it: it stopped.")
      })
    )
  }

  it.live("lets its runs finish", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const { id, notes } = yield* stop(directory, Flow.layerOnStop("finish"))
      assert.strictEqual((yield* read(directory, id)).status, "succeeded")
      assert.strictEqual(notes, "napping\nrested\n")
    })
  )

  it.live("lets its runs finish within a bound", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const { id } = yield* stop(directory, Flow.layerOnStop("finish", { within: 50 }), Layer.empty, true)
      assert.strictEqual((yield* read(directory, id)).status, "interrupted")
    })
  )

  it.live("leaves its runs to another program, which resumes them", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const { id, notes } = yield* stop(directory, Flow.layerOnStop("leave"))
      assert.strictEqual(notes, "napping\n")
      assert.strictEqual((yield* read(directory, id)).status, "crashed")
      yield* Effect.gen(function* () {
        const [handle] = yield* Flow.resumeCrashed([NappingFlow])
        assert.isDefined(handle)
        yield* handle.await
        assert.strictEqual((yield* Run.get(handle.id)).origin, id)
      }).pipe(Effect.provide(Storage.layerLocal({ directory })))
      assert.strictEqual(readFileSync(join(directory, "notes"), "utf8"), "napping\nnapping\nrested\n")
    })
  )

  it.live("resumes what crashed when it starts, and what crashes later", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const first = yield* stop(directory, Flow.layerOnStop("leave"))
      const supervised = Flow.supervise([NappingFlow], { every: 50 }).pipe(
        Layer.provideMerge(Storage.layerLocal({ directory }))
      )
      yield* Effect.gen(function* () {
        const resumed = (id: string): Effect.Effect<unknown, unknown, never> =>
          Effect.flatMap(read(directory, id), ({ run }) =>
            run.resumedBy === undefined ? Effect.andThen(Effect.sleep(20), resumed(id)) : Effect.void
          )
        yield* resumed(first.id)
        const second = yield* stop(directory, Flow.layerOnStop("leave"))
        yield* resumed(second.id)
      }).pipe(Effect.provide(supervised))
    })
  )
})
