/** The acceptance suite on worker threads. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Executor from "../../src/Executor.ts"
import * as Storage from "../../src/Storage.ts"
import { anywhere } from "../acceptance/sample.ts"
import { temporaryDirectory } from "../support/directory.ts"
import { graphs, suite } from "./anywhere.ts"

suite(
  "on worker threads",
  Layer.mergeAll(
    Layer.unwrap(Effect.map(temporaryDirectory, (directory) => Storage.layerLocal({ directory }))),
    Executor.layerThreads({ module: graphs, size: 2 }),
    Logger.layer([])
  ),
  anywhere
)
