/**
 * Stores an attempt's card while its body runs: immediately if the last version is old enough, otherwise a little
 * later, so that a body can report its progress a million times. The last version is stored when the attempt ends, and
 * so is a version that could not be stored before. The card is a JSON artifact: a large one is stored by itself, a
 * small one becomes durable with its record.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { ArtifactStore } from "../../ArtifactStore.ts"
import { monotonicMs } from "../monotonic.ts"
import * as CanonicalJson from "../schema/canonicalJson.ts"
import * as Digest from "../schema/digest.ts"
import type { Component } from "./data.ts"

/** A card in its stored form, with its bytes if they are stored with the record. */
export interface SentCard {
  readonly at: number
  readonly digest: string
  readonly size: number
  readonly bytes?: Uint8Array<ArrayBuffer>
}

/** The minimum time between two versions of a card. */
const sendIntervalMs = 150

/** The card of one attempt. */
export const make = (store: ArtifactStore["Service"], send: (card: SentCard) => void) => {
  let components: ReadonlyArray<Component> | undefined
  let dirty = false
  let waiting = false
  let sentAt = Number.NEGATIVE_INFINITY
  let sent = ""

  // Versions are stored one at a time, so that the end of an attempt waits for a version that is being stored.
  const mutex = Semaphore.makeUnsafe(1)
  const trySend = Effect.gen(function* () {
    if (!dirty || components === undefined) return
    dirty = false
    const bytes = new TextEncoder().encode(CanonicalJson.stringify({ components }))
    const digest = Digest.ofChunks([bytes])
    const at = yield* Clock.currentTimeMillis
    sentAt = yield* monotonicMs
    if (digest === sent) return
    const size = bytes.length
    if (size > store.inlineLimit) {
      yield* Effect.onError(store.put([bytes], { digest, size }), () =>
        Effect.sync(() => {
          dirty = true
        })
      )
      send({ at, digest, size })
    } else send({ at, digest, size, bytes })
    sent = digest
  }).pipe(mutex.withPermits(1))

  /** Sends the last version. A card that can't be stored does not fail its task. */
  const flush: Effect.Effect<void> = Effect.catch(trySend, (error) =>
    Effect.logWarning(`The task's card could not be stored: ${error.message}`)
  )

  /** Replaces the card. */
  const set = (next: ReadonlyArray<Component>): Effect.Effect<void> =>
    Effect.gen(function* () {
      components = next
      dirty = true
      if (waiting) return
      const wait = sentAt + sendIntervalMs - (yield* monotonicMs)
      if (wait <= 0) return yield* Effect.ignore(trySend)
      waiting = true
      yield* Effect.sleep(wait).pipe(
        Effect.andThen(Effect.suspend(() => Effect.ignore(trySend))),
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
