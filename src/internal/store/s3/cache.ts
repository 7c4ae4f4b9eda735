/**
 * Local files of artifacts that are kept in a bucket: those that were handed out as paths, and with a directory of the
 * user's own, whatever was read, so that a worker fetches a model once. A file is verified when it is fetched, and once
 * more by each process that uses it. When the files take more than the limit, the ones that were not used for longest go.
 */
import { rmSync } from "node:fs"
import * as Fs from "node:fs/promises"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type * as Stream from "effect/Stream"
import type { Address, ArtifactError } from "../artifactError.ts"
import type { LocalFiles } from "../blobs.ts"
import * as FileStore from "../files/store.ts"
import { temporaryDirectory } from "../temporaryFiles.ts"
import * as HandedOut from "./handedOut.ts"

/** The files can't be used, because the disk is full, say. What is in the bucket may well be read. */
export class Unusable extends Data.TaggedError("Unusable")<{ readonly error: ArtifactError }> {}

export interface Cache extends LocalFiles {
  /** The bytes of an artifact, fetched into a file if need be. */
  readonly get: (digest: string) => Effect.Effect<Uint8Array, ArtifactError | Unusable>
  /** Fetches an artifact into a file if need be, and yields its parts. */
  readonly open: (digest: string) => Effect.Effect<Stream.Stream<Uint8Array, ArtifactError>, ArtifactError | Unusable>
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
  // A path that was handed out stays good for as long as this process lives, whichever process makes room.
  const inUse = new Set<string>()
  const clock = Clock.Clock.defaultValue()
  const handedOut =
    directory === undefined ? undefined : HandedOut.make(directory, () => clock.currentTimeMillisUnsafe())
  const fetching = new Map<string, Semaphore.Semaphore>()
  let held: number | undefined

  const local = <A>(effect: Effect.Effect<A, ArtifactError>): Effect.Effect<A, Unusable> =>
    Effect.mapError(effect, (error) => new Unusable({ error }))

  /** Makes room, but not at the cost of an artifact that was just fetched. */
  const evict = Effect.fnUntraced(function* (fetched: string) {
    const all = [...(yield* local(files().old(Number.POSITIVE_INFINITY)))].sort(
      (file, other) => file.touchedAt - other.touchedAt
    )
    let total = all.reduce((sum, { size }) => sum + size, 0)
    for (const file of all) {
      if (total <= limitBytes) break
      if (inUse.has(file.digest) || file.digest === fetched) continue
      // A cache whose marks can't be read is not made smaller.
      if (yield* Effect.promise(async () => handedOut?.isUsed(file.digest).catch(() => true))) continue
      yield* local(files().remove([file], Number.POSITIVE_INFINITY))
      total -= file.size
    }
    held = total
  })

  /** Fetches into a file. Bytes that arrived altered are fetched once more. */
  const download = Effect.fnUntraced(function* (digest: string): Effect.fn.Return<Address, ArtifactError | Unusable> {
    let arrived = ""
    for (let attempt = 1; attempt <= 2; attempt++) {
      const address = yield* Effect.mapError(
        files().putBy((file, unwritable) => fetch(digest, file, unwritable)),
        (error) => (error.reason === "unwritable" ? new Unusable({ error }) : error)
      )
      if (address.digest === digest) return address
      yield* local(files().remove([address], Number.POSITIVE_INFINITY))
      arrived = address.digest
    }
    return yield* Effect.flatMap(wrong(digest, arrived), Effect.fail)
  })

  const fetched = (digest: string): Effect.Effect<string, ArtifactError | Unusable> => {
    const turn = fetching.get(digest) ?? Semaphore.makeUnsafe(1)
    fetching.set(digest, turn)
    return turn.withPermit(
      Effect.gen(function* () {
        if (yield* local(files().has(digest))) {
          // A file that is damaged counts as missing, and is fetched again.
          const path = yield* Effect.orElseSucceed(files().path(digest), () => undefined)
          if (path !== undefined) {
            yield* local(files().touch([digest]))
            return path
          }
        }
        const address = yield* download(digest)
        held = held === undefined ? undefined : held + address.size
        if (held === undefined || held > limitBytes) yield* evict(digest)
        return yield* local(files().path(digest))
      })
    )
  }

  return {
    isKept: directory !== undefined,
    has: (digest) => files().has(digest),
    put: (chunks, address) => files().put(chunks, address),
    path: (digest) =>
      // Without a mark the path may still be good.
      Effect.mapBoth(
        Effect.andThen(
          Effect.promise(async () => handedOut?.mark(digest).catch(() => {})),
          fetched(digest)
        ),
        {
          onSuccess: (path) => {
            inUse.add(digest)
            return path
          },
          onFailure: (error) => (error._tag === "Unusable" ? error.error : error)
        }
      ),
    get: (digest) => Effect.andThen(fetched(digest), local(files().get(digest))),
    open: (digest) => Effect.map(fetched(digest), () => files().stream(digest)),
    name: (digest, extension) => files().name(digest, extension),
    remove: (artifacts, before) =>
      Effect.suspend(() => (opened === undefined ? Effect.void : Effect.ignore(opened.remove(artifacts, before)))),
    tidy: (before) =>
      Effect.suspend(() => (opened === undefined ? Effect.void : Effect.ignore(opened.tidy(before, new Set())))),
    close: async () => {
      process.off("exit", remove)
      handedOut?.clear()
      if (temporary !== undefined) await Fs.rm(temporary, { recursive: true, force: true })
    }
  }
}
