/**
 * The acceptance suite: every graph times every behaviour that applies to it, in virtual time on the store in memory, and a
 * sample of them on the local one.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import * as Storage from "../../src/Storage.ts"
import { behaviours } from "./behaviours.ts"
import { cases } from "./cases.ts"
import { all, type Pair, sample } from "./sample.ts"

const passed = { memory: 0, local: 0 }

const run = (pair: Pair, where: keyof typeof passed) =>
  TestClock.adjust("1 second").pipe(
    Effect.andThen(pair.run),
    Effect.tap(() => Effect.sync(() => passed[where]++))
  )

describe("in memory", () => {
  for (const [behaviour, pairs] of Map.groupBy(all, (pair) => pair.behaviour)) {
    describe(behaviour.name, () => {
      for (const pair of pairs) {
        it.effect(pair.graph.flow.flowName, () =>
          run(pair, "memory").pipe(Effect.provide(Layer.fresh(Storage.layerMemory)))
        )
      }
    })
  }
})

describe("on the local store", () => {
  const root = mkdtempSync(join(tmpdir(), "effect-flow-acceptance-"))
  afterAll(() => rmSync(root, { recursive: true, force: true }))
  sample.forEach((pair, index) => {
    it.effect(`${pair.behaviour.name}: ${pair.graph.flow.flowName}`, () =>
      run(pair, "local").pipe(Effect.provide(Storage.layerLocal({ directory: join(root, `${index}`) })))
    )
  })
})

afterAll(() => {
  console.log(
    `acceptance: ${cases.length} graphs × ${behaviours.length} behaviours: ${passed.memory} pairs passed in memory, ${passed.local} on the local store`
  )
})
