/** Describes a store's location as data, and opens the store in another thread or process. */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { ArtifactStore, Location } from "../../../ArtifactStore.ts"
import { ExecutorError } from "../../../Executor.ts"
import type { RunStore, StoreError } from "../../../RunStore.ts"
import * as Storage from "../../../Storage.ts"
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
  return Effect.succeed(location.kind === "postgres" ? { ...location, url: Redacted.value(location.url) } : location)
}

/** Opens the store. */
export const open = (
  place: StorePlace,
  options: { readonly valueBytes: number }
): Layer.Layer<ArtifactStore | RunStore, StoreError> =>
  place.kind === "local"
    ? Storage.layerLocal({ directory: place.directory, sync: place.sync, valueBytes: options.valueBytes })
    : Storage.layerPostgres({ url: place.url, blobs: place.blobs, valueBytes: options.valueBytes })
