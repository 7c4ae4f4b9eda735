/** Describes a store's location as data, and opens the store in another thread or process. */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { ArtifactStore, Location } from "../../../ArtifactStore.ts"
import { ExecutorError } from "../../../Executor.ts"
import type { RunStore, StoreError } from "../../../RunStore.ts"
import * as Storage from "../../../Storage.ts"
import type { BucketLocation } from "../../store/artifactStore.ts"
import type { StorePlace } from "./protocol.ts"

/** The location of the store. Fails if no other thread or process can open it. */
export const placeOf = (
  store: ArtifactStore["Service"],
  executor: string
): Effect.Effect<StorePlace, ExecutorError> => {
  const location: Location | undefined = store.location
  if (location === undefined) {
    return Effect.fail(
      new ExecutorError({
        reason: "store",
        message: `The executor "${executor}" runs tasks beyond this thread, and this store is only in its memory. Provide Storage.layerLocal, or run the flow on fibers.`
      })
    )
  }
  switch (location.kind) {
    case "local":
      return Effect.succeed(location)
    case "postgres":
      return Effect.succeed({ ...location, url: Redacted.value(location.url) })
    case "s3":
      return bucketOf(location, executor)
  }
}

const bucketOf = (location: BucketLocation, executor: string): Effect.Effect<StorePlace, ExecutorError> => {
  const { credentials, runs } = location
  if (typeof credentials === "function") {
    return Effect.fail(
      new ExecutorError({
        reason: "store",
        message: `The executor "${executor}" runs tasks beyond this thread, and a function that yields credentials can't go there. Leave \`credentials\` out of Storage.layerS3: each thread then finds them in the environment, a profile or the machine's role.`
      })
    )
  }
  return Effect.succeed({
    ...location,
    credentials: credentials && {
      accessKeyId: credentials.accessKeyId,
      secretAccessKey: plain(credentials.secretAccessKey),
      sessionToken: credentials.sessionToken && plain(credentials.sessionToken)
    },
    runs: runs.kind === "local" ? runs.directory : Redacted.value(runs.url),
    sync: runs.kind === "local" && runs.sync
  })
}

const plain = (value: string | Redacted.Redacted): string => (typeof value === "string" ? value : Redacted.value(value))

/** Opens the store. */
export const open = (
  place: StorePlace,
  options: { readonly valueBytes: number }
): Layer.Layer<ArtifactStore | RunStore, StoreError> =>
  place.kind === "local"
    ? Storage.layerLocal({ directory: place.directory, sync: place.sync, valueBytes: options.valueBytes })
    : place.kind === "postgres"
      ? Storage.layerPostgres({ url: place.url, blobs: place.blobs, valueBytes: options.valueBytes })
      : Storage.layerS3({
          ...place,
          cacheDirectory: place.cache.directory,
          cacheBytes: place.cache.limitBytes,
          valueBytes: options.valueBytes
        })
