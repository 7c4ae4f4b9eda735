/** What reaches a step on threads as it does on fibers: references with plain data, annotations, and the causes of a defect back. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import * as Run from "../../src/Run.ts"
import * as Storage from "../../src/Storage.ts"
import { CallerFlow, DyingFlow, RandomFlow, Tenant } from "./callerFlow.ts"

const directory = mkdtempSync(join(tmpdir(), "effect-flow-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const executors = {
  fibers: Executor.layerFibers({ concurrency: 1 }),
  threads: Executor.layerThreads({ module: new URL("./callerFlow.ts", import.meta.url), size: 1 })
}

describe("the caller's context", () => {
  it.live("is the same on fibers and on threads, and so are the causes of a defect", () =>
    Effect.forEach(Object.entries(executors), ([name, layer]) =>
      Effect.gen(function* () {
        const { id, output } = yield* Flow.run(CallerFlow, {}).pipe(
          Effect.provideService(Tenant, { name: "acme", ids: [1, 2] }),
          Effect.annotateLogs({ request: 7 })
        )
        assert.strictEqual(output, "acme 1+2", name)
        const lines = yield* Run.logs(id, { step: "see" })
        assert.deepStrictEqual(
          lines.map(({ message }) => message),
          ['seen request=7 inner="two words"'],
          name
        )
        yield* Effect.exit(Flow.run(DyingFlow, {}))
        const [task] = yield* Run.tasks("latest")
        assert.deepInclude(task?.error?.causes ?? [], { tag: "Error", message: "ECONNREFUSED here" }, name)
      }).pipe(Effect.provide(layer))
    ).pipe(Effect.provide(Storage.layerLocal({ directory })), Effect.asVoid)
  )

  it.live("has random numbers that its seed decides, the same on fibers and on threads, each task its own", () =>
    Effect.gen(function* () {
      const drawn = Effect.fnUntraced(function* (layer: Layer.Layer<never>, seed: string) {
        const twice = Effect.all([Flow.run(RandomFlow, {}), Flow.run(RandomFlow, {})])
        const runs = yield* twice.pipe(Random.withSeed(seed), Effect.provide(layer))
        return runs.map(({ output }) => output)
      })
      const onFibers = yield* drawn(executors.fibers, "a")
      assert.strictEqual(new Set(onFibers.flat(2)).size, 16) // no two tasks, and no two runs, draw the same
      assert.deepStrictEqual(yield* drawn(executors.fibers, "a"), onFibers)
      assert.deepStrictEqual(yield* drawn(executors.threads, "a"), onFibers)
      assert.notDeepEqual(yield* drawn(executors.fibers, "b"), onFibers)
      // A test's own generator stays what it is.
      const constant = { nextIntUnsafe: () => 7, nextDoubleUnsafe: () => 0.5 }
      const { output } = yield* Effect.provideService(Flow.run(RandomFlow, {}), Random.Random, constant)
      assert.deepStrictEqual(
        output,
        Array.from({ length: 4 }, () => [0.5, 7])
      )
    }).pipe(Effect.provide(Storage.layerLocal({ directory })))
  )
})
