/**
 * An executor decides where a body runs, and nothing else: whatever a body does, the record of its run is the same on threads
 * as on fibers, on a store in SQLite as on Postgres.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import * as Run from "../../src/Run.ts"
import { RunStore } from "../../src/RunStore.ts"
import { layers } from "../conformance/layers.ts"
import { names, Same } from "./sameFlows.ts"

/** A stack's place in the test's file counts, and its path through the library does not. */
const withoutPaths = (key: string, value: unknown): unknown =>
  key === "stack" && typeof value === "string"
    ? [value.split("\n")[0], value.includes("sameFlows.ts")]
    : Object.is(value, -0)
      ? "-0"
      : value

/** All that is recorded of a run of the body, but for ids and times. */
const recorded = Effect.fnUntraced(function* (how: string) {
  yield* Effect.exit(
    Flow.run(Same, { how }).pipe(
      Random.withSeed("seed"),
      Effect.annotateLogs({ at: new Date(0), two: "two words", map: new Map([["a", 1]]), of: class Mine {} }),
      Effect.withLogSpan("no time")
    )
  )
  const run = yield* Run.get("latest")
  const store = yield* RunStore
  const tasks = yield* Run.tasks(run)
  const record = {
    run: [run.status, run.error, run.tags],
    tasks: tasks.map(({ attempts, error, id, outputs, status }) => ({
      id,
      status,
      error,
      outputs: outputs.map(({ digest, name }) => [name, digest]),
      attempts: attempts.map(({ error, number, status }) => ({ number, status, error }))
    })),
    lines: (yield* Run.logs(run)).map(({ attempt, level, message, task }) => [task, attempt, level, message]),
    points: (yield* Run.metrics(run)).map(({ name, step, task, value }) => [task, name, step, value]),
    cards: (yield* store.cards({ run: run.id })).map(({ attempt, size, task }) => [task, attempt, size])
  }
  const text = JSON.stringify(record, withoutPaths, 1)
    .replaceAll(run.id, "RUN")
    .replaceAll(/no_time=\d+ms/g, "no_time")
  assert.notInclude(text, "open-sesame", how)
  return text
})

const module = new URL("./sameFlows.ts", import.meta.url)
const records = (executor: Layer.Layer<never>) => Effect.forEach(names, recorded).pipe(Effect.provide(executor))

describe("the record of a run is the same on fibers and on threads", () => {
  for (const { layer, name } of layers.filter(({ name }) => !name.includes("memory"))) {
    it.live(
      `whatever the body does, ${name}`,
      () =>
        Effect.gen(function* () {
          const fibers = yield* records(Executor.layerFibers())
          const threads = yield* records(Executor.layerThreads({ module, size: 1 }))
          for (const [i, how] of names.entries()) assert.strictEqual(threads[i], fibers[i], how)
        }).pipe(Effect.provide(Layer.merge(layer, Logger.layer([])))),
      120_000
    )
  }
})
