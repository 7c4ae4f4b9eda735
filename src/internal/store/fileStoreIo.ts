/**
 * File operations of `fileStore.ts`: reading and writing in parts, directories, syncs, and what a file's times reveal.
 */
import type { BigIntStats } from "node:fs"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { setImmediate as immediate } from "node:timers/promises"
import * as Effect from "effect/Effect"
import * as Bytes from "./bytes.ts"

/** Bytes from `start` to before `end`. */
export interface Range {
  readonly start: number
  readonly end: number
}

/**
 * Asynchronous work as an effect. The work checks its signal between parts; interrupting it waits until it has cleaned
 * up.
 */
export const attempt = <A, E>(
  run: (signal: AbortSignal) => Promise<A>,
  error: (cause: unknown) => E
): Effect.Effect<A, E> =>
  Effect.callback((resume) => {
    const controller = new AbortController()
    const running = run(controller.signal).then(
      (value) => resume(Effect.succeed(value)),
      (cause) => resume(Effect.fail(error(cause)))
    )
    return Effect.promise(() => {
      controller.abort()
      return running
    })
  })

/** Whether an error says that a file does not exist. */
export const isMissing = (cause: unknown): boolean => (cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT"

/** The names in a directory; none if it does not exist. */
export const entries = async (directory: string): Promise<ReadonlyArray<string>> => {
  try {
    return await Fs.readdir(directory)
  } catch (cause) {
    if (isMissing(cause)) return []
    throw cause
  }
}

/** What the system knows of a file, with times in nanoseconds. */
export type Look = BigIntStats

/** Looks at a file; undefined if it is missing. */
export const lookAt = async (path: string): Promise<Look | undefined> => {
  try {
    return await Fs.stat(path, { bigint: true })
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw cause
  }
}

/** Two looks at a file that are equal saw the same bytes, as far as the system knows. */
export const fingerprint = ({ ctimeNs, ino, size }: Look): string => `${ctimeNs}/${ino}/${size}`

/** When a file was last put or touched, in milliseconds since the epoch. (The system rounds what it is given down.) */
export const timeOf = ({ mtimeNs }: Look): number => Math.round(Number(mtimeNs) / 1e6)

/** How far the change time of a file that we touched may be from the time we gave it. */
const longestTouchNs = 5_000_000_000n

/**
 * Whether a file looks as the store left it. The store sets modification times itself, so they differ a little from the
 * change time that the system keeps; a program that writes to the file makes both equal, and one that copies it moves
 * them apart.
 */
export const isUntouched = ({ ctimeNs, mtimeNs }: Look): boolean => {
  const apart = ctimeNs - mtimeNs
  return apart !== 0n && apart < longestTouchNs && apart > -longestTouchNs
}

/** Sets both times of a file, in milliseconds since the epoch. */
export const setTime = (path: string, at: number): Promise<void> => Fs.utimes(path, at / 1000, at / 1000)

/** Whether an error says that the file belongs to another user. */
export const isForbidden = (cause: unknown): boolean =>
  ["EPERM", "EACCES"].includes((cause as NodeJS.ErrnoException | undefined)?.code ?? "")

/** The directories below a root: made when they are needed, with the root's sharing, and synced. */
export interface Directories {
  /** Runs `use`, which needs a directory directly below the root; makes that directory if it is missing. */
  readonly within: <A>(path: string, use: () => Promise<A>) => Promise<A>
  /** Makes renames in a directory durable. Callers that arrive while a sync is under way share the next one. */
  readonly sync: (path: string) => Promise<void>
}

export const directories = (root: string): Directories => {
  // Where the root is another one than at first, its file system was unmounted or replaced: nothing may be written
  // there.
  const identity = identityOf(root)
  const syncs = new Map<string, { running: Promise<void>; next: Promise<void> | undefined }>()
  const start = (path: string): Promise<void> => {
    const entry: { running: Promise<void>; next: Promise<void> | undefined } = {
      running: syncDirectory(path),
      next: undefined
    }
    syncs.set(path, entry)
    const over = () => {
      if (entry.next === undefined) syncs.delete(path)
    }
    entry.running.then(over, over)
    return entry.running
  }
  const sync = (path: string): Promise<void> => {
    const entry = syncs.get(path)
    if (entry === undefined) return start(path)
    entry.next ??= entry.running.catch(() => undefined).then(() => start(path))
    return entry.next
  }
  return {
    sync,
    within: async (path, use) => {
      try {
        return await use()
      } catch (cause) {
        const first = await identity
        if (!isMissing(cause) || (first !== undefined && first !== (await identityOf(root)))) throw cause
        await makeDirectory(path)
        await sync(root)
        return await use()
      }
    }
  }
}

/**
 * Makes a directory and those above it, unless they exist, syncs their names, and checks that this process may write to
 * it.
 */
export const makeWritable = async (path: string): Promise<void> => {
  const missing: Array<string> = []
  for (let at = path; (await lookAt(at)) === undefined; at = Path.dirname(at)) missing.unshift(at)
  for (const directory of missing) await makeDirectory(directory)
  for (const directory of missing) await syncDirectory(Path.dirname(directory)).catch(() => undefined) // it may not be ours to read
  if (!(await Fs.stat(path)).isDirectory())
    throw Object.assign(new Error(`${path} is not a directory`), { code: "ENOTDIR", path })
  await Fs.access(path, Fs.constants.W_OK)
}

/** What tells a file or directory from another one under the same path; undefined if it is missing. */
const identityOf = (path: string): Promise<string | undefined> =>
  Fs.stat(path, { bigint: true }).then(
    ({ dev, ino }) => `${dev}/${ino}`,
    () => undefined
  )

/**
 * Makes a directory whose parent exists. In a directory that its group may write to, the group may write to the new one
 * as well, whatever this process's umask is.
 */
export const makeDirectory = async (path: string): Promise<void> => {
  try {
    await Fs.mkdir(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause
    return
  }
  if (process.platform === "win32") return
  const { mode } = await Fs.stat(Path.dirname(path))
  if ((mode & 0o020) !== 0) await Fs.chmod(path, mode & 0o7777)
}

/** How many reads or writes are in flight at once: enough that neither the disk nor the hashing waits for the other. */
const ahead = 4

/**
 * Writes parts one after the other, and passes each to `each`, which hashes it meanwhile. Yields the number of bytes.
 */
export const writeParts = async (
  file: Fs.FileHandle,
  parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  each: (part: Uint8Array) => void,
  signal: AbortSignal
): Promise<number> => {
  const underway: Array<Promise<void>> = []
  let size = 0
  try {
    for await (const part of parts) {
      signal.throwIfAborted()
      const written = writeAt(file, part, size)
      written.catch(() => undefined) // it is awaited below
      underway.push(written)
      size += part.length
      each(part)
      await (underway.length < ahead ? immediate() : underway.shift())
    }
    await Promise.all(underway)
    return size
  } finally {
    await Promise.allSettled(underway) // nothing is written once the file is closed
  }
}

const writeAt = async (file: Fs.FileHandle, bytes: Uint8Array, position: number): Promise<void> => {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at)
    at += bytesWritten
  }
}

/** Fills an array with a file's bytes, and passes each part to `each`, which hashes it meanwhile. */
export const readParts = async (
  file: Fs.FileHandle,
  bytes: Uint8Array,
  each: (part: Uint8Array) => void,
  signal: AbortSignal
): Promise<void> => {
  const underway: Array<Promise<Uint8Array>> = []
  const parts = Bytes.parts(bytes)
  let start = 0
  const begin = (): void => {
    const part = parts.next()
    if (part.done === true) return
    const read = readAt(file, part.value, start)
    read.catch(() => undefined) // it is awaited below
    underway.push(read)
    start += part.value.length
  }
  try {
    for (let i = 0; i < ahead; i++) begin()
    while (underway.length > 0) {
      signal.throwIfAborted()
      const part = await (underway.shift() as Promise<Uint8Array>) // there is one
      begin()
      each(part)
    }
  } finally {
    await Promise.allSettled(underway) // nothing is read once the file is closed
  }
}

const readAt = async (file: Fs.FileHandle, bytes: Uint8Array, position: number): Promise<Uint8Array> => {
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, position + at)
    if (bytesRead === 0) break // the file became shorter: its digest will not match
    at += bytesRead
  }
  return bytes
}

/** Makes the names in a directory durable. Some systems have no such call for directories, and need none. */
export const syncDirectory = async (path: string): Promise<void> => {
  if (process.platform === "win32") return
  const directory = await Fs.open(path, "r")
  try {
    await directory.sync()
  } catch (cause) {
    if (!["EINVAL", "ENOTSUP", "EPERM", "EISDIR"].includes((cause as NodeJS.ErrnoException).code ?? "")) throw cause
  } finally {
    await directory.close()
  }
}

/** A file's bytes, or a range of them, in parts. */
export async function* fileParts(path: string, range?: Range): AsyncGenerator<Uint8Array> {
  const file = await Fs.open(path, "r")
  try {
    let at = range?.start ?? 0
    const end = range?.end ?? Number.POSITIVE_INFINITY
    while (at < end) {
      const buffer = new Uint8Array(Math.min(Bytes.partSize, end - at))
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at)
      if (bytesRead === 0) return
      at += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

/** A user's file in parts. Errors name that file, not the store. */
export async function* readable(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* fileParts(path)
  } catch (cause) {
    throw Bytes.failed("unreadable", `The file ${path} can't be read`, cause)
  }
}

/**
 * Removes a file that was not touched since a time. A rename takes it away first, and then its time is read again: if
 * another process put or touched it in between, it goes back. A process that comes after the rename brings it back, or
 * writes it anew.
 *
 * @param away Where the file is taken, so that whoever misses it finds it.
 */
export const removeOld = async (path: string, away: string, before: number): Promise<boolean> => {
  try {
    await Fs.mkdir(Path.dirname(away), { recursive: true })
    await Fs.rename(path, away)
  } catch (cause) {
    if (isMissing(cause)) return false
    throw cause
  }
  const look = await lookAt(away)
  if (look === undefined) return false
  if (timeOf(look) >= before) {
    await bringBack(away, path)
    return false
  }
  await Fs.rm(away, { force: true })
  return true
}

/** Gives a file that was taken away its name again. Says whether there was one. */
export const bringBack = async (away: string, path: string): Promise<boolean> => {
  try {
    await Fs.rename(away, path)
    return true
  } catch (cause) {
    if (isMissing(cause)) return false
    throw cause
  }
}
