/** What `fileStore.ts` does with files, one at a time. */
import { randomUUID } from "node:crypto"
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

/** Asynchronous work as an effect. Who interrupts it waits until it has cleaned up: it looks at its signal between parts. */
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

/** Whether an error says that there is no such file. */
export const isMissing = (cause: unknown): boolean => (cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT"

/** The names in a directory; none where it is missing. */
export const entries = async (directory: string): Promise<ReadonlyArray<string>> => {
  try {
    return await Fs.readdir(directory)
  } catch (cause) {
    if (isMissing(cause)) return []
    throw cause
  }
}

/** What the system knows of a file; nothing where it is missing. */
export const lookAt = async (
  path: string
): Promise<{ readonly mtimeMs: number; readonly size: number } | undefined> => {
  try {
    return await Fs.stat(path)
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw cause
  }
}

/** So many parts the system has in hand at once: then neither it nor who hashes them waits for the other. */
const ahead = 4

/** Writes parts one after the other, and shows each to who hashes it meanwhile; says how much it was. */
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

/** Fills an array with a file's bytes, and shows part after part to who hashes it meanwhile. */
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
    if (bytesRead === 0) break // it became shorter: its digest will say so
    at += bytesRead
  }
  return bytes
}

/** Makes a rename in a directory durable. */
export const syncDirectory = async (path: string): Promise<void> => {
  const directory = await Fs.open(path, "r")
  try {
    await directory.sync()
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

/** A user's file: what is wrong with it is said of it, not of the store. */
export async function* readable(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* fileParts(path)
  } catch (cause) {
    throw Bytes.failed("unreadable", `The file ${path} can't be read`, cause)
  }
}

/**
 * Removes a file that was not touched since a time. It is taken away by a rename first and looked at again: if someone
 * put or touched it in between, it goes back; who comes after the rename finds it missing and writes it anew.
 */
export const removeOld = async (path: string, temporary: string, before: number): Promise<boolean> => {
  const away = Path.join(temporary, `swept-${randomUUID()}`)
  try {
    await Fs.mkdir(temporary, { recursive: true })
    await Fs.rename(path, away)
  } catch (cause) {
    if (isMissing(cause)) return false
    throw cause
  }
  const look = await lookAt(away)
  if (look !== undefined && look.mtimeMs >= before) {
    await Fs.rename(away, path)
    return false
  }
  await Fs.rm(away, { force: true })
  return true
}
