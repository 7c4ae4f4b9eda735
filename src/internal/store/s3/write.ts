/**
 * Writes artifacts into a bucket. The digest of an artifact, or of each part of a large one, is the payload hash that signs
 * its upload, so the server refuses other bytes. An object that is there already is left alone if its contents are known
 * to be right, and replaced otherwise: the right bytes are at hand.
 */
import { createHash } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Client, Content } from "../../s3/client.ts"
import { isMismatch, type S3Error } from "../../s3/failure.ts"
import * as Upload from "../../s3/upload.ts"
import * as Digest from "../../schema/digest.ts"
import type { Address, ArtifactError } from "../artifactError.ts"
import type { Entry, Ledger } from "../ledger.ts"
import type { Places } from "./places.ts"
import * as Problem from "./problem.ts"

/** The bytes of an artifact, to be sent as often as necessary. */
export interface Source extends Address {
  /** The whole, for an object that is written in one request. */
  readonly body: Content["body"]
  /** Parts, for one that is uploaded in several. */
  readonly parts: Upload.Parts
  /** What servers without encryption call these contents; empty if that is not known. */
  readonly etag: string
  /** What is wrong if the bytes that are sent are no longer those that were hashed. */
  readonly changed?: ArtifactError
}

/** From this size on a writer asks first whether the object is there, which takes less than sending it in vain. */
const askFirstBytes = 4 * 1024 * 1024

/** How long a writer waits before it looks again whether an object is removed at last, and can be written anew. */
const leavingPause = Effect.provideService(Effect.sleep("200 millis"), Clock.Clock, Clock.Clock.defaultValue())

/** How often a writer says that it is still at it. Garbage collection spares what was claimed within a minute at least. */
const claimInterval = Effect.provideService(Effect.sleep("20 seconds"), Clock.Clock, Clock.Clock.defaultValue())

/** Writes an artifact. */
export const write = Effect.fnUntraced(function* (
  client: Client,
  ledger: Ledger,
  places: Places,
  source: Source,
  now: number
): Effect.fn.Return<Address, ArtifactError> {
  const { digest, etag, size } = source
  const key = places.keyOf(digest)
  const failed = (error: S3Error): ArtifactError =>
    isMismatch(error) && source.changed !== undefined ? source.changed : Problem.unwritable(places, digest, error)
  let entry = (yield* ledger.claim([{ digest, size, etag }], now)).get(digest)
  while (entry === undefined) {
    yield* leavingPause
    entry = (yield* ledger.claim([{ digest, size, etag }], now)).get(digest)
  }
  const recorded: Entry = entry
  const isRight = (object: { readonly size: number; readonly etag: string }): boolean =>
    object.size === size && object.etag !== "" && (object.etag === recorded.etag || object.etag === etag)
  const send = (isNew: boolean): Effect.Effect<string, S3Error> =>
    size > Upload.thresholdBytes
      ? Upload.upload(client, key, size, source.parts, isNew)
      : client.put(key, { body: source.body, size, digest }, { isNew })
  const present =
    size < askFirstBytes
      ? undefined
      : yield* Effect.catchIf(
          Effect.mapError(client.look(key), (error) => (error.kind === "missing" ? undefined : failed(error))),
          (error) => error === undefined,
          () => Effect.undefined
        )
  if (present !== undefined && isRight(present)) return { digest, size }
  const sent = Effect.catchIf(
    send(present === undefined),
    (error) => error.kind === "changed",
    () => Effect.flatMap(client.look(key), (object) => (isRight(object) ? Effect.undefined : send(false)))
  )
  // Sending may take hours.
  const claiming = Effect.andThen(claimInterval, Clock.currentTimeMillis).pipe(
    Effect.flatMap((time) => Effect.ignore(ledger.claim([{ digest, size, etag }], time))),
    Effect.forever
  )
  const written = yield* Effect.mapError(size < askFirstBytes ? sent : Effect.raceFirst(sent, claiming), failed)
  if (written !== undefined && written !== recorded.etag) yield* ledger.settle(digest, size, written)
  return { digest, size }
})

/** The bytes of an artifact in memory. */
export const ofChunks = (chunks: ReadonlyArray<Uint8Array>, address: Address): Source => ({
  ...address,
  body: chunks,
  parts: (start, end) => {
    const body = views(chunks, start, end)
    return { body, size: end - start, digest: Digest.ofChunks(body) }
  },
  etag: etagOf(chunks, address.size)
})

/** Above this size the hash that the server goes by is not worth its time. */
const etagLimitBytes = 4 * 1024 * 1024

const etagOf = (chunks: ReadonlyArray<Uint8Array>, size: number): string => {
  if (size > etagLimitBytes) return ""
  try {
    const hash = createHash("md5")
    for (const chunk of chunks) hash.update(chunk)
    return `"${hash.digest("hex")}"`
  } catch {
    return "" // this system forbids MD5
  }
}

/** Views of a range of bytes in parts. */
const views = (chunks: ReadonlyArray<Uint8Array>, start: number, end: number): ReadonlyArray<Uint8Array> => {
  const parts: Array<Uint8Array> = []
  let at = 0
  for (const chunk of chunks) {
    if (at + chunk.length > start && at < end) parts.push(chunk.subarray(Math.max(0, start - at), end - at))
    at += chunk.length
  }
  return parts
}
