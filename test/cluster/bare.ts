/**
 * Bare workflows of Effect's cluster, on the same kind of worker and database: one that does nothing, asked for by a client
 * or as the child of another, is what a task on the cluster is measured against. Run as a program, this is the worker.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Workflow from "effect/workflow/Workflow"
import * as ClusterEngine from "../../src/internal/workers/cluster/engine.ts"
import * as ClusterSettings from "../../src/internal/workers/cluster/settings.ts"
import { freePort } from "../support/port.ts"

export const Bare = Workflow.make("bare", {
  payload: { id: Schema.String },
  success: Schema.Number,
  idempotencyKey: ({ id }) => id
})

/** Executes so many children, and says how long that took, in milliseconds. */
export const Parent = Workflow.make("parent", {
  payload: { id: Schema.String, count: Schema.Int, concurrency: Schema.Int },
  success: Schema.Number,
  idempotencyKey: ({ id }) => id
})

const children = (id: string, count: number, concurrency: number) =>
  Effect.gen(function* () {
    const start = performance.now()
    yield* Effect.forEach(
      Array.from({ length: count }, (_, index) => `${id}/${index}`),
      (id) => Bare.execute({ id }),
      { concurrency, discard: true }
    )
    return performance.now() - start
  })

export const settings = Effect.fnUntraced(function* (database: string) {
  const found = yield* ClusterSettings.config
  return { ...found, url: Redacted.make(database), group: "bare" }
})

if (process.argv[2] !== undefined && import.meta.filename === process.argv[1]) {
  const { database } = JSON.parse(process.argv[2])
  const main = Effect.gen(function* () {
    const port = yield* Effect.promise(freePort)
    const engine = ClusterEngine.worker({ ...(yield* settings(database)), port }, 1)
    const workflows = Layer.merge(
      Bare.toLayer(() => Effect.succeed(1)),
      Parent.toLayer(({ concurrency, count, id }) => children(id, count, concurrency))
    )
    yield* Layer.build(Layer.provide(workflows, engine))
    console.log("Working at", port)
    return yield* Effect.never
  })
  NodeRuntime.runMain(Effect.scoped(main))
}
