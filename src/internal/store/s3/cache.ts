/**
 * Local files of artifacts that are kept in a bucket: those that were handed out as paths, and with a directory of the
 * user's own, whatever was read, so that a worker fetches a model once. A file is verified when it is fetched, and once
 * more by each process that uses it. When the files take more than the limit, the ones that were not used for longest go.
 */
import { rmSync } from "node:fs"
import * as Fs from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { Address, ArtifactError } from "../artifactError.ts"
import type { LocalFiles } from "../blobs.ts"
import * as FileStore from "../files/store.ts"
import { temporaryDirectory } from "../temporaryFiles.ts"

export interface Cache extends LocalFiles {
  /** The bytes of an artifact, fetched into a file if need be. */
  readonly get: (digest: string) => Effect.Effect<Uint8Array, ArtifactError>
  readonly stream: (digest: string) => Stream.Stream<Uint8Array, ArtifactError>
  /** Whether the files outlive this process. */
  readonly isKept: boolean
  /** Removes the files of artifacts that were removed from the store, unless they were used since a time. */
  readonly remove: (artifacts: ReadonlyArray<Address>, before: number) => Effect.Effect<void>
  readonly tidy: (before: number) => Effect.Effect<void>
  readonly close: () => Promise<void>
}

export interface Options {
  /** Default: a temporary directory, which goes with the store. */
  readonly directory?: string | undefined
  readonly limitBytes: number
  /** Writes the bytes of an artifact in the bucket to a file, and yields the digest that they have. */
  readonly fetch: (
    digest: string,
    file: Fs.FileHandle,
    unwritable: (cause: unknown) => ArtifactError
  ) => Effect.Effect<Address, ArtifactError>
  /** What to fail with if they have another digest. */
  readonly wrong: (digest: string, arrived: string) => Effect.Effect<ArtifactError, ArtifactError>
}

export const make = ({ directory, fetch, limitBytes, wrong }: Options): Cache => {
  let temporary: string | undefined
  const remove = (): void => {
    if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true })
  }
  let opened: FileStore.FileStore | undefined
  const files = (): FileStore.FileStore => {
    if (opened === undefined) {
      if (directory === undefined) {
        temporary = temporaryDirectory()
        process.once("exit", remove)
      }
      opened = FileStore.make({ directory: directory ?? temporary ?? "", hint: ".", durable: false })
    }
    return opened
  }
  // A path that was handed out stays good for as long as this process lives.
  const inUse = new Set<string>()
  const fetching = new Map<string, Semaphore.Semaphore>()
  let held: number | undefined

  /** Makes room, but not at the cost of an artifact that was just fetched. */
  const evict = Effect.fnUntraced(function* (fetched: string) {
    const all = [...(yield* files().old(Number.POSITIVE_INFINITY))].sort(
      (file, other) => file.touchedAt - other.touchedAt
    )
    let total = all.reduce((sum, { size }) => sum + size, 0)
    for (const file of all) {
      if (total <= limitBytes) break
      if (inUse.has(file.digest) || file.digest === fetched) continue
      yield* files().remove([file], Number.POSITIVE_INFINITY)
      total -= file.size
    }
    held = total
  })

  /** Fetches into a file. Bytes that arrived altered are fetched once more. */
  const download = Effect.fnUntraced(function* (digest: string): Effect.fn.Return<Address, ArtifactError> {
    let arrived = ""
    for (let attempt = 1; attempt <= 2; attempt++) {
      const address = yield* files().putBy((file, unwritable) => fetch(digest, file, unwritable))
      if (address.digest === digest) return address
      yield* files().remove([address], Number.POSITIVE_INFINITY)
      arrived = address.digest
    }
    return yield* Effect.flatMap(wrong(digest, arrived), Effect.fail)
  })

  const fetched = (digest: string): Effect.Effect<string, ArtifactError> => {
    const turn = fetching.get(digest) ?? Semaphore.makeUnsafe(1)
    fetching.set(digest, turn)
    return turn.withPermit(
      Effect.gen(function* () {
        if (yield* files().has(digest)) {
          // A file that is damaged counts as missing, and is fetched again.
          const path = yield* Effect.orElseSucceed(files().path(digest), () => undefined)
          if (path !== undefined) {
            yield* files().touch([digest])
            return path
          }
        }
        const address = yield* download(digest)
        held = held === undefined ? undefined : held + address.size
        if (held === undefined || held > limitBytes) yield* evict(digest)
        return yield* files().path(digest)
      })
    )
  }

  return {
    isKept: directory !== undefined,
    has: (digest) => files().has(digest),
    put: (chunks, address) => files().put(chunks, address),
    path: (digest) => Effect.tap(fetched(digest), () => Effect.sync(() => inUse.add(digest))),
    get: (digest) => Effect.andThen(fetched(digest), files().get(digest)),
    stream: (digest) => Stream.unwrap(Effect.map(fetched(digest), () => files().stream(digest))),
    name: (digest, extension) => files().name(digest, extension),
    remove: (artifacts, before) =>
      Effect.suspend(() => (opened === undefined ? Effect.void : Effect.ignore(opened.remove(artifacts, before)))),
    tidy: (before) =>
      Effect.suspend(() => (opened === undefined ? Effect.void : Effect.ignore(opened.tidy(before, new Set())))),
    close: async () => {
      process.off("exit", remove)
      if (temporary !== undefined) await Fs.rm(temporary, { recursive: true, force: true })
    }
  }
}
