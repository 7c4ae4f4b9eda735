/** A worker as a process of its own, for the cluster's tests: `node worker.ts '{"database":…,"directory":…,"size":1}'`. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Storage from "../../src/Storage.ts"
import * as Worker from "../../src/Worker.ts"
import { lockExpiration, longPatience } from "./timing.ts"

const { database, directory, ...options } = JSON.parse(process.argv[2] ?? "{}")

Worker.run({
  module: new URL("../executor/flows.ts", import.meta.url),
  url: database,
  lockExpiration,
  patience: longPatience,
  ...options
}).pipe(
  Effect.provide(
    directory === undefined
      ? Storage.layerPostgres({ url: database, blobs: options.blobs })
      : Storage.layerLocal({ directory })
  ),
  NodeRuntime.runMain({ teardown: Worker.teardown })
)
