/** Hands artifacts from one store to another. */
import { randomUUID } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Address, ArtifactError } from "./artifactError.ts"
import type { ArtifactStore } from "./artifactStore.ts"
import * as Bytes from "./bytes.ts"

type Store = ArtifactStore["Service"]

/** Hands on one artifact. A large one is never in memory as a whole. */
export const transfer = (from: Store, to: Store, { digest, size }: Address): Effect.Effect<Address, ArtifactError> =>
  size <= to.inlineLimit
    ? Effect.flatMap(from.get(digest), (bytes) => to.put([bytes]))
    : from.location?.kind === "local" || from.location?.kind === "postgres"
      ? Effect.flatMap(from.path(digest), to.putFile)
      : viaFile(from, to, digest)

/**
 * A store that keeps no files of its own would fetch one for each path that it hands out, and keep it as long as it is open:
 * all artifacts of a run, which may be larger than the disk. So the file is one that goes when it was put.
 */
const viaFile = (from: Store, to: Store, digest: string): Effect.Effect<Address, ArtifactError> =>
  Effect.acquireUseRelease(
    Effect.sync(() => Path.join(Os.tmpdir(), `effect-flow-${randomUUID()}`)),
    (path) => Effect.andThen(fetch(from, digest, path), to.putFile(path)),
    (path) => Effect.promise(() => Fs.rm(path, { force: true }))
  )

const fetch = (from: Store, digest: string, path: string): Effect.Effect<void, ArtifactError> => {
  const failed = (cause: unknown) =>
    Bytes.failed("unwritable", "A temporary file for an artifact can't be written", cause, digest)
  return Effect.acquireUseRelease(
    Effect.tryPromise({ try: () => Fs.open(path, "wx", 0o600), catch: failed }),
    (file) =>
      Stream.runForEach(from.stream(digest, undefined, { reuse: true }), (part) =>
        Effect.tryPromise({ try: () => file.writeFile(part), catch: failed })
      ),
    (file) => Effect.promise(() => file.close())
  )
}
