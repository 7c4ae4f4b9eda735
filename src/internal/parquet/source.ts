/**
 * Where Parquet is read from: a local file, or an http(s) URL or an object in a bucket, of which only the needed ranges are fetched. The last half
 * megabyte is kept, which is the whole of a small file and the footer of a large one.
 */
import { open, stat } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AsyncBuffer } from "hyparquet"
import { codeOf, messageOf, notAFile, reasonOf } from "../cause.ts"

/** Why there is nothing to read. */
export class SourceError {
  readonly reason: "missing" | "directory" | "unreadable"
  readonly message: string
  constructor(reason: SourceError["reason"], message: string) {
    this.reason = reason
    this.message = message
  }
}

/** Bytes in memory, as a file. */
export const bufferOf = (bytes: Uint8Array): AsyncBuffer => ({
  byteLength: bytes.byteLength,
  slice: (start, end) => new Uint8Array(bytes.subarray(start, end)).buffer
})

/** The buffer of some bytes alone: theirs, where they fill it, or a copy. */
export const ownBuffer = (bytes: Uint8Array): ArrayBuffer =>
  bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength
    ? bytes.buffer
    : new Uint8Array(bytes).buffer

/** How a source is called in messages. */
export const nameOf = (source: string | URL): string => String(source)

/** Names of sources without the user names and passwords that someone put into addresses. */
export const withoutPasswords = (names: string): string =>
  names.replace(/((?:s3|https?):\/{0,2})[^/?,\s]*@/gi, (_, scheme) => `${scheme}…@`)

/** Whether a source is fetched over the network. */
export const isHttp = (source: string): boolean => /^https?:\/\//i.test(source)

/** Whether a source is an object in a bucket, or meant to be one. */
export const isObject = (source: string): boolean => /^s3:/i.test(source)

const tailBytes = 1 << 19

/** Opens a file or a URL for as long as the scope lasts. */
export const openSource = (source: string | URL): Effect.Effect<AsyncBuffer, SourceError, Scope.Scope> => {
  const name = nameOf(source)
  if (isHttp(name)) return openUrl(name)
  if (isObject(name)) return openObject(name)
  return Effect.flatMap(Effect.try({ try: () => pathOf(name), catch: fileFlaw }), openFile)
}

/** What reads objects, loaded when one is read. */
export const objects = Effect.promise(() => import("../s3/objects.ts"))

/** Why an object can't be read. */
export const objectFlaw = (error: { readonly kind: string; readonly reason: string }): SourceError =>
  error.kind === "missing"
    ? new SourceError("missing", error.reason)
    : new SourceError("unreadable", `it can't be read: ${error.reason}`)

const openObject = (name: string): Effect.Effect<AsyncBuffer, SourceError> =>
  Effect.flatMap(objects, ({ open }) => Effect.mapError(open(name), objectFlaw)).pipe(
    Effect.map(({ read, size }) =>
      withTail(size, (start, end) =>
        Effect.runPromise(Effect.map(Effect.mapError(read(start, end), objectFlaw), (bytes) => ownBuffer(bytes)))
      )
    )
  )

const pathOf = (name: string): string => (name.startsWith("file:") ? fileURLToPath(name) : name)

const fileFlaw = (cause: unknown): SourceError => {
  switch (codeOf(cause)) {
    case "ENOENT":
    case "ENOTDIR":
      return new SourceError("missing", "there is no such file")
    case "EISDIR":
      return new SourceError("directory", reasonOf(cause))
    default:
      return new SourceError("unreadable", `it can't be read: ${reasonOf(cause)}`)
  }
}

const openFile = Effect.fnUntraced(function* (path: string) {
  const oddity = notAFile(yield* Effect.tryPromise({ try: () => stat(path), catch: fileFlaw }))
  if (oddity !== undefined) return yield* Effect.fail(new SourceError("unreadable", oddity))
  const handle = yield* Effect.acquireRelease(
    Effect.tryPromise({ try: () => open(path, "r"), catch: fileFlaw }),
    (handle) => Effect.promise(() => handle.close())
  )
  const stats = yield* Effect.tryPromise({ try: () => handle.stat(), catch: fileFlaw })
  if (stats.isDirectory()) return yield* Effect.fail(new SourceError("directory", "it is a directory, not a file"))
  const read = async (start: number, end: number) => {
    const bytes = new Uint8Array(end - start)
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await handle.read(bytes, at, Math.min(bytes.length - at, maxReadBytes), start + at)
      if (bytesRead === 0) throw new Error("the file ended while it was read")
      at += bytesRead
    }
    return bytes.buffer
  }
  return withTail(stats.size, read)
})

/** The system reads less than 2 GiB at once. */
const maxReadBytes = 2 ** 30

/** A file whose end is read once. */
const withTail = (
  byteLength: number,
  read: (start: number, end: number) => Promise<ArrayBuffer>,
  known?: { readonly start: number; readonly bytes: ArrayBuffer }
): AsyncBuffer => {
  const tailStart = known?.start ?? Math.max(0, byteLength - tailBytes)
  let tail = known === undefined ? undefined : Promise.resolve(known.bytes)
  return {
    byteLength,
    slice: async (start, end = byteLength) => {
      if (start < tailStart) return read(start, end)
      tail ??= read(tailStart, byteLength)
      return (await tail).slice(start - tailStart, end - tailStart)
    }
  }
}

const openUrl = Effect.fnUntraced(function* (url: string) {
  const controller = yield* Effect.acquireRelease(
    Effect.sync(() => new AbortController()),
    (controller) => Effect.sync(() => controller.abort()) // ends what is still under way, when interrupted
  )
  const get = async (range: string) => {
    const response = await fetch(url, { headers: { range: `bytes=${range}` }, signal: controller.signal })
    if (response.status === 404 || response.status === 410) {
      throw new SourceError("missing", `there is no such file (the server answered ${response.status})`)
    }
    if (!response.ok) {
      throw new SourceError("unreadable", `the server answered ${response.status} ${response.statusText}`.trimEnd())
    }
    return { response, bytes: await response.arrayBuffer() }
  }
  // One request brings the end and says how long the file is.
  const { bytes, response } = yield* Effect.tryPromise({ try: () => get(`-${tailBytes}`), catch: urlFlaw })
  if (response.status !== 206) return withTail(bytes.byteLength, neverRead, { start: 0, bytes }) // ranges are not served
  const total = Number(/\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1])
  if (!Number.isSafeInteger(total)) {
    return yield* Effect.fail(new SourceError("unreadable", "the server sent a part of it without saying of what"))
  }
  const read = async (start: number, end: number) => {
    const part = await get(`${start}-${end - 1}`)
    return part.response.status === 206 ? part.bytes : part.bytes.slice(start, end)
  }
  return withTail(total, read, { start: total - bytes.byteLength, bytes })
})

const neverRead = (): Promise<ArrayBuffer> => Promise.reject(new Error("the whole file is there"))

/** What undici says is in the cause of what `fetch` throws. */
const urlFlaw = (cause: unknown): SourceError => {
  if (cause instanceof SourceError) return cause
  const inner = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause
  return new SourceError("unreadable", `the server can't be reached (${codeOf(inner) || messageOf(inner)})`)
}
