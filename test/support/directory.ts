/** A directory for the length of a test. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"

/**
 * The directory is removed with the scope. A thread that is ending may still close a store in it, so the removal is tried
 * again where something new appears meanwhile.
 */
export const temporaryDirectory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "effect-flow-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }))
)
