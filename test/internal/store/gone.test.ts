/** A store that disappears while a run is under way fails the run with a sentence. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { Artifact, Flow, Step, Storage } from "effect-flow"
import { hasPostgres, postgresSchema, temporaryDirectory } from "../../conformance/layers.ts"
import { realTime } from "../../conformance/postgres.ts"

let disappear = () => {}

const lose = Step.make("lose", {
  output: { x: Schema.Int },
  run: () =>
    Effect.sync(() => {
      disappear()
      return { x: 1 }
    })
})
const small = Step.make("small", {
  input: { x: Schema.Int },
  output: { y: Schema.Int },
  run: ({ x }) => Effect.succeed({ y: x })
})
const large = Step.make("large", {
  input: { x: Schema.Int },
  output: { y: Artifact.bytes() },
  run: () => Effect.succeed({ y: new Uint8Array(100_000) })
})
const SmallFlow = Flow.make("SmallFlow", {
  steps: [lose, small],
  run: () => Effect.flatMap(lose(), ({ x }) => small({ x }))
})
const LargeFlow = Flow.make("LargeFlow", {
  steps: [lose, large],
  run: () => Effect.flatMap(lose(), ({ x }) => large({ x }))
})
const OnlyFlow = Flow.make("OnlyFlow", { steps: [lose], run: () => lose() })

const ways: Readonly<Record<string, (directory: string) => void>> = {
  deleted: (directory) => Fs.rmSync(directory, { recursive: true }),
  renamed: (directory) => Fs.renameSync(directory, `${directory}-away`),
  "replaced by an empty one": (directory) => {
    Fs.renameSync(directory, `${directory}-away`)
    Fs.mkdirSync(Path.join(directory, "blobs"), { recursive: true })
  },
  "without its database": (directory) => Fs.rmSync(Path.join(directory, "runs.sqlite")),
  "without its blobs": (directory) => Fs.rmSync(Path.join(directory, "blobs"), { recursive: true })
}

describe("a store that disappears", () => {
  for (const [way, lost] of Object.entries(ways)) {
    for (const flow of [SmallFlow, LargeFlow, OnlyFlow]) {
      it.live(`fails the run with a sentence: ${way}, ${flow.flowName}`, () =>
        Effect.gen(function* () {
          const directory = Path.join(yield* temporaryDirectory, "store")
          disappear = () => lost(directory)
          const exit = yield* Effect.exit(
            Effect.provide(Flow.run(flow as typeof SmallFlow, {}), Storage.layerLocal({ directory }))
          )
          assert.isTrue(Exit.isFailure(exit))
          if (!Exit.isFailure(exit)) return
          const error = Cause.squash(exit.cause) as Error
          assert.match(error.message, /(is gone|was replaced).*while the store was in use/)
          // Nothing grew in its place.
          if (way === "deleted" || way === "renamed") assert.isFalse(Fs.existsSync(directory))
        }).pipe(Effect.scoped)
      )
    }
  }

  it.skipIf(!hasPostgres)("fails the run with a sentence: the blobs of a store in Postgres", () =>
    Effect.gen(function* () {
      const url = yield* postgresSchema
      const blobs = Path.join(yield* temporaryDirectory, "blobs")
      disappear = () => Fs.rmSync(blobs, { recursive: true })
      const error = yield* Effect.flip(Effect.provide(Flow.run(LargeFlow, {}), Storage.layerPostgres({ url, blobs })))
      assert.match(error.message, /is gone.*while the store was in use/)
    }).pipe(Effect.scoped, realTime, Effect.runPromise)
  )
})
