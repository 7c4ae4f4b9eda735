/**
 * Large artifacts as files, `ab/abcdef…` under a directory, named by their digest.
 *
 * A file is written under a temporary name, synced, and then renamed, so a file under its final name is whole, also
 * after a power cut. `put` and `putFile` return when the name is durable too; a record that refers to the file can't be
 * durable earlier. Bytes are hashed while the system writes or reads them, and no big array is copied.
 *
 * A file that no longer has its digest is moved to `damaged/`. It then counts as missing, so the next task that writes
 * the same bytes puts them in place, and a resumed run executes the task that made it again.
 *
 * A file's modification time is when it was last put or touched; garbage collection goes by it.
 */
import { createHash } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type Address, ArtifactError } from "../artifactError.ts"
import type { Blobs, LocalFiles, Range } from "../blobs.ts"
import * as Bytes from "../bytes.ts"
import { directories as directoriesOf } from "./directories.ts"
import * as Integrity from "./integrity.ts"
import { isMissing, lookAt } from "./look.ts"
import * as Names from "./names.ts"
import * as Owners from "./owners.ts"
import { fileParts, hashFile, readable, readParts } from "./parts.ts"
import * as Places from "./places.ts"
import * as Problem from "./problem.ts"
import * as Sweep from "./sweep.ts"
import * as Verify from "./verify.ts"
import { attempt } from "./work.ts"
import * as Write from "./write.ts"

/** A directory of files: blobs that are their own local files. */
export interface FileStore extends Blobs, LocalFiles {
  readonly put: Blobs["put"]
  /**
   * Stores what is written to a file, under the digest that it turns out to have.
   *
   * @param fill Writes it, and is told what to fail with if that is not possible.
   */
  readonly putBy: (
    fill: (file: Fs.FileHandle, unwritable: (cause: unknown) => ArtifactError) => Effect.Effect<Address, ArtifactError>
  ) => Effect.Effect<Address, ArtifactError>
}

interface Options {
  readonly directory: string
  /** Ends the sentence that says that an artifact is missing. */
  readonly hint: string
  /** Whether the run database is elsewhere, so that several may keep artifacts in this directory. Default: false. */
  readonly isShared?: boolean
  /** Writes nothing: damaged files stay where they are, and `put` fails. Default: false. */
  readonly readOnly?: boolean
  /** Whether files survive a power cut. Default: true. */
  readonly durable?: boolean
}

export const make = (options: Options): FileStore => {
  const { directory, hint } = options
  const readOnly = options.readOnly === true
  const places = Places.make(directory)
  const { damaged, pathOf } = places
  const directories = directoriesOf(directory)
  const names = Names.make(places, directories)
  const integrity = Integrity.make(places, directories, readOnly)
  const writer = Write.make(places, directories, integrity, options.durable ?? true)

  const unreadable = async (digest: string, cause: unknown): Promise<ArtifactError> => {
    if (cause instanceof ArtifactError) return cause
    if (!isMissing(cause))
      return Bytes.failed("unreadable", `Artifact ${digest} can't be read from ${pathOf(digest)}`, cause, digest)
    return (await lookAt(Path.join(damaged, digest))) === undefined
      ? Problem.missing(places, digest, hint)
      : Problem.altered(places, digest, true)
  }

  const reading = <A>(
    digest: string,
    read: (path: string, signal: AbortSignal) => Promise<A>
  ): Effect.Effect<A, ArtifactError> =>
    Places.isDigest(digest)
      ? attempt(
          (signal) =>
            read(pathOf(digest), signal)
              .catch(async (cause) => {
                const swept = isMissing(cause) ? await Sweep.findSwept(places, digest, readOnly) : undefined
                if (swept === undefined) throw cause
                return await read(swept, signal)
              })
              .catch(async (cause) => {
                throw await unreadable(digest, cause)
              }),
          (cause) => cause as ArtifactError // as thrown above
        )
      : Effect.fail(Problem.missing(places, digest, hint))

  const unwritable = (cause: unknown): ArtifactError =>
    isMissing(cause)
      ? Problem.gone(places, cause)
      : Bytes.failed("unwritable", `An artifact can't be written to ${directory}`, cause)

  const writing = <A>(write: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, ArtifactError> =>
    readOnly
      ? Effect.fail(Problem.readOnly(places))
      : attempt(write, (cause) => (cause instanceof ArtifactError ? cause : unwritable(cause)))

  /** Reads into one buffer, hashing the bytes that have arrived while more are on their way. */
  const load = async (digest: string, path: string, signal: AbortSignal): Promise<Uint8Array> => {
    const file = await Fs.open(path, "r")
    try {
      const look = await file.stat({ bigint: true })
      const bytes = new Uint8Array(Buffer.allocUnsafeSlow(Number(look.size)).buffer)
      const hash = createHash("sha256")
      await readParts(file, bytes, (part) => hash.update(part), signal)
      await integrity.check(digest, hash.digest("hex"), look)
      return bytes
    } finally {
      await file.close()
    }
  }

  const verifiedPath = async (digest: string, path: string, signal: AbortSignal): Promise<string> => {
    const look = await Fs.stat(path, { bigint: true })
    if (!integrity.knows(digest, look)) await integrity.check(digest, await hashFile(path, signal), look)
    return path
  }

  /** The parts of a file, or of a range of it. A whole file is verified at its end. */
  async function* streamed(digest: string, range: Range | undefined): AsyncGenerator<Uint8Array> {
    try {
      const isMissing = (await lookAt(pathOf(digest))) === undefined
      const path = (isMissing ? await Sweep.findSwept(places, digest, readOnly) : undefined) ?? pathOf(digest)
      const look = range === undefined ? await Fs.stat(path, { bigint: true }) : undefined
      const hash = createHash("sha256")
      for await (const part of fileParts(path, range)) {
        if (look !== undefined) hash.update(part)
        yield part
      }
      if (look !== undefined) await integrity.check(digest, hash.digest("hex"), look)
    } catch (cause) {
      throw await unreadable(digest, cause)
    }
  }

  const store: Omit<FileStore, "local" | "isRemote"> = {
    put: (chunks, address) =>
      Clock.clockWith((clock) =>
        writing((signal) =>
          writer.put(
            chunks.values().flatMap((chunk) => Bytes.parts(chunk)),
            address,
            () => clock.currentTimeMillisUnsafe(),
            signal
          )
        )
      ),
    putFile: (path) =>
      Clock.clockWith((clock) =>
        writing((signal) => writer.put(readable(path), undefined, () => clock.currentTimeMillisUnsafe(), signal))
      ),
    putBy: (fill) =>
      Effect.contextWith((context: Context.Context<never>) =>
        Clock.clockWith((clock) =>
          writing((signal) =>
            writer.putBy(
              (file) => Effect.runPromiseWith(context)(fill(file, unwritable), { signal }),
              () => clock.currentTimeMillisUnsafe()
            )
          )
        )
      ),
    get: (digest) => reading(digest, (path, signal) => load(digest, path, signal)),
    stream: (digest, range) =>
      Places.isDigest(digest)
        ? Stream.fromAsyncIterable(streamed(digest, range), (cause) => cause as ArtifactError) // as `streamed` throws it
        : Stream.fail(Problem.missing(places, digest, hint)),
    path: (digest) => reading(digest, (path, signal) => verifiedPath(digest, path, signal)),
    name: (digest, extension) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        readOnly
          ? Effect.undefined
          : Effect.orElseSucceed(
              Effect.tryPromise(() => names.make(digest, extension, now)),
              () => undefined
            )
      ),
    has: (digest) =>
      reading(digest, (path) => Fs.access(path)).pipe(
        Effect.as(true),
        Effect.catch((error) =>
          error.reason === "missing" || error.reason === "altered" ? Effect.succeed(false) : Effect.fail(error)
        )
      ),
    touch: (artifacts) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        artifacts.length === 0
          ? Effect.succeed(new Set<string>())
          : writing(async () => {
              const intact = new Set<string>()
              const touch = async (artifact: string | Address): Promise<void> => {
                const { digest, size } = typeof artifact === "string" ? { digest: artifact, size: undefined } : artifact
                if (Places.isDigest(digest) && (await writer.touch(digest, size, now))) intact.add(digest)
              }
              for (let at = 0; at < artifacts.length; at += 32)
                await Promise.all(artifacts.slice(at, at + 32).map(touch))
              return intact
            })
      ),
    verify: (each) =>
      attempt(
        (signal) => Verify.verify(places, each, signal),
        (cause) => Bytes.failed("unreadable", `The artifacts in ${directory} can't be read`, cause)
      ),
    setApart: (digest) =>
      writing(async () => {
        const look = await lookAt(pathOf(digest))
        if (look !== undefined) await integrity.setApart(digest, look.ino)
      }),
    discard: (path) => writing(() => Fs.rm(path, { force: true })),
    restore: (digest, from) => writing(() => Verify.restore(places, directories, digest, from)),
    old: (before) => writing(() => Sweep.old(places, before)),
    remove: (files, before) => writing(() => Sweep.remove(places, files, before)),
    tidy: (before, keep) => writing(() => Sweep.tidy(places, names, before, keep))
  }
  const looking = <A>(look: () => Promise<A>): Effect.Effect<A, ArtifactError> =>
    attempt(look, (cause) => Bytes.failed("unreadable", `The artifacts in ${directory} can't be read`, cause))
  const owners = Owners.make(directory, options.isShared === true, directories, { read: looking, write: writing })
  return { ...store, owners, local: store, isRemote: false }
}
