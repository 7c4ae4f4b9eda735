/**
 * Where Parquet is read from: a local file, or an http(s) URL or an object in a bucket, of which only the needed ranges are
 * fetched. If the file changes while it is read, the read fails, because its parts would be of two files.
 */
import { open, stat } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AsyncBuffer } from "hyparquet"
import { codeOf, notAFile, reasonOf } from "../cause.ts"
import * as FileState from "../fileState.ts"
import { SourceError, withTail, written } from "./ranges.ts"
import { openUrl } from "./url.ts"

export { SourceError } from "./ranges.ts"

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

/**
 * Names of sources without what gives access to them: the user and the password, also where what a URL needs encoded is not,
 * and the signature of a signed URL.
 */
export const withoutSecrets = (names: string): string =>
  names
    .replace(/((?:s3|https?):\/{0,2})(?:[^/?#\s]*@|[^/?#\s:]*:(?!\d+[/?#])\S*@)/gi, (_, scheme) => `${scheme}…@`)
    .replace(
      /([?&](?:[\w-]*(?:signature|credential|token|password|secret|key)|sig|pwd)=)[^&#,\s]*/gi,
      (_, name) => `${name}…`
    )

/** Whether a source is fetched over the network. */
export const isHttp = (source: string): boolean => /^https?:\/\//i.test(source)

/** Whether a source is an object in a bucket, or meant to be one. */
export const isObject = (source: string): boolean => /^s3:/i.test(source)

/** Opens a file or a URL for as long as the scope lasts. */
export const openSource = (source: string | URL): Effect.Effect<AsyncBuffer, SourceError, Scope.Scope> => {
  const name = nameOf(source)
  if (isHttp(name)) return openUrl(name)
  if (isObject(name)) return openObject(name)
  return Effect.flatMap(pathOf(name), openFile)
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

/** The path of a local file that is named by its path or a URL. */
export const pathOf = (name: string): Effect.Effect<string, SourceError> =>
  Effect.try({ try: () => (name.startsWith("file:") ? fileURLToPath(name) : name), catch: fileFlaw })

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
  const { isChanged, stats } = yield* Effect.tryPromise({ try: () => FileState.watch(handle), catch: fileFlaw })
  if (stats.isDirectory()) return yield* Effect.fail(new SourceError("directory", "it is a directory, not a file"))
  const read = async (start: number, end: number) => {
    const bytes = new Uint8Array(end - start)
    let at = 0
    while (at < bytes.length) {
      const { bytesRead } = await handle.read(bytes, at, Math.min(bytes.length - at, maxReadBytes), start + at)
      if (bytesRead === 0) break
      at += bytesRead
    }
    if (at < bytes.length || (await isChanged())) throw new SourceError("unreadable", written)
    return bytes.buffer
  }
  return withTail(Number(stats.size), read)
})

/** The system reads less than 2 GiB at once. */
const maxReadBytes = 2 ** 30
