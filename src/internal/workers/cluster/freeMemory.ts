/**
 * Gives memory back to the system when a worker has become idle. V8 keeps what its heap once needed, here mostly for
 * starting, until enough is allocated again; an idle process allocates almost nothing.
 */
import * as Effect from "effect/Effect"

/** Collects all garbage of this thread, which takes some tens of milliseconds. */
export const freeMemory: Effect.Effect<void> = Effect.ignoreCause(
  Effect.promise(async () => {
    const { Session } = await import("node:inspector/promises")
    const session = new Session()
    session.connect()
    await session.post("HeapProfiler.collectGarbage")
    session.disconnect()
  })
)
