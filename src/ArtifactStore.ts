/**
 * Where artifacts are kept: immutable bytes under their SHA-256 digest. The same bytes are stored once; what is read is
 * verified against its digest. What this process has just written or read is remembered in `values`, bounded by the
 * memory that it takes, so that a hand-over between two tasks of one process does not read the store.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { defaultLimitBytes } from "./internal/artifact/valueCache.ts"
import { ArtifactStore } from "./internal/store/artifactStore.ts"
import * as MemoryArtifactStore from "./internal/store/memoryArtifactStore.ts"

export { type Address, ArtifactError } from "./internal/store/artifactError.ts"
export {
  type ArtifactFault,
  ArtifactStore,
  type Location,
  type VerifiedArtifacts
} from "./internal/store/artifactStore.ts"

/**
 * A store in memory of its own, that no run database shares: `inlineLimit` is 0.
 *
 * @example
 * ```ts
 * const stored = program.pipe(Effect.provide(ArtifactStore.layerMemory))
 * ```
 */
export const layerMemory: Layer.Layer<ArtifactStore> = Layer.effect(
  ArtifactStore,
  Effect.gen(function* () {
    const memory = MemoryArtifactStore.make({ inlineLimit: 0, valueBytes: defaultLimitBytes() })
    yield* Effect.addFinalizer(() => memory.close)
    return memory.store
  })
)
