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
import { createHash, type Hash, randomUUID } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type Address, ArtifactError } from "../../ArtifactStore.ts"
import { reasonOf } from "../cause.ts"
import * as Bytes from "./bytes.ts"
import * as FileNames from "./fileNames.ts"
import * as Io from "./fileStoreIo.ts"

export interface FileStore {
  readonly put: (chunks: ReadonlyArray<Uint8Array>, address?: Address) => Effect.Effect<Address, ArtifactError>
  readonly putFile: (path: string) => Effect.Effect<Address, ArtifactError>
  readonly get: (digest: string) => Effect.Effect<Uint8Array, ArtifactError>
  readonly stream: (digest: string, range?: Io.Range) => Stream.Stream<Uint8Array, ArtifactError>
  /** The path of the file, once it is verified. */
  readonly path: (digest: string) => Effect.Effect<string, ArtifactError>
  /**
   * A second name of a file, which ends in an extension: a symbolic link in `named/`, which lasts as long as the file.
   * None where it can't be made.
   */
  readonly name: (digest: string, extension: string) => Effect.Effect<string | undefined>
  readonly has: (digest: string) => Effect.Effect<boolean, ArtifactError>
  /**
   * Starts the age of files anew. Yields those that are intact: a file of another size, or changed from outside, is
   * not.
   */
  readonly touch: (artifacts: ReadonlyArray<string | Address>) => Effect.Effect<ReadonlySet<string>, ArtifactError>
  /** Files last touched before a time, with their sizes. */
  readonly old: (before: number) => Effect.Effect<ReadonlyArray<Address>, ArtifactError>
  /** Removes files unless they were touched since; yields those it removed. */
  readonly remove: (
    files: ReadonlyArray<Address>,
    before: number
  ) => Effect.Effect<ReadonlyArray<Address>, ArtifactError>
  /**
   * Removes what a killed process left half written before a time, and what was set apart as damaged before it. A
   * damaged file that is the only copy of an artifact in `keep` stays for a week longer, for who may want to look at it.
   */
  readonly tidy: (before: number, keep: ReadonlySet<string>) => Effect.Effect<void, ArtifactError>
  /** Checks every file against its name, including those in `damaged/`. */
  readonly verify: (each: (checked: Checked) => void) => Effect.Effect<void, ArtifactError>
  /** Moves an intact file from a wrong place to its own, unless there is one already. Says whether it did. */
  readonly restore: (digest: string, from: string) => Effect.Effect<boolean, ArtifactError>
  /** Moves a damaged file to `damaged/`. */
  readonly setApart: (digest: string) => Effect.Effect<void, ArtifactError>
  /** Removes a file from a wrong place. */
  readonly discard: (path: string) => Effect.Effect<void, ArtifactError>
}

/** A file that `verify` read. */
export interface Checked {
  readonly digest: string
  readonly path: string
  readonly size: number
  readonly intact: boolean
  /** Where it lies: where readers look, in `damaged/`, or in the directory of another digest. */
  readonly place: "right" | "apart" | "wrong"
  /** Why it could not be read. */
  readonly error?: string
}

interface Options {
  readonly directory: string
  /** Ends the sentence that says that an artifact is missing. */
  readonly hint: string
  /** Writes nothing: damaged files stay where they are, and `put` fails. Default: false. */
  readonly readOnly?: boolean
}

/** Artifacts are immutable. (Windows can't remove files without write permission.) */
const fileMode = process.platform === "win32" ? 0o666 : 0o444

/** A file touched within this many milliseconds may have a name that is not durable yet. */
const youngMs = 60_000

/** A week: so much longer a damaged file stays if it is the only copy. */
const damagedStaysMs = 7 * 24 * 60 * 60 * 1000

const isDigest = (digest: string): boolean => /^[0-9a-f]{64}$/.test(digest)

export const make = (options: Options): FileStore => {
  const { directory, hint } = options
  const readOnly = options.readOnly === true
  const temporary = Path.join(directory, "tmp")
  const damaged = Path.join(directory, "damaged")
  const pathOf = (digest: string): string => Path.join(directory, digest.slice(0, 2), digest)
  const sweptPathOf = (digest: string): string => Path.join(temporary, `swept-${digest}`)
  const directories = Io.directories(directory)
  const names = FileNames.make(Path.join(directory, "named"), pathOf, directories)
  /** What a file looked like when it was verified. It need not be hashed again while it looks the same. */
  const verified = new Map<string, string>()

  const missing = (digest: string): ArtifactError =>
    new ArtifactError({
      reason: "missing",
      digest,
      message: `Artifact ${digest} is not in the store: there is no file ${pathOf(digest)}${hint}`
    })

  const altered = (digest: string, moved: boolean): ArtifactError =>
    new ArtifactError({
      reason: "altered",
      digest,
      message:
        `Artifact ${digest} was altered: the bytes of ${pathOf(digest)} no longer have this digest` +
        `${moved ? `, so the file was moved to ${damaged}` : ""}. ` +
        "Resume the run to execute the task that wrote it again, or restore the file from a copy."
    })

  const gone = (cause: unknown): ArtifactError =>
    Bytes.failed(
      "unwritable",
      `The directory ${directory} of the store is gone: it was deleted, moved or unmounted while the store was in use`,
      cause
    )

  const unreadable = async (digest: string, cause: unknown): Promise<ArtifactError> => {
    if (cause instanceof ArtifactError) return cause
    if (!Io.isMissing(cause))
      return Bytes.failed("unreadable", `Artifact ${digest} can't be read from ${pathOf(digest)}`, cause, digest)
    return (await Io.lookAt(Path.join(damaged, digest))) === undefined ? missing(digest) : altered(digest, true)
  }

  const reading = <A>(
    digest: string,
    read: (path: string, signal: AbortSignal) => Promise<A>
  ): Effect.Effect<A, ArtifactError> =>
    isDigest(digest)
      ? Io.attempt(
          (signal) =>
            read(pathOf(digest), signal)
              .catch(async (cause) => {
                const swept = Io.isMissing(cause) ? await findSwept(digest) : undefined
                if (swept === undefined) throw cause
                return await read(swept, signal)
              })
              .catch(async (cause) => {
                throw await unreadable(digest, cause)
              }),
          (cause) => cause as ArtifactError // as thrown above
        )
      : Effect.fail(missing(digest))

  /**
   * Where a file lies that a sweep took away and did not remove, because its process ended in between. It is brought
   * back if possible.
   */
  const findSwept = async (digest: string): Promise<string | undefined> => {
    const away = sweptPathOf(digest)
    if (readOnly) return (await Io.lookAt(away)) === undefined ? undefined : away
    return (await Io.bringBack(away, pathOf(digest))) ? pathOf(digest) : undefined
  }

  const writing = <A>(write: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, ArtifactError> =>
    readOnly
      ? Effect.fail(
          new ArtifactError({
            reason: "unwritable",
            message: `An artifact can't be written to ${directory}: the store was opened for reading only.`
          })
        )
      : Io.attempt(write, (cause) =>
          cause instanceof ArtifactError
            ? cause
            : Io.isMissing(cause)
              ? gone(cause)
              : Bytes.failed("unwritable", `An artifact can't be written to ${directory}`, cause)
        )

  /** Moves a damaged file out of the way, unless someone has replaced it since. Says whether it did. */
  const setApart = async (digest: string, inode: bigint): Promise<boolean> => {
    verified.delete(digest)
    if (readOnly) return false
    try {
      if ((await Io.lookAt(pathOf(digest)))?.ino !== inode) return false
      await directories.within(damaged, () => Fs.rename(pathOf(digest), Path.join(damaged, digest)))
      return true
    } catch {
      return false // another user's file, or a read-only disk: the error below tells the story
    }
  }

  const checkDigest = async (digest: string, found: string, look: Io.Look): Promise<void> => {
    if (found !== digest) throw altered(digest, await setApart(digest, look.ino))
    verified.set(digest, Io.fingerprint(look))
  }

  const hashFile = async (path: string, signal?: AbortSignal): Promise<string> => {
    const hash = createHash("sha256")
    for await (const part of Io.fileParts(path)) {
      signal?.throwIfAborted()
      hash.update(part)
    }
    return hash.digest("hex")
  }

  /** Whether a file is what its name says, by its looks where they allow, else by its bytes. */
  const isIntact = async (digest: string, look: Io.Look, size: number | undefined): Promise<boolean> => {
    if (size !== undefined && BigInt(size) !== look.size) return false
    if (verified.get(digest) === Io.fingerprint(look) || Io.isUntouched(look)) return true
    const found = await hashFile(pathOf(digest))
    if (found === digest) return true
    await setApart(digest, look.ino)
    return false
  }

  const touchOne = async (digest: string, size: number | undefined, now: number): Promise<boolean> => {
    const path = pathOf(digest)
    let look = await Io.lookAt(path)
    if (look === undefined && (await findSwept(digest)) !== undefined) look = await Io.lookAt(path)
    if (look === undefined || !(await isIntact(digest, look, size))) return false
    const known = verified.get(digest) === Io.fingerprint(look)
    try {
      await Io.setTime(path, now)
    } catch (cause) {
      if (Io.isMissing(cause)) return false
      if (!Io.isForbidden(cause)) throw cause
      // Another user of the group owns it: a copy of our own takes its place.
      await replaceByCopy(path, now)
    }
    if (now - Number(look.ctimeMs) < youngMs) await directories.sync(Path.dirname(path))
    if (known) {
      const after = await Io.lookAt(path)
      if (after !== undefined) verified.set(digest, Io.fingerprint(after))
    }
    return true
  }

  const replaceByCopy = async (path: string, now: number): Promise<void> => {
    const name = temporaryName()
    await directories.within(temporary, () => Fs.copyFile(path, name, Fs.constants.COPYFILE_FICLONE))
    const file = await Fs.open(name, "r")
    try {
      await file.datasync()
    } finally {
      await file.close()
    }
    await Fs.chmod(name, fileMode)
    await Io.setTime(name, now)
    await Fs.rename(name, path)
  }

  const temporaryName = (): string => Path.join(temporary, `${process.pid}-${randomUUID()}`)

  /**
   * Writes what `parts` yields, and gives the file its name. The bytes at hand replace a file of that name, which may
   * be damaged, unless the caller knows the digest and this process has verified the file.
   */
  const store = async (
    parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    address: Address | undefined,
    now: () => number,
    signal: AbortSignal
  ): Promise<Address> => {
    if (address !== undefined && verified.has(address.digest) && (await touchOne(address.digest, address.size, now())))
      return address
    const name = temporaryName()
    const file = await directories.within(temporary, () => Fs.open(name, "wx", fileMode))
    try {
      const hash = address === undefined ? createHash("sha256") : undefined
      let size = 0
      try {
        size = await Io.writeParts(file, parts, (part) => hash?.update(part), signal)
        await file.datasync()
        await file.utimes(now() / 1000, now() / 1000)
      } finally {
        await file.close()
      }
      const made = address ?? { digest: (hash as Hash).digest("hex"), size } // made where no address was given
      const path = pathOf(made.digest)
      await directories.within(Path.dirname(path), () => Fs.rename(name, path))
      await directories.sync(Path.dirname(path))
      const look = await Io.lookAt(path)
      if (look !== undefined) verified.set(made.digest, Io.fingerprint(look))
      await Fs.rm(Path.join(damaged, made.digest), { force: true })
      return made
    } catch (cause) {
      await Fs.rm(name, { force: true }).catch(() => undefined) // the first error is the one to report
      throw cause
    }
  }

  /** Reads into one buffer, hashing the bytes that have arrived while more are on their way. */
  const load = async (digest: string, path: string, signal: AbortSignal): Promise<Uint8Array> => {
    const file = await Fs.open(path, "r")
    try {
      const look = await file.stat({ bigint: true })
      const bytes = new Uint8Array(Buffer.allocUnsafeSlow(Number(look.size)).buffer)
      const hash = createHash("sha256")
      await Io.readParts(file, bytes, (part) => hash.update(part), signal)
      await checkDigest(digest, hash.digest("hex"), look)
      return bytes
    } finally {
      await file.close()
    }
  }

  const verifiedPath = async (digest: string, path: string, signal: AbortSignal): Promise<string> => {
    const look = await Fs.stat(path, { bigint: true })
    if (verified.get(digest) !== Io.fingerprint(look)) await checkDigest(digest, await hashFile(path, signal), look)
    return path
  }

  /** The parts of a file, or of a range of it. A whole file is verified at its end. */
  async function* streamed(digest: string, range: Io.Range | undefined): AsyncGenerator<Uint8Array> {
    try {
      const isMissing = (await Io.lookAt(pathOf(digest))) === undefined
      const path = (isMissing ? await findSwept(digest) : undefined) ?? pathOf(digest)
      const look = range === undefined ? await Fs.stat(path, { bigint: true }) : undefined
      const hash = createHash("sha256")
      for await (const part of Io.fileParts(path, range)) {
        if (look !== undefined) hash.update(part)
        yield part
      }
      if (look !== undefined) await checkDigest(digest, hash.digest("hex"), look)
    } catch (cause) {
      throw await unreadable(digest, cause)
    }
  }

  const check = async (digest: string, path: string): Promise<Checked | undefined> => {
    const place = path === pathOf(digest) ? "right" : Path.dirname(path) === damaged ? "apart" : "wrong"
    try {
      const look = await Io.lookAt(path)
      if (look === undefined) return undefined // it went while we looked
      const intact = (await hashFile(path)) === digest
      return { digest, path, size: Number(look.size), intact, place }
    } catch (cause) {
      if (Io.isMissing(cause)) return undefined
      return { digest, path, size: 0, intact: false, place, error: reasonOf(cause) }
    }
  }

  /** Every artifact's file, wherever it lies. */
  async function* files(): AsyncGenerator<readonly [digest: string, path: string]> {
    for (const folder of await Io.entries(directory)) {
      if (folder.length !== 2 && folder !== "damaged") continue
      for (const digest of await Io.entries(Path.join(directory, folder)))
        if (isDigest(digest)) yield [digest, Path.join(directory, folder, digest)]
    }
  }

  return {
    put: (chunks, address) =>
      Clock.clockWith((clock) =>
        writing((signal) =>
          store(
            chunks.values().flatMap((chunk) => Bytes.parts(chunk)),
            address,
            () => clock.currentTimeMillisUnsafe(),
            signal
          )
        )
      ),
    putFile: (path) =>
      Clock.clockWith((clock) =>
        writing((signal) => store(Io.readable(path), undefined, () => clock.currentTimeMillisUnsafe(), signal))
      ),
    get: (digest) => reading(digest, (path, signal) => load(digest, path, signal)),
    stream: (digest, range) =>
      isDigest(digest)
        ? Stream.fromAsyncIterable(streamed(digest, range), (cause) => cause as ArtifactError) // as `streamed` throws it
        : Stream.fail(missing(digest)),
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
              const there = new Set<string>()
              const touch = async (artifact: string | Address): Promise<void> => {
                const { digest, size } = typeof artifact === "string" ? { digest: artifact, size: undefined } : artifact
                if (isDigest(digest) && (await touchOne(digest, size, now))) there.add(digest)
              }
              for (let at = 0; at < artifacts.length; at += 32)
                await Promise.all(artifacts.slice(at, at + 32).map(touch))
              return there
            })
      ),
    verify: (each) =>
      Io.attempt(
        async (signal) => {
          for await (const [digest, path] of files()) {
            signal.throwIfAborted()
            const checked = await check(digest, path)
            if (checked !== undefined) each(checked)
          }
        },
        (cause) => Bytes.failed("unreadable", `The artifacts in ${directory} can't be read`, cause)
      ),
    setApart: (digest) =>
      writing(async () => {
        const look = await Io.lookAt(pathOf(digest))
        if (look !== undefined) await setApart(digest, look.ino)
      }),
    discard: (path) => writing(() => Fs.rm(path, { force: true })),
    restore: (digest, from) =>
      writing(async () => {
        const there = await Io.lookAt(pathOf(digest))
        if (there !== undefined && (await hashFile(pathOf(digest))) === digest) return false
        if ((await hashFile(from)) !== digest) return false
        await directories.within(Path.dirname(pathOf(digest)), () => Fs.rename(from, pathOf(digest)))
        await directories.sync(Path.dirname(pathOf(digest)))
        return true
      }),
    old: (before) =>
      writing(async () => {
        const found: Array<Address> = []
        for (const folder of await Io.entries(directory)) {
          if (folder.length !== 2) continue
          for (const digest of await Io.entries(Path.join(directory, folder))) {
            const look = isDigest(digest) ? await Io.lookAt(pathOf(digest)) : undefined
            if (look !== undefined && Io.timeOf(look) < before) found.push({ digest, size: Number(look.size) })
          }
        }
        return found
      }),
    remove: (files, before) =>
      writing(async () => {
        const gone: Array<Address> = []
        for (const file of files)
          if (await Io.removeOld(pathOf(file.digest), sweptPathOf(file.digest), before)) gone.push(file)
        return gone
      }),
    tidy: (before, keep) =>
      writing(async () => {
        await names.tidy(before)
        for (const name of await Io.entries(damaged)) {
          const path = Path.join(damaged, name)
          const look = await Io.lookAt(path)
          const isOnly = keep.has(name) && (await Io.lookAt(pathOf(name))) === undefined
          // A rename changes the change time.
          if (look !== undefined && Number(look.ctimeMs) < before - (isOnly ? damagedStaysMs : 0))
            await Fs.rm(path, { force: true })
        }
        for (const name of await Io.entries(temporary)) {
          const path = Path.join(temporary, name)
          const digest = name.startsWith("swept-") ? name.slice("swept-".length) : ""
          if (isDigest(digest) && (await Io.lookAt(pathOf(digest))) === undefined) {
            await Io.bringBack(path, pathOf(digest))
            continue
          }
          const look = await Io.lookAt(path)
          if (look !== undefined && Io.timeOf(look) < before) await Fs.rm(path, { force: true })
        }
      })
  }
}
