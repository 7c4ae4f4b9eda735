/** Steps whose code has changed: what a resume, the cache and `why` say of it, and what `version: "code"` makes of it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { ArtifactStore } from "../../../src/ArtifactStore.ts"
import * as Flow from "../../../src/Flow.ts"
import * as Run from "../../../src/Run.ts"
import type { RunStore } from "../../../src/RunStore.ts"
import * as Step from "../../../src/Step.ts"
import * as Storage from "../../../src/Storage.ts"
import * as Why from "../../../src/Why.ts"

const effect = <E>(title: string, body: () => Effect.Effect<void, E, ArtifactStore | RunStore>) =>
  it.effect(title, () => Effect.provide(Effect.suspend(body), Storage.layerMemory))

interface Options {
  readonly version?: string
  readonly cache?: { readonly version: string }
}

const original = (x: number) =>
  Effect.fnUntraced(function* () {
    return yield* Effect.succeed({ x })
  })
const reformatted = (x: number) =>
  Effect.fnUntraced(function* () {
    // Only a comment.
    return yield* Effect.succeed({
      x
    })
  })
const edited = (x: number) =>
  Effect.fnUntraced(function* () {
    return yield* Effect.succeed({ x: x + 0 })
  })

const flowOf = (body: typeof original, options: Options = {}) => {
  const a = Step.make("a", { ...options, output: { x: Schema.Int }, run: body(1) })
  const b = Step.make("b", { input: { x: Schema.Int }, run: () => Effect.die("no") })
  return Flow.make("F", { steps: [a, b], run: () => Effect.flatMap(a(), b) })
}

const resumed = Effect.fnUntraced(function* (before: ReturnType<typeof flowOf>, now: ReturnType<typeof flowOf>) {
  yield* Effect.exit(Flow.run(before, {}))
  yield* Effect.exit(Flow.resume(now))
  const run = yield* Run.latest("F")
  const logged = (yield* Run.logs(run)).map(({ message }) => message).join("\n")
  const why = Why.toText(yield* Why.explain(run, "a"))
  const [task] = yield* Run.tasks(run, { step: "a" })
  return { how: task?.how, logged, why }
})

describe("a step whose code has changed", () => {
  effect("is taken over with a warning", () =>
    Effect.gen(function* () {
      const { how, logged, why } = yield* resumed(flowOf(original), flowOf(edited))
      assert.strictEqual(how, "takenOver")
      assert.match(logged, /Step "a" is taken over .* but its code has changed since/)
      assert.match(why, /taken over from .*\n\s+the code of step a has changed since/)
    })
  )

  effect("is not said to have changed when it was only formatted", () =>
    Effect.gen(function* () {
      const { how, logged, why } = yield* resumed(flowOf(original), flowOf(reformatted))
      assert.strictEqual(how, "takenOver")
      assert.notMatch(logged, /changed/)
      assert.notMatch(why, /changed/)
    })
  )

  effect('is executed again where its version is "code", and only then', () =>
    Effect.gen(function* () {
      const options = { version: "code" }
      const changed = yield* resumed(flowOf(original, options), flowOf(edited, options))
      assert.strictEqual(changed.how, "executed")
      assert.match(changed.why, /executed: the code of step a has changed since/)
      const unchanged = yield* resumed(flowOf(original, options), flowOf(reformatted, options))
      assert.strictEqual(unchanged.how, "takenOver")
    })
  )

  effect('is not served from the cache where the cache version is "code"', () =>
    Effect.gen(function* () {
      const how = Effect.fnUntraced(function* (body: typeof original, version: string) {
        yield* Effect.exit(Flow.run(flowOf(body, { cache: { version } }), {}))
        const [task] = yield* Run.tasks("latest", { step: "a" })
        return task?.how
      })
      assert.strictEqual(yield* how(original, "1"), "executed")
      assert.strictEqual(yield* how(edited, "1"), "cached")
      assert.strictEqual(yield* how(original, "code"), "executed")
      assert.strictEqual(yield* how(reformatted, "code"), "cached")
      assert.strictEqual(yield* how(edited, "code"), "executed")
    })
  )

  effect("is refused as a version where it can't be read", () =>
    Effect.gen(function* () {
      const body = (() => Effect.succeed({ x: 1 })).bind(undefined)
      const exit = yield* Effect.exit(Flow.run(flowOf((() => body) as never, { version: "code" }), {}))
      assert.match(String(exit), /the source of its body can't be read/)
    })
  )
})
