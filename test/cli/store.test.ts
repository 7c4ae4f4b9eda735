/** The store that a command line works on: named by a flag, by the environment, or found. */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { temporaryDirectory } from "../support/directory.ts"
import { TestFlow } from "./fixtures/flow.ts"
import { line } from "./line.ts"
import { flowFile } from "./process.ts"

describe("the store of a command line", () => {
  it.live("is what EFFECT_FLOW_DIRECTORY names; a run says so, and what it offers to type needs no flag", () =>
    Effect.gen(function* () {
      const directory = join(yield* temporaryDirectory, "store")
      const here = line(TestFlow, flowFile, undefined, { EFFECT_FLOW_DIRECTORY: directory })
      const failed = yield* here("run", "--mode", "throw")
      assert.strictEqual(failed.code, 1)
      assert.include(failed.stderr, `artifacts in ${directory}`)
      assert.match(failed.stderr, /npx tsx flow\.ts resume [0-9a-z]{26}$/m)
      assert.strictEqual((yield* here("runs")).stdout.trim().split("\n").length, 2)
    })
  )

  it.live("is what a flag names, whatever the environment says", () =>
    Effect.gen(function* () {
      const directory = join(yield* temporaryDirectory, "store")
      const elsewhere = { EFFECT_FLOW_DIRECTORY: "/nowhere", EFFECT_FLOW_DATABASE_URL: "postgres://host/db" }
      const here = line(TestFlow, flowFile, directory, elsewhere)
      const ran = yield* here("run")
      assert.include(ran.stderr, `artifacts in ${directory}`)
    })
  )

  it.live("is not guessed where the environment names two", () =>
    Effect.gen(function* () {
      const here = line(TestFlow, flowFile, undefined, {
        EFFECT_FLOW_DIRECTORY: "somewhere",
        EFFECT_FLOW_DATABASE_URL: "postgres://host/db"
      })
      const ended = yield* here("runs")
      assert.strictEqual(ended.code, 2)
      assert.strictEqual(
        ended.stderr,
        "EFFECT_FLOW_DIRECTORY and EFFECT_FLOW_DATABASE_URL name two stores; give one of them.\n"
      )
    })
  )
})
