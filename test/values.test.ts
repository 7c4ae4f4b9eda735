/** Artifacts are values: what a task receives is what was stored, bit for bit, whoever reads it, whenever, wherever. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Executor from "../src/Executor.ts"
import * as Flow from "../src/Flow.ts"
import * as Storage from "../src/Storage.ts"
import { temporaryDirectory } from "./support/directory.ts"
import { fingerprint } from "./support/fingerprint.ts"
import { handOver } from "./support/handOver.ts"
import { make } from "./support/randomFlow.ts"
import { kept, refused, ValueTable } from "./support/valueTable.ts"

describe("a random value", () => {
  it.live("is the same when it is handed over, read by the flow, read back and resumed", () => handOver(make("2")))
})

describe("every value of the table", () => {
  const module = new URL("./support/valueTable.ts", import.meta.url)
  for (const [where, executor] of [
    ["fibers", Executor.layerFibers()],
    ["threads", Executor.layerThreads({ module, size: 1 })]
  ] as const) {
    it.live(`is the same for every receiver or refused, on ${where}, and after a resume`, () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        // Built anew for each run, so that nothing is remembered.
        const on = Effect.provide(Layer.merge(executor, Storage.layerLocal({ directory })))
        const first = yield* on(Flow.run(ValueTable, {}))
        const resumed = yield* on(Flow.resume(ValueTable, { origin: first.id }))
        for (const { output } of [first, resumed]) {
          for (const [i, [what, , value]] of kept.entries()) {
            const text = fingerprint(value)
            assert.deepStrictEqual(output.seen[i], { byTask: text, byFlow: text }, what)
          }
          for (const [i, [what, , , path, message]] of refused.entries()) {
            assert.include(
              output.messages[i],
              path === "" ? "breaks its schema: " : `breaks its schema at ${path}: `,
              what
            )
            assert.match(output.messages[i] ?? "", message, what)
          }
        }
      })
    )
  }
})
