/**
 * Removes objects that no run needs: lists the bucket in pages beside the ledger, which has the same order, and removes
 * in batches. What killed processes left of uploads is aborted.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Client } from "../../s3/client.ts"
import type { S3Error } from "../../s3/failure.ts"
import { type Listed, type Page, pageSize, type Upload } from "../../s3/lists.ts"
import type { Address, ArtifactError } from "../artifactError.ts"
import { ArtifactError as Failed } from "../artifactError.ts"
import type { Aged } from "../blobs.ts"
import type { Ledger } from "../ledger.ts"
import type { Places } from "./places.ts"
import * as Problem from "./problem.ts"

/**
 * An object that the ledger does not know was put there by another tool, or another database uses the same bucket: then
 * this much time is given, by the server's clock, for its first use here.
 */
const unknownStaysMs = 60 * 60 * 1000

/**
 * The last attempt to remove a batch begins so long after it was marked. A process that was suspended in between must not
 * go on: writers wait for three minutes (`sql/ledger.ts`) and then write the objects again.
 */
const removalMs = 20_000

const realTime = (): number => Clock.Clock.defaultValue().currentTimeMillisUnsafe()

/** All items of a list, page by page. */
const pages = <A, E>(
  list: (after: string | undefined) => Effect.Effect<Page<A>, E>,
  each: (items: ReadonlyArray<A>, isLast: boolean) => Effect.Effect<void, E>
): Effect.Effect<void, E> =>
  Effect.gen(function* () {
    let after: string | undefined
    do {
      const { items, next } = yield* list(after)
      yield* each(items, next === undefined)
      after = next
    } while (after !== undefined)
  })

/** The artifacts in the bucket, a page at a time. */
export const objects = (
  client: Client,
  places: Places,
  each: (objects: ReadonlyArray<Listed>, isLast: boolean) => Effect.Effect<void, ArtifactError>
): Effect.Effect<void, ArtifactError> =>
  pages(
    (after) => Effect.mapError(client.list(places.prefix, after), (error) => Problem.ofStore(places, "listed", error)),
    each
  )

/** Objects last wanted before a time. Forgets what the ledger knows of objects that are gone. */
export const old = Effect.fnUntraced(function* (client: Client, ledger: Ledger, places: Places, before: number) {
  const aged: Array<Aged> = []
  const now = realTime()
  let reached = ""
  yield* objects(client, places, (page, isLast) =>
    Effect.gen(function* () {
      const listed = new Map<string, Listed>()
      for (const object of page) {
        const named = places.digestIn(object.key)
        if (named?.isRight === true) listed.set(named.digest, object)
      }
      const last = [...listed.keys()].at(-1)
      if (last === undefined && !isLast) return
      const entries = yield* ledger.between(reached, isLast ? undefined : last)
      const lost: Array<string> = []
      for (const { digest, touchedAt } of entries) {
        const object = listed.get(digest)
        if (object === undefined) {
          if (touchedAt < before) lost.push(digest)
        } else if (touchedAt < before) aged.push({ digest, size: object.size, touchedAt })
        listed.delete(digest)
      }
      for (const [digest, { modifiedAt, size }] of listed)
        if (modifiedAt < Math.min(before, now - unknownStaysMs)) aged.push({ digest, size, touchedAt: modifiedAt })
      yield* ledger.forget(lost, before)
      reached = last ?? reached
    })
  )
  return aged
})

/** Removes objects unless they were claimed since; yields those it removed. */
export const remove = Effect.fnUntraced(function* (
  client: Client,
  ledger: Ledger,
  places: Places,
  artifacts: ReadonlyArray<Address>,
  before: number
): Effect.fn.Return<ReadonlyArray<Address>, ArtifactError> {
  const gone: Array<Address> = []
  for (let at = 0; at < artifacts.length; at += pageSize) {
    const batch = artifacts.slice(at, at + pageSize)
    const until = realTime() + removalMs
    const leaving = new Set(yield* ledger.leave(batch, before))
    const failures = yield* Effect.mapError(client.remove([...leaving].map(places.keyOf), until), (error) =>
      Problem.ofStore(places, "removed", error)
    )
    const kept = new Set(failures.map(({ key }) => places.digestIn(key)?.digest))
    const removed = batch.filter(({ digest }) => leaving.has(digest) && !kept.has(digest))
    yield* ledger.left(removed.map(({ digest }) => digest))
    gone.push(...removed)
    const [failure] = failures
    if (failure !== undefined) {
      return yield* new Failed({
        reason: "unwritable",
        message: `${failures.length} of ${batch.length} objects can't be removed from ${places.show(places.prefix)}: ${failure.reason}.`
      })
    }
  }
  return gone
})

/** Aborts uploads that were begun before a time, and whose writers have not claimed the artifact since. */
export const abortStale = (
  client: Client,
  ledger: Ledger,
  places: Places,
  before: number
): Effect.Effect<void, ArtifactError> =>
  Effect.mapError(
    pages<Upload, S3Error | ArtifactError>(
      (after) => client.uploads(places.prefix, after),
      (uploads) =>
        Effect.forEach(
          uploads.filter(({ startedAt }) => startedAt < before),
          (upload) =>
            Effect.gen(function* () {
              const digest = places.digestIn(upload.key)?.digest
              if (digest === undefined) return
              const entries = yield* ledger.between(digest.slice(0, -1), digest)
              if (entries.some((entry) => entry.digest === digest && entry.touchedAt >= before)) return
              // One that ended by itself in the meantime is gone.
              yield* Effect.catchIf(
                client.abortUpload(upload),
                ({ kind }) => kind === "missing",
                () => Effect.void
              )
            }),
          { concurrency: 8, discard: true }
        )
    ),
    (error) => (error._tag === "S3Error" ? Problem.ofStore(places, "cleaned up", error) : error)
  )
