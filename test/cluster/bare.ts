/**
 * A bare workflow of Effect's cluster, on the same kind of worker and database, which does nothing: what a task on the
 * cluster is measured against. Run as a program, it is the worker.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Workflow from "effect/workflow/Workflow"
import * as ClusterEngine from "../../src/internal/clusterEngine.ts"
import * as ClusterSettings from "../../src/internal/clusterSettings.ts"
import { freePort } from "./postgres.ts"

export const Bare = Workflow.make("bare", {
  payload: { id: Schema.String },
  success: Schema.Number,
  idempotencyKey: ({ id }) => id
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
    yield* Layer.build(Bare.toLayer(() => Effect.succeed(1)).pipe(Layer.provide(engine)))
    console.log("Working at", port)
    return yield* Effect.never
  })
  NodeRuntime.runMain(Effect.scoped(main))
}
