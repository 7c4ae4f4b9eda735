/**
 * An `ArtifactStore` in memory. The parts of an artifact are kept as they were given, not copied; since every read
 * verifies them, a program that changes an array after it was stored is told so instead of reading something else.
 */
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { ArtifactStore } from "../../ArtifactStore.ts"
import * as ValueCache from "../artifact/valueCache.ts"
import * as Digest from "../schema/digest.ts"
import { type Address, ArtifactError } from "./artifactError.ts"
import * as Bytes from "./bytes.ts"
import type { Inline } from "./memoryRunStore.ts"

interface Entry {
  chunks: ReadonlyArray<Uint8Array>
  readonly size: number
  at: number
}

/** A store, and the way by which a `RunStore` that shares its memory puts a task's small artifacts into it. */
export interface Memory {
  readonly store: ArtifactStore["Service"]
  readonly inline: Inline
  /** Removes the files that `path` made. */
  readonly close: Effect.Effect<void>
}

/**
 * A store of its own, kept as long as it is referred to.
 *
 * @param options.inlineLimit 0 where no `RunStore` shares it.
 * @param options.valueBytes The bound of the decoded values that are kept.
 */
export const make = (options: { readonly inlineLimit: number; readonly valueBytes: number }): Memory => {
  const entries = new Map<string, Entry>()
  let directory: Promise<string> | undefined

  const put = (digest: string, chunks: ReadonlyArray<Uint8Array>, size: number, now: number): Address => {
    const known = entries.get(digest)
    if (known === undefined) entries.set(digest, { chunks, size, at: now })
    else known.at = now
    return { digest, size }
  }

  const get = (digest: string): Effect.Effect<Uint8Array, ArtifactError> =>
    Effect.suspend(() => {
      const entry = entries.get(digest)
      if (entry === undefined) return Effect.fail(missing(digest))
      if (Digest.ofChunks(entry.chunks) !== digest) return Effect.fail(changed(digest))
      const bytes = Bytes.join(entry.chunks, entry.size)
      entry.chunks = [bytes]
      return Effect.succeed(bytes)
    })

  const store: ArtifactStore["Service"] = {
    inlineLimit: options.inlineLimit,
    put: (chunks, address) =>
      Effect.map(Clock.currentTimeMillis, (now) =>
        put(address?.digest ?? Digest.ofChunks(chunks), chunks, address?.size ?? Bytes.sizeOf(chunks), now)
      ),
    putFile: (path) =>
      Effect.flatMap(
        Effect.tryPromise({
          try: () => Fs.readFile(path),
          catch: (cause) => Bytes.failed("unreadable", `The file ${path} can't be read`, cause)
        }),
        (bytes) => store.put([bytes])
      ),
    get,
    stream: (digest, range) =>
      Stream.unwrap(Effect.map(get(digest), (bytes) => Stream.fromIterable(Bytes.parts(bytes, range)))),
    path: (digest) =>
      Effect.flatMap(get(digest), (bytes) =>
        Effect.tryPromise({
          try: async () => {
            directory ??= Fs.mkdtemp(Path.join(Os.tmpdir(), "effect-flow-"))
            const path = Path.join(await directory, digest)
            await Fs.writeFile(path, bytes)
            return path
          },
          catch: (cause) =>
            Bytes.failed("unwritable", "A temporary file for an artifact can't be written", cause, digest)
        })
      ),
    touch: (digests) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const there = new Set<string>()
        for (const digest of digests) {
          const entry = entries.get(digest)
          if (entry === undefined) continue
          entry.at = now
          there.add(digest)
        }
        return there
      }),
    sweep: ({ before, dryRun, keep }) =>
      Effect.sync(() => {
        let artifacts = 0
        let bytes = 0
        for (const [digest, entry] of entries) {
          if (entry.at >= before || keep.has(digest)) continue
          artifacts++
          bytes += entry.size
          if (dryRun !== true) entries.delete(digest)
        }
        return { artifacts, bytes }
      }),
    values: ValueCache.make(options.valueBytes)
  }

  return {
    store,
    inline: { put: (digest, bytes, now) => void put(digest, [bytes], bytes.length, now) },
    close: Effect.promise(async () => {
      if (directory !== undefined) await Fs.rm(await directory, { recursive: true, force: true })
    })
  }
}

const missing = (digest: string): ArtifactError =>
  new ArtifactError({ reason: "missing", digest, message: `No artifact ${digest} is in this store (it is in memory).` })

const changed = (digest: string): ArtifactError =>
  new ArtifactError({
    reason: "altered",
    digest,
    message:
      `The bytes of artifact ${digest} have changed since they were stored in memory: ` +
      "something wrote into an array after it had been handed over. Copy an array before you change it."
  })
