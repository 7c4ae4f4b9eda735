/**
 * A user's file as the source of an artifact. It is read twice: once for its digest and those of its parts, and once to
 * send it. Each part is signed with the digest of the first reading, so a file that changes in between is refused by the
 * server instead of being stored under a wrong digest. Buffers are used again, because the garbage of a file of many
 * gigabytes would take more memory than it is worth.
 */
import { createHash } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Content } from "../../s3/client.ts"
import { S3Error } from "../../s3/failure.ts"
import * as Hashing from "../../s3/hashing.ts"
import * as Upload from "../../s3/upload.ts"
import type { ArtifactError } from "../artifactError.ts"
import { reasonOf } from "../obstacle.ts"
import * as UserFile from "../userFile.ts"
import type { Source } from "./write.ts"

/** Opens a file for as long as the scope lasts, and reads it for the first time. */
export const open = (path: string): Effect.Effect<Source, ArtifactError, Scope.Scope> =>
  Effect.flatMap(
    Effect.acquireRelease(
      Effect.tryPromise({ try: () => Fs.open(path, "r"), catch: (cause) => UserFile.unreadable(path, cause) }),
      (file) => Effect.promise(() => file.close())
    ),
    (file) =>
      Effect.tryPromise({
        try: (signal) => sourceOf(file, path, signal),
        catch: (cause) => UserFile.unreadable(path, cause)
      })
  )

/** The digests of a file, and how to read it again. */
const sourceOf = async (file: Fs.FileHandle, path: string, signal: AbortSignal): Promise<Source> => {
  const { size } = await file.stat()
  const step = Upload.stepOf(size)
  const { digest, digests, total } = await digestsOf(file, size, step, signal)
  const changed = UserFile.changed(path)
  if (total !== size && Math.max(total, size) > Upload.thresholdBytes) throw changed // its parts would be others
  const sent = sender(file, path)
  return {
    digest,
    size: total,
    body: sent(0, total),
    parts: (start, end) => ({ body: sent(start, end), size: end - start, digest: digests[start / step] ?? "" }),
    etag: "",
    changed
  }
}

/** In how large pieces a file is hashed, in bytes. A part is made of whole ones. */
const hashedBytes = 2 * 1024 * 1024

/** How many pieces are read or hashed at once. */
const piecesHashed = 3

/**
 * The digest of a file, its size, and where it is sent in parts, their digests: an upload can't begin before all of them are
 * known. The whole is hashed on a thread of its own, and the parts on this one.
 */
const digestsOf = async (file: Fs.FileHandle, size: number, step: number, signal: AbortSignal) => {
  const inParts = size > Upload.thresholdBytes
  const whole = Hashing.make(size)
  const pieces: Array<{ readonly array: Uint8Array; hashed: Promise<void> | undefined }> = []
  const digests: Array<string> = []
  let part = createHash("sha256")
  let total = 0
  const read = async (turn: number): Promise<number> => {
    pieces[turn] ??= { array: whole.array(Math.max(1, Math.min(hashedBytes, size))), hashed: undefined }
    const { array, hashed } = pieces[turn]
    await hashed
    return await fill(file, array, total)
  }
  let reading = read(0)
  try {
    // Beyond the size that was announced there must be nothing.
    for (let turn = 0, length = await reading; length !== 0; length = await reading) {
      signal.throwIfAborted()
      const piece = pieces[turn]
      if (piece === undefined) break // it was read into just now
      const bytes = piece.array.subarray(0, length)
      total += length
      turn = (turn + 1) % piecesHashed
      reading = read(turn)
      piece.hashed = whole.add(bytes)
      if (inParts) {
        part.update(bytes)
        if (total % step === 0 || total === size) {
          digests.push(part.digest("hex"))
          part = createHash("sha256")
        }
      }
    }
    return { digest: await whole.digest(), digests, total }
  } finally {
    await Promise.allSettled([reading]) // nothing is read once the file is closed
    whole.close()
  }
}

/** In how large pieces a file is sent, in bytes. */
const sentBytes = 512 * 1024

/** Sends ranges of a file, by arrays that are used again. */
const sender = (file: Fs.FileHandle, path: string) => {
  const spare: Array<Uint8Array> = []
  return (start: number, end: number): Content["body"] =>
    async function* () {
      const array = spare.pop() ?? new Uint8Array(Math.min(sentBytes, end - start))
      try {
        for (let at = start; at < end; ) {
          const piece = array.subarray(0, Math.min(array.length, end - at))
          const length = await fill(file, piece, at).catch((cause) => {
            throw failure("File", `the file ${path} can't be read: ${reasonOf(cause)}`)
          })
          if (length < piece.length) throw failure(mismatch, `the file ${path} became shorter`)
          yield piece
          at += length
        }
      } finally {
        spare.push(array)
      }
    }
}

/** The code of a server that got other bytes than those that were hashed: one that got fewer would wait for the rest. */
const mismatch = "BadDigest"

const failure = (code: string, reason: string): S3Error => new S3Error({ kind: "refused", code, reason })

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
