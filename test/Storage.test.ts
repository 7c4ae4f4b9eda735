/** The local store among others: processes that share it, processes that are killed. */
import { spawn } from "node:child_process"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { ArtifactStore } from "../src/ArtifactStore.ts"
import * as Digest from "../src/internal/schema/digest.ts"
import { RunStore } from "../src/RunStore.ts"
import * as Storage from "../src/Storage.ts"
import { temporaryDirectory } from "./conformance/layers.ts"
import { putRun, putTask, ref, run, task } from "./conformance/records.ts"

const writer = fileURLToPath(new URL("conformance/writerProcess.ts", import.meta.url))

/** Runs a writer; yields the numbers of the tasks that it said were durable. Killed once it has said `killAfter` of them. */
const write = (directory: string, id: string, count: number, killAfter = Number.POSITIVE_INFINITY) =>
  Effect.callback<{ readonly said: ReadonlyArray<number>; readonly code: number | null; readonly errors: string }>(
    (resume) => {
      const child = spawn(process.execPath, [writer, directory, id, String(count)])
      let output = ""
      let errors = ""
      child.stdout.on("data", (data) => {
        output += data
        if (output.split("\n").length > killAfter) child.kill("SIGKILL")
      })
      child.stderr.on("data", (data) => {
        errors += data
      })
      child.on("close", (code) => {
        const said = output.split("\n").slice(0, -1).map(Number)
        resume(Effect.succeed({ said, code, errors }))
      })
      return Effect.sync(() => child.kill("SIGKILL"))
    }
  )

/** Opens a local store and closes it again. */
const opened = <A, E>(directory: string, body: Effect.Effect<A, E, ArtifactStore | RunStore>) =>
  Effect.provide(body, Storage.layerLocal({ directory }))

const withDirectory = (body: (directory: string) => Effect.Effect<void, unknown>) => () =>
  Effect.scoped(Effect.flatMap(temporaryDirectory, body))

const database = (directory: string): string => Path.join(directory, "runs.sqlite")

describe("Storage.layerLocal", () => {
  it.effect(
    "keeps what was written when it is opened again",
    withDirectory((directory) =>
      Effect.gen(function* () {
        const where = Path.join(directory, "made", "deep")
        const address = yield* opened(
          where,
          Effect.gen(function* () {
            yield* (yield* RunStore).write([putRun(run("r", { tags: ["t"] })), putTask(task("r", 1))])
            return yield* (yield* ArtifactStore).put([new Uint8Array(100_000)])
          })
        )
        yield* opened(
          where,
          Effect.gen(function* () {
            const store = yield* RunStore
            assert.deepStrictEqual(yield* store.runs({}), [run("r", { tags: ["t"] })])
            assert.deepStrictEqual(yield* store.tasks({ run: "r" }), [task("r", 1)])
            assert.strictEqual((yield* (yield* ArtifactStore).get(address.digest)).length, 100_000)
          })
        )
      })
    )
  )

  it.effect(
    "is written before it closes, though nobody waited",
    withDirectory((directory) =>
      Effect.gen(function* () {
        yield* opened(
          directory,
          Effect.flatMap(RunStore, (store) =>
            Effect.forEach(
              Array.from({ length: 100 }, (_, index) => index + 1),
              (index) => Effect.forkDetach(store.write([putTask(task("r", index))]), { startImmediately: true })
            )
          )
        )
        const tasks = yield* opened(
          directory,
          Effect.flatMap(RunStore, (store) => store.tasks({ run: "r" }))
        )
        assert.strictEqual(tasks.length, 100)
      })
    )
  )

  it.effect(
    "is shared by processes that write at once, while others read and sweep",
    withDirectory((directory) =>
      Effect.gen(function* () {
        const ids = Array.from({ length: 8 }, (_, index) => `run${index}`)
        const beside = opened(
          directory,
          Effect.gen(function* () {
            const store = yield* RunStore
            const artifacts = yield* ArtifactStore
            yield* store.runs({})
            yield* store.logs({ run: "run3" })
            yield* artifacts.sweep({ keep: new Set(), before: 1000 })
            yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5)))
          }).pipe(Effect.forever)
        )
        const written = yield* Effect.raceFirst(
          beside,
          Effect.all(
            ids.map((id) => write(directory, id, 100)),
            { concurrency: "unbounded" }
          )
        )
        for (const { code, errors, said } of written) {
          assert.strictEqual(errors, "")
          assert.strictEqual(code, 0)
          assert.strictEqual(said.length, 100)
        }
        yield* opened(
          directory,
          Effect.gen(function* () {
            const store = yield* RunStore
            const runs = yield* store.runs({ status: "succeeded" })
            assert.deepStrictEqual(runs.map(({ id }) => id).reverse(), ids)
            for (const id of ids) {
              assert.strictEqual((yield* store.tasks({ run: id })).length, 100)
              assert.strictEqual((yield* store.logs({ run: id })).length, 100)
            }
            const artifacts = yield* ArtifactStore
            for (const digest of yield* store.digests()) yield* artifacts.get(digest)
          })
        )
      })
    )
  )

  it.effect(
    "has every task that was durable when its process was killed, with its artifact",
    withDirectory((directory) =>
      Effect.gen(function* () {
        for (const killAfter of [1, 20, 77]) {
          const id = `run${killAfter}`
          const { code, said } = yield* write(directory, id, 100_000, killAfter)
          assert.strictEqual(code, null)
          assert.isAtLeast(said.length, killAfter)
          yield* opened(
            directory,
            Effect.gen(function* () {
              const tasks = yield* (yield* RunStore).tasks({ run: id })
              const found = new Set(tasks.map((task) => task.index))
              for (const index of said) assert.isTrue(found.has(index), `task ${index} is lost`)
              const artifacts = yield* ArtifactStore
              for (const { outputs } of tasks) for (const { digest } of outputs) yield* artifacts.get(digest)
            })
          )
        }
      })
    )
  )

  it.effect(
    "makes its file smaller when runs are removed",
    withDirectory((directory) =>
      Effect.gen(function* () {
        const size = () => Effect.promise(async () => (await Fs.stat(database(directory))).size)
        const bytes = new Uint8Array(50_000)
        yield* opened(
          directory,
          Effect.flatMap(RunStore, (store) =>
            store.write(
              Array.from({ length: 200 }, (_, index) => {
                bytes[0] = index
                const digest = Digest.ofChunks([bytes])
                const outputs = [ref("x", digest)]
                return putTask(task("r", index + 1, { outputs }), { blobs: [{ digest, bytes: bytes.slice() }] })
              })
            )
          )
        )
        const before = yield* size()
        assert.isAbove(before, 10_000_000)
        yield* opened(
          directory,
          Effect.gen(function* () {
            yield* (yield* RunStore).remove(["r"])
            const swept = yield* (yield* ArtifactStore).sweep({ keep: new Set(), before: Number.MAX_SAFE_INTEGER })
            assert.deepStrictEqual(swept, { artifacts: 200, bytes: 200 * 50_000 })
          })
        )
        assert.isBelow(yield* size(), 300_000)
      })
    )
  )

  it.effect(
    "leaves nothing half written when it is interrupted",
    withDirectory((directory) =>
      opened(
        directory,
        Effect.gen(function* () {
          const artifacts = yield* ArtifactStore
          const fiber = yield* Effect.forkChild(artifacts.put([new Uint8Array(64 * 1024 * 1024)]), {
            startImmediately: true
          })
          yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5)))
          yield* Fiber.interrupt(fiber)
          const left = yield* Effect.promise(() => Fs.readdir(Path.join(directory, "blobs"), { recursive: true }))
          assert.deepStrictEqual(
            left.filter((name) => name.startsWith(`tmp${Path.sep}`)),
            []
          )
        })
      )
    )
  )

  it.effect(
    "makes files that nobody writes to by mistake",
    withDirectory((directory) =>
      opened(
        directory,
        Effect.gen(function* () {
          const artifacts = yield* ArtifactStore
          const { digest } = yield* artifacts.put([new Uint8Array(100_000)])
          const path = yield* artifacts.path(digest)
          const { mode } = yield* Effect.promise(() => Fs.stat(path))
          assert.strictEqual(mode & 0o222, 0)
        })
      )
    )
  )
})
