/**
 * Multipart uploads: a large object in parts that are sent at the same time. Whatever ends an upload early, a failure or
 * an interrupt, it is aborted, because the server keeps its parts, and charges for them, until someone does.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Client, Content } from "./client.ts"
import type { S3Error } from "./failure.ts"

/** Above this size, in bytes, an object is uploaded in parts. */
export const thresholdBytes = 64 * 1000 * 1000

/** The size of a part, which is what a connection that breaks costs. Each part is a request, which costs time and money. */
const partBytes = 16 * 1024 * 1024

/** An upload has 10,000 parts at most. */
const longest = 10_000

/** How many parts are on their way at once. */
const concurrency = 4

/** The size of the parts of an object, in bytes; the last one may be shorter. */
export const stepOf = (size: number): number => partBytes * Math.ceil(size / (partBytes * longest))

/** Yields the bytes of an object from `start` to before `end`. */
export type Parts = (start: number, end: number) => Content

/**
 * Uploads an object in parts.
 *
 * @param isNew Whether an object that is there meanwhile is left alone; a server that does not support that replaces it.
 * @returns The object's etag.
 */
export const upload = (
  client: Client,
  key: string,
  size: number,
  parts: Parts,
  isNew: boolean
): Effect.Effect<string, S3Error> => {
  const step = stepOf(size)
  const starts = Array.from({ length: Math.ceil(size / step) }, (_, index) => index * step)
  return Effect.acquireUseRelease(
    client.beginUpload(key),
    (id) =>
      Effect.gen(function* () {
        const etags = yield* Effect.forEach(
          starts,
          (start, index) =>
            Effect.suspend(() => client.putPart({ key, id }, index + 1, parts(start, Math.min(start + step, size)))),
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
