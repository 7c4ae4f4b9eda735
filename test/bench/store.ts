/**
 * What the stores cost: the store's part of a trivial task (a record that it runs, which nobody waits for, and its final
 * one with two refs and a small artifact), listing runs, and saving and reading a large array. It prints figures and
 * never fails. Run it with `npx tsx test/bench/store.ts`; for Postgres, set EFFECT_FLOW_TEST_POSTGRES to the URL of one.
 */
import { createHash } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { ArtifactStore } from "../../src/ArtifactStore.ts"
import * as Digest from "../../src/internal/schema/digest.ts"
import { RunStore, type StoreError } from "../../src/RunStore.ts"
import * as Storage from "../../src/Storage.ts"
import * as Postgres from "../conformance/postgres.ts"
import { putRun, putTask, ref, run, task } from "../conformance/records.ts"

const runCount = 10_000

const print = (what: string, figure: string): void => console.log(`${what.padEnd(60)} ${figure}`)
const ms = (value: number): string => `${value.toFixed(1)} ms`

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<readonly [number, A], E, R> =>
  Effect.suspend(() => {
    const start = performance.now()
    return Effect.map(effect, (value) => [performance.now() - start, value] as const)
  })

const system = run("r", {
  systemTags: { user: "ada", host: "host", "effect-flow": "0.1.0", node: "v24.0.0", "git-commit": "0".repeat(40) },
  parameters: { trainFile: "train.parquet", validFile: "valid.parquet" }
})

/** One task as a run writes it. */
const writeTask = Effect.fnUntraced(function* (store: RunStore["Service"], index: number) {
  const bytes = new TextEncoder().encode(JSON.stringify({ index, text: "a small value" }))
  const digest = Digest.ofChunks([bytes])
  const schema = Digest.ofTexts("bench", ["schema"])
  const input = ref("x", Digest.ofTexts("bench", [String(index >> 3)]), { schema })
  const running = task("r", index, {
    status: "running",
    key: Digest.ofTexts("bench", [String(index)]),
    parents: ["start/1"],
    inputs: [input],
    attempts: [{ number: 1, status: "running", startedAt: 1 }]
  })
  yield* Effect.forkDetach(store.write([putTask(running)]), { startImmediately: true })
  yield* store.write([
    putTask(
      {
        ...running,
        status: "succeeded",
        finishedAt: 2,
        attempts: [{ number: 1, status: "succeeded", startedAt: 1, finishedAt: 2 }],
        outputs: [ref("y", digest, { schema, writer: `r/step/${index}` })]
      },
      { blobs: [{ digest, bytes }], schemas: [{ digest: schema, text: '{"type":"string"}' }] }
    )
  ])
})

const measureTasks = (name: string, layer: Layer.Layer<ArtifactStore | RunStore, StoreError>, taskCount = 10_000) =>
  Effect.gen(function* () {
    const store = yield* RunStore
    yield* store.write([putRun(system)])
    for (const round of [0, 1, 2]) {
      const indexes = Array.from({ length: taskCount }, (_, i) => round * taskCount + i + 1)
      const cpu = process.cpuUsage()
      const [time] = yield* timed(
        Effect.forEach(indexes, (index) => writeTask(store, index), { concurrency: 8, discard: true })
      )
      const used = process.cpuUsage(cpu)
      print(
        `${name}: a task's records, 8 at a time (round ${round + 1})`,
        `${((time / taskCount) * 1000).toFixed(1)} µs, of the processor ${((used.user + used.system) / taskCount).toFixed(1)} µs`
      )
    }
    const [time, tasks] = yield* timed(store.tasks({ run: "r", limit: 1000 }))
    print(`${name}: reading ${tasks.length} tasks with their refs`, ms(time))
  }).pipe(Effect.provide(layer))

const measureRuns = (name: string, layer: Layer.Layer<ArtifactStore | RunStore, StoreError>) =>
  Effect.gen(function* () {
    const store = yield* RunStore
    for (let i = 0; i < runCount; i += 100) {
      yield* store.write(
        Array.from({ length: 100 }, (_, j) =>
          putRun({ ...system, id: `r${String(i + j).padStart(8, "0")}`, tags: ["nightly", `n${j}`] })
        )
      )
    }
    for (const round of [1, 2]) {
      const [time, runs] = yield* timed(store.runs({}))
      print(`${name}: listing ${runs.length} runs (round ${round})`, ms(time))
    }
    const [time, runs] = yield* timed(store.runs({ flow: "Flow", tags: ["n7"], limit: 20 }))
    print(`${name}: the newest ${runs.length} runs of a tag`, ms(time))
  }).pipe(Effect.provide(layer))

const measureLarge = (directory: string) =>
  Effect.gen(function* () {
    const store = yield* ArtifactStore
    const floats = new Float32Array(125_000_000)
    for (let i = 0; i < floats.length; i++) floats[i] = i * 0.37
    const bytes = new Uint8Array(floats.buffer)
    // What it can be compared with: the same bytes hashed and written once, one after the other and at once.
    for (const round of [1, 2]) {
      const path = Path.join(directory, `plain${round}`)
      const [reading] = yield* Effect.andThen(
        Effect.promise(() => Fs.writeFile(path, bytes)),
        timed(Effect.promise(() => Fs.readFile(path)))
      )
      const [hashing] = yield* timed(Effect.sync(() => createHash("sha256").update(bytes).digest("hex")))
      const [writing] = yield* timed(Effect.promise(() => Fs.writeFile(path, bytes)))
      yield* Effect.promise(() => Fs.rm(path))
      const before = process.memoryUsage.rss()
      const [put, address] = yield* timed(store.put([bytes]))
      const after = process.memoryUsage.rss()
      print(
        `local: put of 500 MB (round ${round})`,
        `${ms(put)}; hashing ${ms(hashing)} + writing ${ms(writing)}; ratio ${(put / (hashing + writing)).toFixed(2)}; rss +${((after - before) / 1e6).toFixed(0)} MB`
      )
      const [again] = yield* timed(store.put([bytes], address))
      print("local: put of the same again, its digest known", ms(again))
      const [get, read] = yield* timed(store.get(address.digest))
      print(
        "local: get of 500 MB, verified",
        `${ms(get)}; reading ${ms(reading)} + hashing ${ms(hashing)}; ratio ${(get / (reading + hashing)).toFixed(2)}; rss +${((process.memoryUsage.rss() - after) / 1e6).toFixed(0)} MB (${read.length} bytes)`
      )
      yield* store.sweep({ keep: new Set(), before: Number.MAX_SAFE_INTEGER })
    }
  }).pipe(Effect.provide(Storage.layerLocal({ directory })))

const main = Effect.gen(function* () {
  const directory = yield* Effect.acquireRelease(
    Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "effect-flow-bench-"))),
    (path) => Effect.promise(() => Fs.rm(path, { recursive: true, force: true }))
  )
  yield* measureTasks("memory", Storage.layerMemory)
  yield* measureTasks("local", Storage.layerLocal({ directory: Path.join(directory, "tasks") }))
  const server = process.env.EFFECT_FLOW_TEST_POSTGRES
  if (server !== undefined) {
    const url = yield* Postgres.schema(server)
    yield* measureTasks("Postgres", Storage.layerPostgres({ url, blobs: Path.join(directory, "shared") }), 2000)
  }
  yield* measureRuns("memory", Storage.layerMemory)
  yield* measureRuns("local", Storage.layerLocal({ directory: Path.join(directory, "runs") }))
  yield* measureLarge(Path.join(directory, "large"))
})

await Effect.runPromise(Effect.scoped(main))
