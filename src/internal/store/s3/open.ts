/** Opens a bucket as the place of large artifacts: checks that it can be used, and says in a sentence why not. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Address from "../../s3/address.ts"
import * as Client from "../../s3/client.ts"
import type { S3Error } from "../../s3/failure.ts"
import type { Tuning } from "../../s3/request.ts"
import * as Digest from "../../schema/digest.ts"
import type { BucketLocation } from "../artifactStore.ts"
import type { Blobs as BlobsType } from "../blobs.ts"
import { makeWritable } from "../files/directories.ts"
import type { Ledger } from "../ledger.ts"
import { reasonOf } from "../obstacle.ts"
import { StoreError } from "../storeError.ts"
import * as Blobs from "./blobs.ts"

/** Where the bucket is and how it is reached. */
export type Place = Omit<BucketLocation, "runs" | "kind">

/** A wrong address should be reported soon after a program starts. */
const atStart: Tuning = { attempts: 3 }

/** Why a bucket can't be used, as an error. */
const unusable = ({ bucket, prefix }: Place, error: S3Error): StoreError =>
  new StoreError({
    message: `The artifacts in ${Address.show({ bucket, key: prefix })} can't be used: ${error.reason}.`
  })

/** The client of a place; it is closed with the scope. */
const clientOf = (place: Place, tuning: Tuning = {}): Effect.Effect<Client.Client, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() =>
      Client.make({
        bucket: place.bucket,
        region: place.region,
        endpoint: place.endpoint,
        forcePathStyle: place.forcePathStyle,
        credentials: place.credentials,
        ...tuning
      })
    ),
    (client) => Effect.sync(client.close)
  )

/**
 * Opens a bucket.
 *
 * @param readOnly Nothing is written, and the bucket is first asked when an artifact is read: most questions about runs need
 *   none.
 */
export const open =
  (place: Place, readOnly: boolean, tuning: Tuning = {}) =>
  (ledger: Ledger): Effect.Effect<BlobsType, StoreError, Scope.Scope> =>
    Effect.gen(function* () {
      if (!readOnly) yield* check(place)
      if (place.cache.directory !== undefined) yield* directory(place.cache.directory)
      const client = yield* clientOf(place, tuning)
      const { blobs, close } = Blobs.make({
        client,
        prefix: place.prefix,
        ledger,
        cache: { directory: place.cache.directory, limitBytes: place.cache.limitBytes },
        readOnly
      })
      yield* Effect.addFinalizer(() => Effect.promise(close))
      return blobs
    })

/** Makes the directory of the cache, unless it exists. */
const directory = (path: string): Effect.Effect<void, StoreError> =>
  Effect.tryPromise({
    try: () => makeWritable(path),
    catch: (cause) =>
      new StoreError({
        message: `The cache directory ${path} can't be written: ${reasonOf(cause)}. Choose another with --cache-dir, or make this one writable.`
      })
  })

/** Whether objects can be listed, which takes a bucket that exists, and credentials that are good. */
const check = (place: Place): Effect.Effect<void, StoreError> =>
  Effect.flatMap(clientOf(place, atStart), (client) => client.list(place.prefix, undefined, 1)).pipe(
    Effect.mapError((error) => unusable(place, error)),
    Effect.scoped
  )

/**
 * The random token of a bucket and prefix, by which processes know that they share them. The first process that asks
 * creates it.
 */
export const token = (place: Place): Effect.Effect<string, StoreError> =>
  Effect.gen(function* () {
    const client = yield* clientOf(place, atStart)
    const key = `${place.prefix}identity`
    const read = Effect.map(client.range(key, 0, 1024), ({ bytes }) => new TextDecoder().decode(bytes).trim())
    const create = Effect.suspend(() => {
      const bytes = new TextEncoder().encode(`${randomUUID()}\n`)
      return client.put(key, { body: [bytes], size: bytes.length, digest: Digest.ofChunks([bytes]) }, { isNew: true })
    })
    return yield* Effect.catchIf(
      read,
      (error) => error.kind === "missing",
      () =>
        Effect.andThen(
          Effect.catchIf(
            create,
            ({ kind }) => kind === "changed",
            () => Effect.void
          ),
          read
        )
    )
  }).pipe(
    Effect.mapError((error) => unusable(place, error)),
    Effect.scoped
  )
