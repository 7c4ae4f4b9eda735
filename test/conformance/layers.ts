/** The stores that every conformance suite runs against: each layer is empty, and gone with its scope. */
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ArtifactStore } from "../../src/ArtifactStore.ts"
import * as SqliteStorage from "../../src/internal/sqliteStorage.ts"
import type { RunStore, StoreError } from "../../src/RunStore.ts"
import * as Storage from "../../src/Storage.ts"

/** A directory that is removed with the scope. */
export const temporaryDirectory = Effect.acquireRelease(
  Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "effect-flow-test-"))),
  (directory) => Effect.promise(() => Fs.rm(directory, { recursive: true, force: true }))
)

type Stores = Layer.Layer<ArtifactStore | RunStore, StoreError>

export const layers: ReadonlyArray<{ readonly name: string; readonly layer: Stores }> = [
  { name: "memory", layer: Storage.layerMemory },
  {
    name: "SQLite file",
    layer: Layer.unwrap(Effect.map(temporaryDirectory, (directory) => Storage.layerLocal({ directory })))
  },
  {
    name: "SQLite in memory",
    layer: Layer.unwrap(
      Effect.map(temporaryDirectory, (blobs) =>
        SqliteStorage.layer({ filename: ":memory:", blobs, valueBytes: 1024, sync: false })
      )
    )
  }
]
