/**
 * Brings an attempt's card into the store while its body runs: at once where nothing was sent for a while, else a little
 * later, so that a body may tell its progress a million times. What is not sent when the attempt ends is sent then. The
 * card itself is a JSON artifact; a large one is put on its own, a small one becomes durable with its record.
 */
import * as Effect from "effect/Effect"
import type { ArtifactStore } from "../../ArtifactStore.ts"
import * as CanonicalJson from "../schema/canonicalJson.ts"
import * as Digest from "../schema/digest.ts"
import type { Component } from "./data.ts"

/** A card in its stored form. `bytes` where they go with the record. */
export interface SentCard {
  readonly at: number
  readonly digest: string
  readonly size: number
  readonly bytes?: Uint8Array<ArrayBuffer>
}

/** Milliseconds from one version of a card to the next. */
const pause = 150

/** The card of one attempt. */
export const make = (store: ArtifactStore["Service"], send: (card: SentCard) => void) => {
  let components: ReadonlyArray<Component> | undefined
  let dirty = false
  let waiting = false
  let sentAt = Number.NEGATIVE_INFINITY
  let sent = ""

  const flush: Effect.Effect<void> = Effect.gen(function* () {
    if (!dirty || components === undefined) return
    dirty = false
    const bytes = new TextEncoder().encode(CanonicalJson.stringify({ components }))
    const digest = Digest.ofChunks([bytes])
    const at = yield* Effect.clockWith((clock) => Effect.succeed(clock.currentTimeMillisUnsafe()))
    sentAt = at
    if (digest === sent) return
    sent = digest
    const size = bytes.length
    if (size > store.inlineLimit) {
      yield* store.put([bytes], { digest, size })
      send({ at, digest, size })
    } else send({ at, digest, size, bytes })
  }).pipe(
    // A card that can't be kept is no reason for a task to fail.
    Effect.catch((error) => Effect.logWarning(`The task's card could not be kept: ${error.message}`))
  )

  /** Replaces the card. */
  const set = (next: ReadonlyArray<Component>): Effect.Effect<void> =>
    Effect.gen(function* () {
      components = next
      dirty = true
      if (waiting) return
      const now = yield* Effect.clockWith((clock) => Effect.succeed(clock.currentTimeMillisUnsafe()))
      const wait = sentAt + pause - now
      if (wait <= 0) return yield* flush
      waiting = true
      yield* Effect.sleep(wait).pipe(
        Effect.andThen(Effect.suspend(() => flush)),
        Effect.ensuring(
          Effect.sync(() => {
            waiting = false
          })
        ),
        Effect.forkDetach
      )
    })

  return { set, flush }
}
