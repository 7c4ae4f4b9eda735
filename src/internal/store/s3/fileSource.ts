/**
 * A user's file as the source of an artifact. It is read twice: once for its digest and those of its parts, and once to
 * send it. Each part is signed with the digest of the first reading, so a file that changes in between is refused by the
 * server instead of being stored under a wrong digest. Buffers are used again, because the garbage of a file of many
 * gigabytes would take more memory than it is worth.
 */
import { createHash, webcrypto } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Upload from "../../s3/upload.ts"
import type { ArtifactError } from "../artifactError.ts"
import * as Bytes from "../bytes.ts"
import * as Problem from "./problem.ts"
import type { Source } from "./write.ts"

/** Opens a file for as long as the scope lasts, and reads it for the first time. */
export const open = (path: string): Effect.Effect<Source, ArtifactError, Scope.Scope> =>
  Effect.flatMap(
    Effect.acquireRelease(
      Effect.tryPromise({ try: () => Fs.open(path, "r"), catch: (cause) => unreadable(path, cause) }),
      (file) => Effect.promise(() => file.close())
    ),
    (file) =>
      Effect.map(
        Effect.tryPromise({ try: (signal) => sourceOf(file, signal), catch: (cause) => unreadable(path, cause) }),
        ({ parts, ...source }) => ({
          ...source,
          parts: { ...parts, part: named(path, parts.part) },
          changed: Problem.changed(path)
        })
      )
  )

const unreadable = (path: string, cause: unknown): ArtifactError =>
  Bytes.failed("unreadable", `The file ${path} can't be read`, cause)

const named =
  (path: string, part: (start: number, end: number) => Promise<Upload.Part>): Source["parts"]["part"] =>
  (start, end) =>
    Effect.tryPromise({ try: () => part(start, end), catch: (cause) => unreadable(path, cause) })

/** The digests of a file, and how to read it again. */
const sourceOf = async (file: Fs.FileHandle, signal: AbortSignal) => {
  const { size } = await file.stat()
  const step = Upload.stepOf(size)
  const { buffers, digest, digests, total } = await digestsOf(file, size, step, signal)
  const part = async (start: number, end: number): Promise<Upload.Part> => {
    const buffer = buffers.pop() ?? new Uint8Array(step)
    const length = await fill(file, buffer.subarray(0, end - start), start)
    return { bytes: buffer.subarray(0, length), digest: digests[start / step] ?? "" }
  }
  return {
    digest,
    size: total,
    body: () => sent(file, total),
    parts: { part, release: (bytes: Uint8Array) => void buffers.push(new Uint8Array(bytes.buffer)) },
    etag: ""
  }
}

/**
 * The digest of a file, its size, and where it is sent in parts, their digests and two buffers for them. The whole is hashed on this
 * thread, and the parts on those of the system's, while the next part is read: an upload can't begin before all of them
 * are known.
 */
const digestsOf = async (file: Fs.FileHandle, size: number, step: number, signal: AbortSignal) => {
  const inParts = size > Upload.thresholdBytes
  const whole = createHash("sha256")
  const digests: Array<Promise<string>> = []
  const length = Math.max(1, Math.min(step, size))
  let [buffer, other] = [new Uint8Array(length), new Uint8Array(size > step ? length : 1)]
  let total = 0
  let reading = fill(file, buffer, 0)
  try {
    // Beyond the size that was announced there must be nothing.
    for (let read = await reading; read !== 0; read = await reading) {
      signal.throwIfAborted()
      const bytes = buffer.subarray(0, read)
      total += read
      reading = fill(file, other, total)
      if (inParts) digests.push(digestOf(bytes))
      whole.update(bytes)
      await digests.at(-partsHashed)
      ;[buffer, other] = [other, buffer]
    }
    const buffers: Array<Uint8Array> = inParts ? [buffer, other] : []
    return { buffers, digest: whole.digest("hex"), digests: await Promise.all(digests), total }
  } finally {
    await Promise.allSettled([reading, ...digests]) // nothing is read once the file is closed
  }
}

/** How many parts are hashed at once. Each is in memory. */
const partsHashed = 2

/** The SHA-256 of a copy of bytes, in hexadecimal, computed on a thread of the system's. */
const digestOf = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  Buffer.from(await webcrypto.subtle.digest("SHA-256", bytes)).toString("hex")

/** The size of the pieces in which a file of moderate size is sent. */
const pieceBytes = 1024 * 1024

async function* sent(file: Fs.FileHandle, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; at += pieceBytes) {
    const buffer = new Uint8Array(Math.min(pieceBytes, size - at))
    const length = await fill(file, buffer, at)
    yield buffer.subarray(0, length)
    if (length < buffer.length) return // the file became shorter: the server will miss the rest
  }
}

/** Reads until a buffer is full or the file ends; yields how much it read. */
const fill = async (file: Fs.FileHandle, buffer: Uint8Array, position: number): Promise<number> => {
  let at = 0
  while (at < buffer.length) {
    const { bytesRead } = await file.read(buffer, at, buffer.length - at, position + at)
    if (bytesRead === 0) break
    at += bytesRead
  }
  return at
}
