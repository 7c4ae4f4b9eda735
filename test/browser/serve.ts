/** The page's server as a process of its own: `tsx test/browser/serve.ts DIRECTORY [PORT] [NAME]` prints its address. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Storage from "../../src/Storage.ts"
import * as Ui from "../../src/Ui.ts"

const [directory = ".effect-flow", port = "0", name = directory] = process.argv.slice(2)

Ui.serve({ port: Number(port), store: name }).pipe(
  Effect.provide(Storage.layerLocal({ directory })),
  NodeRuntime.runMain
)
