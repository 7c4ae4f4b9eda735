/**
 * Large objects read in ranges, several of them on their way at once: each is a short request that can be repeated by itself, so
 * a connection that breaks costs a few megabytes, and no more than a few are ever in memory.
 */
import { createHash } from "node:crypto"
import type { FileHandle } from "node:fs/promises"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Client, Look } from "./client.ts"
import { S3Error } from "./failure.ts"

/** The size of a range, in bytes. Larger ones take more memory, and smaller ones more requests. */
const rangeBytes = 3 * 1024 * 1024

/** How many ranges are on their way at once. */
const concurrency = 4

/**
 * A range of an object in parts, in order. It fails with `changed` if the object is replaced meanwhile.
 *
 * @param range The end is exclusive, and may be beyond the object's.
 * @param reuse Whether the array of a part is used again when the next one is asked for. Else it is the receiver's own.
 */
export const stream = (
  client: Client,
  key: string,
  range: { readonly start: number; readonly end: number },
  reuse: boolean
): Stream.Stream<Uint8Array, S3Error> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const start = Math.max(0, range.start)
      if (range.end <= start) return Stream.drain(Stream.fromEffect(client.look(key)))
      const { bytes, etag, size } = yield* client.range(key, start, Math.min(range.end, start + rangeBytes))
      const end = Math.min(range.end, size)
      const spare: Array<Uint8Array> = []
      const rest = Stream.mapEffect(
        Stream.fromIterable(startsFrom(start + rangeBytes, end), { chunkSize: 1 }),
        (at) =>
          Effect.suspend(() => {
            let array: Uint8Array | undefined
            const into = (length: number): Uint8Array => {
              array ??= spare.pop() ?? new Uint8Array(Math.min(rangeBytes, end - at))
              return array.subarray(0, length)
            }
            return Effect.map(client.range(key, at, Math.min(at + rangeBytes, end), { etag, into }), (answer) => ({
              bytes: answer.bytes,
              array
            }))
          }),
        { concurrency: concurrency - 1 } // besides the one that the receiver has
      )
      let last: Uint8Array | undefined
      const parts = Stream.map(rest, ({ array, bytes }) => {
        if (last?.length === rangeBytes) spare.push(last)
        if (reuse) last = array
        return bytes
      })
      return Stream.concat(Stream.succeed(bytes), parts)
    })
  )

const startsFrom = (start: number, end: number): ReadonlyArray<number> =>
  Array.from({ length: Math.max(0, Math.ceil((end - start) / rangeBytes)) }, (_, index) => start + index * rangeBytes)

/** An object that was read to its end, and the SHA-256 of what came, in hexadecimal. */
export interface Read extends Pick<Look, "size" | "etag"> {
  readonly digest: string
}

/** What becomes of the ranges of an object. */
interface Sink<E> {
  /** Where a range goes. Default: into an array that is used again. */
  readonly into?: (at: number, length: number) => Uint8Array
  /** Is given each range when all before it are hashed. An array of `read` is used again once this is done. */
  readonly keep?: (bytes: Uint8Array, at: number, size: number) => Effect.Effect<void, E>
}

/** Reads an object to its end and hashes it. However large it is, few ranges are in memory. */
export const read = <E = never>(
  client: Client,
  key: string,
  { version, into, keep = () => Effect.void }: Sink<E> & { readonly version?: string | undefined } = {}
): Effect.Effect<Read, S3Error | E> =>
  Effect.gen(function* () {
    const hash = createHash("sha256")
    const spare: Array<Uint8Array> = []
    let before: Deferred.Deferred<void> | undefined
    const range = Effect.fnUntraced(function* (at: number, end: number, etag?: string) {
      const hashed = Deferred.makeUnsafe<void>()
      const turn = before
      before = hashed
      let lent: Uint8Array | undefined
      const lend = (length: number): Uint8Array => {
        lent ??= spare.pop() ?? new Uint8Array(end - at)
        return lent.subarray(0, length)
      }
      const answer = yield* client.range(key, at, end, {
        etag,
        version,
        into: into === undefined ? lend : (length) => into(at, length)
      })
      if (turn !== undefined) yield* Deferred.await(turn)
      hash.update(answer.bytes)
      yield* Deferred.succeed(hashed, undefined)
      yield* keep(answer.bytes, at, answer.size)
      if (lent?.length === rangeBytes) spare.push(lent)
      return answer
    })
    const { etag, size } = yield* range(0, rangeBytes)
    yield* Effect.forEach(startsFrom(rangeBytes, size), (at) => range(at, Math.min(at + rangeBytes, size), etag), {
      concurrency,
      discard: true
    })
    return { etag, size, digest: hash.digest("hex") }
  })

/** Reads an object into one array. */
export const whole = (client: Client, key: string): Effect.Effect<Read & { readonly bytes: Uint8Array }, S3Error> =>
  Effect.suspend(() => {
    let bytes: Uint8Array = new Uint8Array(0)
    const into = (at: number, length: number): Uint8Array =>
      at === 0 ? new Uint8Array(length) : bytes.subarray(at, at + length)
    const keep = (range: Uint8Array, at: number, size: number) =>
      Effect.sync(() => {
        if (range.length === size) bytes = range
        else if (at === 0) bytes = new Uint8Array(size)
        if (range.buffer !== bytes.buffer) bytes.set(range, at)
      })
    return Effect.map(read(client, key, { into, keep }), (result) => ({ ...result, bytes }))
  })

/** What to fail with if an object is not the one that was opened. */
export const replaced = new S3Error({ kind: "changed", code: "Replaced", reason: "the object was replaced" })

/** Reads a range of an object, which must still have an etag, into one array. The end is that of the object at most. */
export const part = Effect.fnUntraced(function* (
  client: Client,
  key: string,
  {
    end,
    etag,
    start,
    version
  }: { readonly start: number; readonly end: number; readonly etag: string; readonly version?: string | undefined }
): Effect.fn.Return<Uint8Array, S3Error> {
  const bytes = new Uint8Array(Math.max(0, end - start))
  yield* Effect.forEach(
    startsFrom(start, end),
    (at) =>
      Effect.flatMap(
        client.range(key, at, Math.min(at + rangeBytes, end), {
          etag,
          version,
          into: (length) => bytes.subarray(at - start, at - start + length)
        }),
        (answer) => {
          if (answer.etag !== etag) return Effect.fail(replaced)
          if (answer.bytes.buffer !== bytes.buffer) bytes.set(answer.bytes, at - start)
          return Effect.void
        }
      ),
    { concurrency, discard: true }
  )
  return bytes
})

/**
 * Writes an object to a file.
 *
 * @param failed What to fail with if the file can't be written.
 */
export const toFile = <E>(
  client: Client,
  key: string,
  file: FileHandle,
  options: { readonly version?: string | undefined; readonly failed: (cause: unknown) => E }
): Effect.Effect<Read, S3Error | E> =>
  read(client, key, {
    version: options.version,
    // Not to be interrupted, because the file is closed then.
    keep: (bytes, at) =>
      Effect.uninterruptible(Effect.tryPromise({ try: () => write(file, bytes, at), catch: options.failed }))
  })

const write = async (file: FileHandle, bytes: Uint8Array, position: number): Promise<void> => {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at)
    at += bytesWritten
  }
}
