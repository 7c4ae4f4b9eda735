/** Stdout is for results: what a flow's code prints after its body has ended is on stderr. */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { temporaryDirectory } from "../support/directory.ts"
import { run } from "./process.ts"

const file = join(import.meta.dirname, "fixtures", "leftovers.ts")

describe("what a flow leaves running", () => {
  for (const executor of ["fibers", "threads"]) {
    it.live(`prints nothing among the results, on ${executor}`, () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const { code, stderr, stdout } = yield* run(file, ["run", "--executor", executor, "--directory", directory])
        assert.strictEqual(stdout, '{"n":7}\n')
        assert.strictEqual(code, 0)
        for (const printed of ["left by the step", "written by the step", "building", "released"]) {
          assert.include(stderr, printed)
        }
        const { stdout: logs } = yield* run(file, ["logs", "latest", "--directory", directory])
        assert.include(logs, "building")
      })
    )
  }
})
