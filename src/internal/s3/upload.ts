/**
 * Multipart uploads: a large object in parts that are sent at the same time. Whatever ends an upload early, a failure or
 * an interrupt, it is aborted, because the server keeps its parts, and charges for them, until someone does.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Client } from "./client.ts"
import type { S3Error } from "./failure.ts"

/** Above this size, in bytes, an object is uploaded in parts. */
export const thresholdBytes = 64 * 1000 * 1000

/** The smallest part that S3 takes, so that as little as possible is in memory. */
const partBytes = 5 * 1024 * 1024

/** An upload has 10,000 parts at most. */
const longest = 10_000

/** How many parts are on their way at once, and in memory. */
const concurrency = 4

/** The size of the parts of an object, in bytes; the last one may be shorter. */
export const stepOf = (size: number): number => partBytes * Math.ceil(size / (partBytes * longest))

/** A part, and its SHA-256 in hexadecimal. */
export interface Part {
  readonly bytes: Uint8Array
  readonly digest: string
}

/**
 * Uploads an object in parts.
 *
 * @param part Yields the part that begins at an offset. Its bytes may be written over once the part is sent, when
 *   `release` is called with them.
 * @param isNew Whether an object that is there meanwhile is left alone; a server that does not support that replaces it.
 * @returns The object's etag.
 */
export const upload = <E>(
  client: Client,
  key: string,
  size: number,
  source: {
    readonly part: (start: number, end: number) => Effect.Effect<Part, E>
    readonly release?: (bytes: Uint8Array) => void
  },
  isNew: boolean
): Effect.Effect<string, E | S3Error> => {
  const step = stepOf(size)
  const starts = Array.from({ length: Math.ceil(size / step) }, (_, index) => index * step)
  return Effect.acquireUseRelease(
    client.beginUpload(key),
    (id) =>
      Effect.gen(function* () {
        const etags = yield* Effect.forEach(
          starts,
          (start, index) =>
            Effect.flatMap(source.part(start, Math.min(start + step, size)), ({ bytes, digest }) =>
              Effect.ensuring(
                client.putPart({ key, id }, index + 1, { body: [bytes], size: bytes.length, digest }),
                Effect.sync(() => source.release?.(bytes))
              )
            ),
          { concurrency }
        )
        const etag = yield* Effect.catchIf(
          client.completeUpload({ key, id }, etags, { isNew }),
          // An earlier attempt succeeded and its answer was lost.
          (error) => error.code === "NoSuchUpload",
          (error) =>
            Effect.flatMap(client.look(key), (object) =>
              object.size === size ? Effect.succeed(object.etag) : Effect.fail(error)
            )
        )
        return etag === "" ? (yield* client.look(key)).etag : etag
      }),
    (id, exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.ignore(client.abortUpload({ key, id })))
  )
}
