/** What every executor does with a task that waits for a worker: collected garbage leaves its inputs, and its time begins later. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Executor } from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import * as Gc from "../../src/Gc.ts"
import { beganAt, isWaiting } from "../../src/RunRecord.ts"
import { RunStore } from "../../src/RunStore.ts"
import { temporaryDirectory } from "../support/directory.ts"
import * as Flows from "./flows.ts"

/**
 * Runs `WaitingFlow`, with a garbage collection without any grace while its last task waits. The time that the task waited is
 * not part of the time that it took.
 */
export const survivesGc = Effect.gen(function* () {
  const gate = join(yield* temporaryDirectory, "gate")
  const store = yield* RunStore
  const running = yield* Effect.forkChild(Flow.run(Flows.WaitingFlow, { gate }))
  const { hasPlaces = false } = yield* Executor
  const recorded = Effect.gen(function* () {
    const [run] = yield* store.runs({ flow: "WaitingFlow", limit: 1 })
    const tasks = run === undefined ? [] : yield* store.tasks({ run: run.id, status: "running" })
    // An executor that tells of its places tells which task waits for one.
    const waiting = tasks.filter(isWaiting).map(({ step }) => step)
    return tasks.length === 3 && (!hasPlaces || waiting.join() === "measure")
  })
  while (!(yield* recorded)) yield* Effect.sleep("20 millis")
  const collected = yield* Gc.collect({ grace: 0 })
  assert.strictEqual(collected.artifacts, 0)
  const openedAt = yield* Clock.currentTimeMillis
  writeFileSync(gate, "")
  assert.deepStrictEqual((yield* Fiber.join(running)).output, { length: 123_456 })
  const [run] = yield* store.runs({ flow: "WaitingFlow", limit: 1 })
  const tasks = yield* store.tasks({ run: run?.id ?? "", step: "measure" })
  const starts = tasks.flatMap((task) => [task, ...task.attempts].map(beganAt))
  assert.strictEqual(starts.length, 2)
  for (const start of starts) assert.isAtLeast(start, openedAt)
}).pipe(Effect.scoped)
