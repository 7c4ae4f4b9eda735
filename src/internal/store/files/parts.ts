/** Files read and written in parts, several at once, while the parts that have arrived are hashed. */
import { createHash } from "node:crypto"
import * as Fs from "node:fs/promises"
import { setImmediate as immediate } from "node:timers/promises"
import type { Range } from "../blobs.ts"
import * as Bytes from "../bytes.ts"
import * as UserFile from "../userFile.ts"

/** How many reads or writes are in flight at once: enough that neither the disk nor the hashing waits for the other. */
const ahead = 4

/** The disk begins to sync a file once this many bytes of it were written, while the next ones are hashed and written. */
const syncedBytes = 32 * 1024 * 1024

/**
 * Writes parts one after the other, and passes each to `each`, which hashes it meanwhile. Yields the number of bytes.
 *
 * @param durable Whether the caller will sync the file: the disk then begins with it meanwhile.
 */
export const writeParts = async (
  file: Fs.FileHandle,
  parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  each: (part: Uint8Array) => void,
  durable: boolean,
  signal: AbortSignal
): Promise<number> => {
  const underway: Array<Promise<void>> = []
  let size = 0
  let syncedTo = 0
  let syncing: Promise<void> = Promise.resolve()
  let isSyncing = false
  const syncBehind = (): void => {
    if (!durable || isSyncing || size - syncedTo < syncedBytes) return
    syncedTo = size
    isSyncing = true
    // The system reports a failure once: a later sync would succeed. So one that failed is the last, and is awaited below.
    syncing = file.datasync().then(() => {
      isSyncing = false
    })
    syncing.catch(() => undefined)
  }
  try {
    for await (const part of parts) {
      signal.throwIfAborted()
      const written = writeAt(file, part, size)
      written.catch(() => undefined) // it is awaited below
      underway.push(written)
      size += part.length
      each(part)
      await (underway.length < ahead ? immediate() : underway.shift())
      syncBehind()
    }
    await Promise.all(underway)
    await syncing
    return size
  } finally {
    await Promise.allSettled([...underway, syncing]) // nothing is written once the file is closed
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

/** A file's bytes, or a range of them, in parts. */
export async function* fileParts(path: string, range?: Range): AsyncGenerator<Uint8Array> {
  const file = await Fs.open(path, "r")
  try {
    yield* partsOf(file, range)
  } finally {
    await file.close()
  }
}

async function* partsOf(file: Fs.FileHandle, range?: Range): AsyncGenerator<Uint8Array> {
  let at = range?.start ?? 0
  const end = range?.end ?? Number.POSITIVE_INFINITY
  while (at < end) {
    const buffer = new Uint8Array(Math.min(Bytes.partSize, end - at))
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at)
    if (bytesRead === 0) return
    at += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

/** A user's file in parts. Errors name that file, not the store. */
export async function* readable(path: string): AsyncGenerator<Uint8Array> {
  let opened: Awaited<ReturnType<typeof UserFile.open>> | undefined
  try {
    opened = await UserFile.open(path)
    yield* partsOf(opened.file)
    await opened.check()
  } catch (cause) {
    throw UserFile.unreadable(path, cause)
  } finally {
    await opened?.file.close()
  }
}

/** The digest of a file's bytes. */
export const hashFile = async (path: string, signal?: AbortSignal): Promise<string> => {
  const hash = createHash("sha256")
  for await (const part of fileParts(path)) {
    signal?.throwIfAborted()
    hash.update(part)
  }
  return hash.digest("hex")
}
