/** What `fileStore.ts` does with files, one at a time. */
import { randomUUID } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import * as Bytes from "./storeBytes.ts"

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

/** Writes all of the bytes at the end of a file. */
export const writeAll = async (file: Fs.FileHandle, bytes: Uint8Array): Promise<void> => {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at)
    at += bytesWritten
  }
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
