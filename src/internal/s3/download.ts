/**
 * Large objects read in ranges, several of them on their way at once: each is a short request that can be repeated by itself, so
 * a connection that breaks costs a few megabytes, and no more than a few are ever in memory.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Client, Look } from "./client.ts"
import type { S3Error } from "./failure.ts"

/** The size of a range, in bytes. */
export const rangeBytes = 4 * 1024 * 1024

/** How many ranges are on their way at once. */
const concurrency = 4

/** An object, as it was when it was opened. */
export interface Opened extends Pick<Look, "size" | "etag"> {
  /** Its bytes in order, in parts. Fails with `changed` if it is replaced meanwhile. */
  readonly parts: Stream.Stream<Uint8Array, S3Error>
}

/**
 * Opens an object, or a range of it, with the request that brings its first bytes.
 *
 * @param range The end is exclusive, and may be beyond the object's.
 */
export const open = Effect.fnUntraced(function* (
  client: Client,
  key: string,
  options: {
    readonly range?: { readonly start: number; readonly end: number } | undefined
    readonly version?: string | undefined
  } = {}
): Effect.fn.Return<Opened, S3Error> {
  const { version } = options
  const start = Math.max(0, options.range?.start ?? 0)
  const wanted = options.range?.end ?? Number.POSITIVE_INFINITY
  if (wanted <= start) {
    const { etag, size } = yield* client.look(key, version)
    return { etag, size, parts: Stream.empty }
  }
  const first = yield* client.range(key, start, Math.min(wanted, start + rangeBytes), { version })
  const end = Math.min(wanted, first.size)
  const rest: Array<number> = []
  for (let at = start + rangeBytes; at < end; at += rangeBytes) rest.push(at)
  return {
    size: first.size,
    etag: first.etag,
    parts: Stream.concat(
      Stream.fromIterable(first.parts),
      Stream.flattenIterable(
        Stream.mapEffect(
          Stream.fromIterable(rest, { chunkSize: 1 }),
          (at) =>
            Effect.map(
              client.range(key, at, Math.min(at + rangeBytes, end), { etag: first.etag, version }),
              ({ parts }) => parts
            ),
          { concurrency }
        )
      )
    )
  }
})
