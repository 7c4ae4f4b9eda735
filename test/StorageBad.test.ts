/** What may be wrong with a local store on the disk: a sentence each, and nothing overwritten. */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { ArtifactStore } from "../src/ArtifactStore.ts"
import * as Digest from "../src/internal/schema/digest.ts"
import { RunStore } from "../src/RunStore.ts"
import * as Storage from "../src/Storage.ts"
import { temporaryDirectory } from "./conformance/layers.ts"
import { putRun, putTask, ref, run, task } from "./conformance/records.ts"

/** Opens a local store and closes it again. */
const opened = <A, E>(directory: string, body: Effect.Effect<A, E, ArtifactStore | RunStore>) =>
  Effect.provide(body, Storage.layerLocal({ directory }))

const withDirectory = (body: (directory: string) => Effect.Effect<void, unknown>) => () =>
  Effect.scoped(Effect.flatMap(temporaryDirectory, body))

/** All files below a directory with their bytes. */
const contents = (directory: string) =>
  Effect.promise(async () => {
    const found: Record<string, string> = {}
    for (const entry of await Fs.readdir(directory, { recursive: true, withFileTypes: true })) {
      const path = Path.join(entry.parentPath, entry.name)
      if (entry.isFile()) found[Path.relative(directory, path)] = (await Fs.readFile(path)).toString("base64")
    }
    return found
  })

const database = (directory: string): string => Path.join(directory, "runs.sqlite")

describe("Storage.layerLocal, in bad states", () => {
  it.effect("refuses an empty directory, which as a path would be the working directory", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(opened("", Effect.void))
      assert.match(error.message, /^The directory of a store can't be empty\. Name one /)
    })
  )

  it.effect(
    "says that its directory can't be written",
    withDirectory((directory) =>
      Effect.gen(function* () {
        const file = Path.join(directory, "file")
        yield* Effect.promise(() => Fs.writeFile(file, "text"))
        const error = yield* Effect.flip(opened(Path.join(file, "store"), Effect.void))
        assert.strictEqual(error._tag, "StoreError")
        assert.strictEqual(
          error.message,
          `The store directory ${Path.join(file, "store", "blobs")} can't be written: a part of its path is not a directory (ENOTDIR). Choose another directory, or make this one writable.`
        )
      })
    )
  )

  it.effect(
    "says that its database is none, and leaves it alone",
    withDirectory((directory) =>
      Effect.gen(function* () {
        yield* Effect.promise(() =>
          Fs.writeFile(database(directory), "This is no database, but a letter. ".repeat(100))
        )
        const before = yield* contents(directory)
        const error = yield* Effect.flip(opened(directory, Effect.void))
        assert.strictEqual(
          error.message,
          `The run database ${database(directory)} could not be opened: it is not a run database, or it is damaged. Nothing in it was changed; restore it from a copy, or move it away to start anew.`
        )
        assert.deepStrictEqual(yield* contents(directory), before)
      })
    )
  )

  it.effect(
    "says that its database is damaged, and leaves it alone",
    withDirectory((directory) =>
      Effect.gen(function* () {
        yield* opened(
          directory,
          Effect.flatMap(RunStore, (store) =>
            store.write(Array.from({ length: 500 }, (_, index) => putTask(task("r", index + 1))))
          )
        )
        yield* Effect.promise(async () => {
          const bytes = await Fs.readFile(database(directory))
          await Fs.writeFile(database(directory), bytes.fill(0x55, 4096))
        })
        const before = yield* contents(directory)
        const error = yield* Effect.flip(
          opened(
            directory,
            Effect.flatMap(RunStore, (store) => store.tasks({ run: "r" }))
          )
        )
        assert.match(
          error.message,
          /^The run database .* could not be (opened|read): it is damaged .*Nothing in it was changed/
        )
        assert.deepStrictEqual(yield* contents(directory), before)
      })
    )
  )

  it.effect(
    "says that its database is of a newer version, and leaves it alone",
    withDirectory((directory) =>
      Effect.gen(function* () {
        yield* opened(directory, Effect.void)
        yield* Effect.sync(() => {
          const newer = new DatabaseSync(database(directory))
          newer.exec("INSERT INTO effect_flow_migrations (migration_id, name) VALUES (999, 'future')")
          newer.close()
        })
        const before = yield* contents(directory)
        const error = yield* Effect.flip(opened(directory, Effect.void))
        assert.match(
          error.message,
          /^The run database .* was written by a newer effect-flow: its schema has version 999, and this program knows versions up to \d+\. Nothing was changed; update effect-flow\.$/
        )
        assert.deepStrictEqual(yield* contents(directory), before)
      })
    )
  )

  it.effect(
    "says that a blob was altered, where and which",
    withDirectory((directory) =>
      opened(
        directory,
        Effect.gen(function* () {
          const artifacts = yield* ArtifactStore
          const store = yield* RunStore
          const { digest } = yield* artifacts.put([new Uint8Array(100_000)])
          const path = yield* artifacts.path(digest)
          yield* Effect.promise(async () => {
            await Fs.chmod(path, 0o644) // it is made so that nobody writes to it by mistake
            await Fs.writeFile(path, "altered")
          })
          for (const read of [
            artifacts.get(digest),
            artifacts.path(digest),
            Stream.runDrain(artifacts.stream(digest))
          ]) {
            const error = yield* Effect.flip(read)
            assert.strictEqual(error.reason, "altered")
            assert.strictEqual(error.digest, digest)
            assert.strictEqual(
              error.message,
              `Artifact ${digest} was altered: the bytes of ${path} no longer have this digest, so the file was moved to ${Path.join(directory, "blobs", "damaged")}. Resume the run to execute the task that wrote it again, or restore the file from a copy.`
            )
          }
          // The same in the database: bytes under a digest that is not theirs.
          const bytes = new TextEncoder().encode("other")
          const small = Digest.ofChunks([new Uint8Array(3)])
          yield* store.write([
            putTask(task("r", 1, { outputs: [ref("x", small)] }), { blobs: [{ digest: small, bytes }] })
          ])
          const error = yield* Effect.flip(artifacts.get(small))
          assert.strictEqual(error.reason, "altered")
          assert.strictEqual(
            error.message,
            `Artifact ${small} was altered: its bytes in the run database ${database(directory)} no longer have this digest. Resume the run to execute the task that wrote it again.`
          )
        })
      )
    )
  )

  it.effect(
    "fails the call whose change it can't store, and no other",
    withDirectory((directory) =>
      opened(
        directory,
        Effect.gen(function* () {
          const store = yield* RunStore
          const records = [
            task("r", 1),
            task("r", 2, { version: null as unknown as string }), // a column that must not be null
            task("r", 3)
          ]
          const exits = yield* Effect.all(
            records.map((record) => Effect.result(store.write([putTask(record), putRun(run(`q${record.index}`))]))),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(
            exits.map((exit) => (Result.isSuccess(exit) ? "written" : exit.failure.message)),
            [
              "written",
              `The run database ${database(directory)} could not be written to: NOT NULL constraint failed: tasks.version.`,
              "written"
            ]
          )
          assert.deepStrictEqual(
            (yield* store.tasks({ run: "r" })).map((task) => task.index),
            [1, 3]
          )
          assert.deepStrictEqual(
            (yield* store.runs({})).map((run) => run.id),
            ["q3", "q1"]
          )
        })
      )
    )
  )
})

describe("a store whose options no type has checked", () => {
  const untyped: any = Storage
  const cases: ReadonlyArray<readonly [string, ReadonlyArray<unknown>, RegExp]> = [
    ["layerLocal", ["/some/where"], /^Storage\.layerLocal takes an object of options\. Call it as /],
    ["layerLocal", [{ directory: 5 }], /^The option `directory` of Storage\.layerLocal is not a string\.$/],
    ["layerPostgres", [], /^Storage\.layerPostgres takes an object of options\./],
    ["layerPostgres", ["postgres://me:hunter2@host/runs"], /^Storage\.layerPostgres takes an object of options\./],
    ["layerPostgres", [{ url: "postgres://host/runs" }], /^The option `blobs` of Storage\.layerPostgres is missing\./],
    ["layerPostgres", [{ url: "postgres://host/runs", blobs: "" }], /^The option `blobs` .* can't be empty\./],
    ["layerS3", [], /^Storage\.layerS3 takes an object of options\./],
    ["layerS3", [{}], /^The option `bucket` of Storage\.layerS3 is missing\./],
    ["layerS3", [{ bucket: "acme" }], /^The option `runs` of Storage\.layerS3 is missing\./],
    ["layerS3", [{ bucket: "acme", runs: "" }], /^The option `runs` of Storage\.layerS3 can't be empty\./]
  ]
  for (const [layer, words, message] of cases) {
    it.effect(`is refused in a sentence: ${layer}, ${message.source}`, () =>
      Effect.gen(function* () {
        const error: any = yield* Effect.flip(
          Effect.provide(Effect.void, untyped[layer](...words)) as Effect.Effect<void>
        )
        assert.strictEqual(error._tag, "StoreError")
        assert.match(error.message, message)
        assert.notInclude(error.message, "hunter2")
      })
    )
  }
})
