/**
 * A process of its own that writes to a local store: tasks with a log line and a small artifact each, and one large
 * artifact. It prints a line for each task once that is durable. `node writerProcess.ts DIRECTORY RUN COUNT`
 */
import * as Effect from "effect/Effect"
import { ArtifactStore } from "../../src/ArtifactStore.ts"
import * as Digest from "../../src/internal/schema/digest.ts"
import { RunStore } from "../../src/RunStore.ts"
import * as Storage from "../../src/Storage.ts"
import { line, putRun, putTask, ref, run, task } from "./records.ts"

const [directory = "", id = "", count = "0"] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const store = yield* RunStore
  const artifacts = yield* ArtifactStore
  yield* store.write([putRun(run(id, { pid: process.pid }))])
  yield* artifacts.put([new Uint8Array(200_000)])
  yield* Effect.forEach(
    Array.from({ length: Number(count) }, (_, index) => index + 1),
    Effect.fnUntraced(function* (index) {
      const bytes = new TextEncoder().encode(`${id} ${index}`)
      const digest = Digest.ofChunks([bytes])
      yield* store.write([
        putTask(task(id, index, { outputs: [ref("x", digest)] }), { blobs: [{ digest, bytes }] }),
        { _tag: "Logs", lines: [line(id, `step/${index}`, String(index))] }
      ])
      process.stdout.write(`${index}\n`)
    }),
    { concurrency: 4, discard: true }
  )
  yield* store.write([putRun(run(id, { pid: process.pid, status: "succeeded" }))])
})

await Effect.runPromise(Effect.provide(program, Storage.layerLocal({ directory })))
