/**
 * An `ArtifactStore` in memory. It keeps the chunks that it is given, so nobody else may change them afterwards; what
 * it gives out are copies. An artifact that is asked for by path is written to a temporary file, once.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Extension from "../artifact/extension.ts"
import * as ValueCache from "../artifact/valueCache.ts"
import * as Digest from "../schema/digest.ts"
import { type Address, ArtifactError } from "./artifactError.ts"
import type { ArtifactFault, ArtifactStore } from "./artifactStore.ts"
import * as Bytes from "./bytes.ts"
import type { Inline } from "./memoryRecords.ts"
import * as TemporaryFiles from "./temporaryFiles.ts"
import * as UserFile from "./userFile.ts"

interface Entry {
  chunks: ReadonlyArray<Uint8Array>
  readonly size: number
  at: number
}

/** A store, and how a `RunStore` that shares its memory puts the small artifacts of a task into it. */
export interface Memory {
  readonly store: ArtifactStore["Service"]
  readonly inline: Inline
  /** Removes the files that `path` wrote. */
  readonly close: Effect.Effect<void>
}

/**
 * A new store.
 *
 * @param options.inlineLimit 0 if no `RunStore` shares the store.
 * @param options.valueBytes How many bytes of decoded values to keep.
 */
export const make = (options: { readonly inlineLimit: number; readonly valueBytes: number }): Memory => {
  const entries = new Map<string, Entry>()
  const sources = new Map<string, Address>()
  const files = TemporaryFiles.make()

  const put = (digest: string, given: ReadonlyArray<Uint8Array>, size: number, now: number): Address => {
    const chunks = Bytes.compact(given)
    const entry = entries.get(digest)
    if (entry === undefined) entries.set(digest, { chunks, size, at: now })
    else Object.assign(entry, { chunks, at: now }) // a program may have changed the bytes that were there
    return { digest, size }
  }

  /** The store's own bytes, verified: not to be handed out. */
  const kept = (digest: string): Effect.Effect<Uint8Array, ArtifactError> =>
    Effect.suspend(() => {
      const entry = entries.get(digest)
      if (entry === undefined) return Effect.fail(missing(digest))
      if (Digest.ofChunks(entry.chunks) !== digest) return Effect.fail(changed(digest))
      const bytes = Bytes.join(entry.chunks, entry.size)
      entry.chunks = [bytes]
      return Effect.succeed(bytes)
    })

  const get = (digest: string) => Effect.map(kept(digest), (bytes) => new Uint8Array(bytes))

  const store: ArtifactStore["Service"] = {
    inlineLimit: options.inlineLimit,
    put: (chunks, address) =>
      Effect.map(Clock.currentTimeMillis, (now) =>
        put(address?.digest ?? Digest.ofChunks(chunks), chunks, address?.size ?? Bytes.sizeOf(chunks), now)
      ),
    putFile: (path) =>
      Effect.flatMap(
        Effect.tryPromise({
          try: () => UserFile.read(path, (file) => file.readFile()),
          catch: (cause) => UserFile.unreadable(path, cause)
        }),
        (bytes) => store.put([bytes])
      ),
    get,
    stream: (digest, range) =>
      Stream.unwrap(Effect.map(get(digest), (bytes) => Stream.fromIterable(Bytes.parts(bytes, range)))),
    path: (digest, extension) =>
      Effect.flatMap(kept(digest), (bytes) =>
        Effect.tryPromise({
          try: () => files.write(digest + Extension.normalized(extension), bytes),
          catch: (cause) =>
            Bytes.failed("unwritable", "A temporary file for an artifact can't be written", cause, digest)
        })
      ),
    touch: (artifacts) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const intact = new Set<string>()
        for (const artifact of artifacts) {
          const digest = typeof artifact === "string" ? artifact : artifact.digest
          const entry = entries.get(digest)
          if (entry === undefined) continue
          entry.at = now
          intact.add(digest)
        }
        return intact
      }),
    sweep: ({ before, dryRun, keep, released }) =>
      Effect.sync(() => {
        let artifacts = 0
        let bytes = 0
        for (const [digest, entry] of entries) {
          const limit = released?.digests.has(digest) === true ? Math.max(before, released.before) : before
          if (entry.at >= limit || keep.has(digest)) continue
          artifacts++
          bytes += entry.size
          if (dryRun !== true) entries.delete(digest)
        }
        return { artifacts, bytes }
      }),
    verify: () =>
      Effect.sync(() => {
        const intact = new Set<string>()
        const faults: Array<ArtifactFault> = []
        for (const [digest, { chunks }] of entries) {
          if (Digest.ofChunks(chunks) === digest) intact.add(digest)
          else faults.push({ digest, kind: "altered", where: "memory", repaired: false })
        }
        return { intact, faults }
      }),
    sources: {
      find: (source) => Effect.sync(() => sources.get(source)),
      keep: (source, address) => Effect.sync(() => void sources.set(source, address))
    },
    values: ValueCache.make(options.valueBytes, { keepBytes: false })
  }

  return {
    store,
    inline: { put: (digest, bytes, now) => void put(digest, [bytes], bytes.length, now) },
    close: Effect.promise(files.close)
  }
}

const missing = (digest: string): ArtifactError =>
  new ArtifactError({
    reason: "missing",
    digest,
    message: `Artifact ${digest} is not in this store, which is in memory.`
  })

const changed = (digest: string): ArtifactError =>
  new ArtifactError({
    reason: "altered",
    digest,
    message:
      `The bytes of artifact ${digest} have changed since they were stored in memory: ` +
      "something wrote into an array after handing it over. Copy an array before you change it."
  })
