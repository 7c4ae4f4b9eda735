/** The store that a command line works on: named by a flag, by the environment, or found. */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ArtifactStore } from "../../src/ArtifactStore.ts"
import * as Flow from "../../src/Flow.ts"
import * as Storage from "../../src/Storage.ts"
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
        "EFFECT_FLOW_DIRECTORY and EFFECT_FLOW_DATABASE_URL select two different stores. Use one of them.\n"
      )
    })
  )

  it.live("refuses a directory of blobs for a store that keeps its blobs itself", () =>
    Effect.gen(function* () {
      const directory = join(yield* temporaryDirectory, "store")
      const refused = yield* line(TestFlow, flowFile, directory)("runs", "--blobs", "/shared/blobs")
      assert.strictEqual(refused.code, 2)
      assert.strictEqual(
        refused.stderr,
        "A store in a directory keeps its artifacts there, so --blobs can only name a bucket (s3://bucket/prefix). A directory of blobs belongs to a store in Postgres: name its database with --database, or in EFFECT_FLOW_DATABASE_URL.\n"
      )
      const forgotten = yield* line(TestFlow, flowFile, undefined, { EFFECT_FLOW_BLOBS: "/shared/blobs" })("runs")
      assert.strictEqual(forgotten.code, 2)
      assert.include(forgotten.stderr, "so EFFECT_FLOW_BLOBS can only name a bucket")
      // It may be meant for command lines that name a database.
      const elsewhere = yield* line(TestFlow, flowFile, directory, { EFFECT_FLOW_BLOBS: "/shared/blobs" })("run")
      assert.strictEqual(elsewhere.code, 0)
      const copied = yield* line(TestFlow, flowFile, directory)(
        "copy",
        "latest",
        "--to",
        "other",
        "--to-blobs",
        "/blobs"
      )
      assert.strictEqual(copied.code, 2)
      assert.include(copied.stderr, "so --to-blobs can only name a bucket")
    })
  )

  it.live("in a program is not a bucket, which holds no runs", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(Storage.layerLocal({ directory: "s3://bucket/prefix" })))
      assert.match(error.message, /^s3:\/\/bucket\/prefix is not a directory: .*Open it with Storage\.layerS3/)
    }).pipe(Effect.scoped)
  )

  it.live("syncs each change where --sync asks for it, and says what is lost without it", () =>
    Effect.gen(function* () {
      const SyncFlow = Flow.make("SyncFlow", {
        steps: [],
        run: () =>
          Effect.map(ArtifactStore, ({ location }) => ({
            sync: location?.kind === "local" ? location.sync : undefined
          }))
      })
      const here = line(SyncFlow, flowFile, join(yield* temporaryDirectory, "store"))
      assert.strictEqual((yield* here("run", "--json")).stdout, '{"sync":false}\n')
      assert.strictEqual((yield* here("run", "--json", "--sync")).stdout, '{"sync":true}\n')
      assert.strictEqual((yield* here("resume", "--json", "--sync")).stdout, '{"sync":true}\n')
      for (const verb of ["run", "resume", "worker"]) {
        const { stdout } = yield* here(verb, "--help")
        assert.match(
          stdout.replace(/\s+/g, " "),
          /--sync .*power cut .* without it, the last half minute may be missing/
        )
      }
    })
  )
})
