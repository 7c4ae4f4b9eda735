/** A shared store and a cluster from the command line: a worker, a run on it, and verbs that read it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Postgres from "../cluster/postgres.ts"
import { temporaryDirectory } from "../support/directory.ts"
import { TestFlow } from "./fixtures/flow.ts"
import { line } from "./line.ts"
import { flowFile, run, start } from "./process.ts"

describe("a store in Postgres", () => {
  it.live("needs a directory for its blobs, and no other store beside it", () =>
    Effect.gen(function* () {
      const here = line(TestFlow, flowFile, "somewhere")
      const both = yield* here("runs", "--database", "postgres://ada:secret@host/db")
      assert.strictEqual(both.code, 2)
      assert.strictEqual(both.stderr, "--directory and --database select two different stores. Use one of them.\n")
      const env = { EFFECT_FLOW_DATABASE_URL: "postgres://ada:secret@host/db", EFFECT_FLOW_BLOBS: "" }
      const without = yield* run(flowFile, ["runs"], { env })
      assert.strictEqual(without.code, 2)
      assert.match(
        without.stderr,
        /^A store in Postgres keeps large artifacts in a bucket, or in a directory .* EFFECT_FLOW_BLOBS\.\n$/
      )
    })
  )

  it.live("is needed by a worker, which does not say that it works before it can", () =>
    Effect.gen(function* () {
      const worker = line(TestFlow, flowFile, yield* temporaryDirectory)
      const { code, stderr } = yield* worker("worker")
      assert.strictEqual(code, 1)
      assert.match(stderr, /^A cluster needs a Postgres database\b.*\n$/)
    })
  )

  it.live.skipIf(Postgres.binaries === undefined)(
    "takes runs on a cluster's worker, which ends well when it is told to stop",
    () =>
      Effect.gen(function* () {
        const url = yield* Postgres.database
        const blobs = yield* temporaryDirectory
        const flags = ["--database", url, "--blobs", blobs]
        const worker = yield* start(flowFile, ["worker", "--size", "1", ...flags])
        yield* worker.says("Working on TestFlow for 127.0.0.1:")
        const here = line(TestFlow, flowFile)
        const ran = yield* here("run", "--x", "21", "--executor", "cluster", ...flags)
        assert.strictEqual(ran.code, 0, ran.stderr)
        assert.deepStrictEqual(JSON.parse(ran.stdout), { mode: "ok", wait: 0, y: 42, z: 43 })
        assert.match(ran.stderr, /\[first\/1\] x is 21\n/)
        const failed = yield* here("run", "--mode", "fail", "--executor", "cluster", ...flags)
        assert.strictEqual(failed.code, 1)
        assert.match(failed.stderr, /second\/2 failed after 2 attempts: The mode is "fail"\. Its log: /)
        assert.notInclude(failed.stderr, Postgres.password)
        assert.match(failed.stderr, /--database postgres:\/\/flow:PASSWORD@127\.0\.0\.1/)
        const listed = yield* here("runs", ...flags)
        assert.match(listed.stdout, / failed .*\n.* succeeded /)
        worker.child.kill("SIGTERM")
        assert.strictEqual((yield* worker.ended).code, 0)
      })
  )
})
