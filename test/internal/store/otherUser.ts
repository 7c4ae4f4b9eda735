/**
 * A process of another user, for `reading.test.ts`: reads a store that is not its own, and writes to one that its group
 * shares; or meets directories that it may not search.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import { ArtifactStore, Run, RunStore, Storage } from "effect-flow"
import "../../../src/internal/store/sql/sqlite.ts"
import { putRun, putTask, ref, run, task } from "../../conformance/records.ts"

const [directory = ""] = process.argv.slice(2)
process.setgroups?.([])
process.setgid?.(Number(process.env.TEST_GID))
process.setuid?.(Number(process.env.TEST_UID))

const readAll = Effect.gen(function* () {
  const artifacts = yield* ArtifactStore.ArtifactStore
  const runs = yield* Run.list({})
  for (const one of runs)
    for (const { outputs } of yield* Run.tasks(one)) for (const { digest } of outputs) yield* artifacts.get(digest)
  return runs.map(({ id }) => id).join(" ")
})

const share = Effect.gen(function* () {
  const artifacts = yield* ArtifactStore.ArtifactStore
  const runs = yield* RunStore.RunStore
  const { digest } = yield* artifacts.put([new Uint8Array(100_000).fill(98)])
  yield* runs.write([
    putRun(run("b", { status: "succeeded" })),
    putTask(task("b", 1, { outputs: [ref("large", digest)] }))
  ])
  // What the first user wrote is touched, as a resumed run does.
  const digests = [...(yield* runs.digests())]
  const intact = yield* artifacts.touch(digests)
  if (intact.size !== digests.length) return yield* Effect.die(`only ${intact.size} of ${digests.length} are intact`)
  return yield* readAll
})

const program = Effect.gen(function* () {
  console.log(
    yield* Effect.provide(readAll, Storage.layerLocal({ directory: Path.join(directory, "alien"), readOnly: true }))
  )
  console.log(yield* Effect.provide(share, Storage.layerLocal({ directory: Path.join(directory, "shared") })))
})

/** A store in a directory that this user may not search, and one in a directory that closes while the store is in use. */
const closed = Effect.gen(function* () {
  const within = Path.join(directory, "closed", "store")
  const open = (readOnly: boolean) => Storage.layerLocal({ directory: within, readOnly })
  for (const readOnly of [true, false])
    console.log((yield* Effect.flip(Effect.provide(readAll, open(readOnly)))).message)
  const closing = Path.join(directory, "closing")
  const store = Storage.layerLocal({ directory: Path.join(closing, "store") })
  const write = Effect.gen(function* () {
    const runs = yield* RunStore.RunStore
    yield* runs.write([putRun(run("before", { status: "succeeded" }))])
    Fs.chmodSync(closing, 0o600)
    yield* runs.write([putRun(run("after", { status: "succeeded" }))])
  })
  yield* Effect.provide(write, store)
  Fs.chmodSync(closing, 0o700)
  console.log(yield* Effect.provide(readAll, store))
})

await Effect.runPromise(process.env.TEST_CLOSED === undefined ? program : closed)
