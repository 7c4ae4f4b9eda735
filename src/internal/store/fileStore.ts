/**
 * Large artifacts as files: `ab/abcdef…` under a directory, named by their digest. A file is written under a temporary
 * name and renamed, so that one that is there is whole; bytes are hashed while the system writes or reads, so that
 * neither waits for the other, and no big array is copied. A file's modification time is when it was last put or touched,
 * which is what sweeping goes by.
 */
import { createHash, type Hash, randomUUID } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type Address, ArtifactError } from "../../ArtifactStore.ts"
import * as Bytes from "./bytes.ts"
import * as Io from "./fileStoreIo.ts"

export interface FileStore {
  readonly put: (chunks: ReadonlyArray<Uint8Array>, address?: Address) => Effect.Effect<Address, ArtifactError>
  readonly putFile: (path: string) => Effect.Effect<Address, ArtifactError>
  readonly get: (digest: string) => Effect.Effect<Uint8Array, ArtifactError>
  readonly stream: (digest: string, range?: Io.Range) => Stream.Stream<Uint8Array, ArtifactError>
  /** The verified file. */
  readonly path: (digest: string) => Effect.Effect<string, ArtifactError>
  readonly has: (digest: string) => Effect.Effect<boolean, ArtifactError>
  readonly touch: (digests: ReadonlyArray<string>) => Effect.Effect<ReadonlySet<string>, ArtifactError>
  /** Files last touched before a time, with their sizes. */
  readonly old: (before: number) => Effect.Effect<ReadonlyArray<Address>, ArtifactError>
  /** Removes files unless they were touched since; says what went. */
  readonly remove: (
    files: ReadonlyArray<Address>,
    before: number
  ) => Effect.Effect<ReadonlyArray<Address>, ArtifactError>
  /** Removes what a killed process left half written before a time. */
  readonly tidy: (before: number) => Effect.Effect<void, ArtifactError>
}

interface Options {
  readonly directory: string
  /** Whether a file is on the disk itself, not just with the system, before it counts as written. */
  readonly sync: boolean
  /** Ends the sentence that says that an artifact is missing. */
  readonly hint: string
}

/** Nobody writes to an artifact that is there. (Windows does not remove files that can't be written to.) */
const mode = process.platform === "win32" ? 0o666 : 0o444

const isDigest = (digest: string): boolean => /^[0-9a-f]{64}$/.test(digest)

export const make = (options: Options): FileStore => {
  const { directory, hint, sync } = options
  const temporary = Path.join(directory, "tmp")
  const pathOf = (digest: string): string => Path.join(directory, digest.slice(0, 2), digest)
  /** What a file looked like when it was verified: it need not be hashed again as long as it looks the same. */
  const verified = new Map<string, string>()

  const missing = (digest: string): ArtifactError =>
    new ArtifactError({
      reason: "missing",
      digest,
      message: `Artifact ${digest} is not in the store: there is no file ${pathOf(digest)}${hint}`
    })

  const altered = (digest: string, found: string): ArtifactError =>
    new ArtifactError({
      reason: "altered",
      digest,
      message: `Artifact ${digest} was altered: the file ${pathOf(digest)} now has the digest ${found}. Restore it, or remove it and run its task again.`
    })

  const unreadable = (digest: string, cause: unknown): ArtifactError => {
    if (cause instanceof ArtifactError) return cause
    if (Io.isMissing(cause)) return missing(digest)
    return Bytes.failed("unreadable", `Artifact ${digest} can't be read from ${pathOf(digest)}`, cause, digest)
  }

  const reading = <A>(
    digest: string,
    read: (path: string, signal: AbortSignal) => Promise<A>
  ): Effect.Effect<A, ArtifactError> =>
    isDigest(digest)
      ? Io.attempt(
          (signal) => read(pathOf(digest), signal),
          (cause) => unreadable(digest, cause)
        )
      : Effect.fail(missing(digest))

  const writing = <A>(write: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, ArtifactError> =>
    Io.attempt(write, (cause) =>
      cause instanceof ArtifactError
        ? cause
        : Bytes.failed("unwritable", `An artifact can't be written to ${directory}`, cause)
    )

  /** Makes the directory of a file where it is missing: most are there, so trying first is cheaper than asking. */
  const withDirectory = async <A>(path: string, use: () => Promise<A>): Promise<A> => {
    try {
      return await use()
    } catch (cause) {
      if (!Io.isMissing(cause)) throw cause
      await Fs.mkdir(Path.dirname(path), { recursive: true })
      return await use()
    }
  }

  const touchOne = async (digest: string, now: number): Promise<boolean> => {
    try {
      await Fs.utimes(pathOf(digest), now / 1000, now / 1000)
      return true
    } catch (cause) {
      if (Io.isMissing(cause)) return false
      throw cause
    }
  }

  /** Writes what `parts` yields, and gives the file its name. */
  const store = async (
    parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    address: Address | undefined,
    now: number,
    signal: AbortSignal
  ): Promise<Address> => {
    if (address !== undefined && (await touchOne(address.digest, now))) return address
    const name = Path.join(temporary, `${process.pid}-${randomUUID()}`)
    const file = await withDirectory(name, () => Fs.open(name, "wx", mode))
    try {
      const hash = address === undefined ? createHash("sha256") : undefined
      let size = 0
      try {
        size = await Io.writeParts(file, parts, (part) => hash?.update(part), signal)
        if (sync) await file.datasync()
        await file.utimes(now / 1000, now / 1000)
      } finally {
        await file.close()
      }
      const made = address ?? { digest: (hash as Hash).digest("hex"), size } // made where no address was given
      if (address === undefined && (await touchOne(made.digest, now))) {
        await Fs.unlink(name)
        return made
      }
      const path = pathOf(made.digest)
      await withDirectory(path, () => Fs.rename(name, path))
      if (sync) await Io.syncDirectory(Path.dirname(path))
      return made
    } catch (cause) {
      await Fs.rm(name, { force: true })
      throw cause
    }
  }

  /** Reads into one buffer, hashing what has come while more is on its way. */
  const load = async (digest: string, path: string, signal: AbortSignal): Promise<Uint8Array> => {
    const file = await Fs.open(path, "r")
    try {
      const { size } = await file.stat()
      const bytes = new Uint8Array(Buffer.allocUnsafeSlow(size).buffer)
      const hash = createHash("sha256")
      await Io.readParts(file, bytes, (part) => hash.update(part), signal)
      const found = hash.digest("hex")
      if (found !== digest) throw altered(digest, found)
      return bytes
    } finally {
      await file.close()
    }
  }

  const verify = async (digest: string, path: string, signal: AbortSignal): Promise<string> => {
    const { ctimeMs, ino, size } = await Fs.stat(path)
    const look = `${ctimeMs}/${ino}/${size}`
    if (verified.get(digest) === look) return path
    const hash = createHash("sha256")
    for await (const part of Io.fileParts(path)) {
      signal.throwIfAborted()
      hash.update(part)
    }
    const found = hash.digest("hex")
    if (found !== digest) throw altered(digest, found)
    verified.set(digest, look)
    return path
  }

  /** The parts of a file or of a range of it; a whole one is verified at its end. */
  async function* streamed(digest: string, range: Io.Range | undefined): AsyncGenerator<Uint8Array> {
    const hash = range === undefined ? createHash("sha256") : undefined
    for await (const part of Io.fileParts(pathOf(digest), range)) {
      hash?.update(part)
      yield part
    }
    const found = hash?.digest("hex")
    if (found !== undefined && found !== digest) throw altered(digest, found)
  }

  return {
    put: (chunks, address) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        writing((signal) =>
          store(
            chunks.values().flatMap((chunk) => Bytes.parts(chunk)),
            address,
            now,
            signal
          )
        )
      ),
    putFile: (path) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        writing((signal) => store(Io.readable(path), undefined, now, signal))
      ),
    get: (digest) => reading(digest, (path, signal) => load(digest, path, signal)),
    stream: (digest, range) =>
      isDigest(digest)
        ? Stream.fromAsyncIterable(streamed(digest, range), (cause) => unreadable(digest, cause))
        : Stream.fail(missing(digest)),
    path: (digest) => reading(digest, (path, signal) => verify(digest, path, signal)),
    has: (digest) =>
      reading(digest, (path) => Fs.access(path)).pipe(
        Effect.as(true),
        Effect.catch((error) => (error.reason === "missing" ? Effect.succeed(false) : Effect.fail(error)))
      ),
    touch: (digests) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        writing(async () => {
          const there = new Set<string>()
          const touch = async (digest: string): Promise<void> => {
            if (isDigest(digest) && (await touchOne(digest, now))) there.add(digest)
          }
          for (let at = 0; at < digests.length; at += 32) await Promise.all(digests.slice(at, at + 32).map(touch))
          return there
        })
      ),
    old: (before) =>
      writing(async () => {
        const found: Array<Address> = []
        for (const folder of await Io.entries(directory)) {
          if (folder.length !== 2) continue
          for (const digest of await Io.entries(Path.join(directory, folder))) {
            const look = isDigest(digest) ? await Io.lookAt(pathOf(digest)) : undefined
            if (look !== undefined && look.mtimeMs < before) found.push({ digest, size: look.size })
          }
        }
        return found
      }),
    remove: (files, before) =>
      writing(async () => {
        const gone: Array<Address> = []
        for (const file of files) if (await Io.removeOld(pathOf(file.digest), temporary, before)) gone.push(file)
        return gone
      }),
    tidy: (before) =>
      writing(async () => {
        for (const name of await Io.entries(temporary)) {
          const path = Path.join(temporary, name)
          const look = await Io.lookAt(path)
          if (look !== undefined && look.mtimeMs < before) await Fs.rm(path, { force: true })
        }
      })
  }
}
