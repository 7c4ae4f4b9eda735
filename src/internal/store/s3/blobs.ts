/**
 * Large artifacts as objects in a bucket, `ab/abcdef…` under a prefix. What is uploaded is checked by the server, what is
 * read is verified here, and when each was last wanted stands in the run database (`store/ledger.ts`).
 *
 * Damage is a matter of the ledger, too: an object that does not have its digest is marked there, counts as missing, and
 * is replaced as soon as a task writes the right bytes.
 */
import { createHash } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Client } from "../../s3/client.ts"
import * as Download from "../../s3/download.ts"
import type { S3Error } from "../../s3/failure.ts"
import * as Digest from "../../schema/digest.ts"
import type { ArtifactError } from "../artifactError.ts"
import type { Blobs, Range } from "../blobs.ts"
import * as Bytes from "../bytes.ts"
import { type Claim, damaged, type Ledger } from "../ledger.ts"
import * as Cache from "./cache.ts"
import * as FileSource from "./fileSource.ts"
import * as Owners from "./owners.ts"
import * as Places from "./places.ts"
import * as Problem from "./problem.ts"
import * as Sweep from "./sweep.ts"
import * as Verify from "./verify.ts"
import * as Write from "./write.ts"

export interface Options {
  readonly client: Client
  readonly prefix: string
  readonly ledger: Ledger
  readonly cache: Omit<Cache.Options, "fetch" | "wrong">
  readonly readOnly: boolean
}

/** How often an object is read again if wrong bytes arrive, before it is said that something alters them on the way. */
const rereads = 3

const whole: Range = { start: 0, end: Number.POSITIVE_INFINITY }

/** How many objects are looked at, or read to be verified, at once. */
const concurrency = 16

export const make = (options: Options): { readonly blobs: Blobs; readonly close: () => Promise<void> } => {
  const { client, ledger, readOnly } = options
  const places = Places.make(client, options.prefix)
  const { keyOf } = places

  const valid = (digest: string): Effect.Effect<void, ArtifactError> =>
    Places.isDigest(digest) ? Effect.void : Effect.fail(Problem.missing(places, digest))

  const writing = <A>(effect: Effect.Effect<A, ArtifactError>): Effect.Effect<A, ArtifactError> =>
    readOnly ? Effect.fail(Problem.readOnly(places)) : effect

  /** The parts, straight from the bucket, unverified. */
  const raw = (digest: string, range: Range, reuse: boolean): Stream.Stream<Uint8Array, ArtifactError> =>
    Stream.mapError(Download.stream(client, keyOf(digest), range, reuse), (error) =>
      Problem.unreadable(places, digest, error)
    )

  const readable = <A>(
    digest: string,
    effect: Effect.Effect<A, S3Error | ArtifactError>
  ): Effect.Effect<A, ArtifactError> =>
    Effect.mapError(effect, (error) => (error._tag === "S3Error" ? Problem.unreadable(places, digest, error) : error))

  /** The digest that an object really has. */
  const hashOf = (digest: string, key = keyOf(digest)): Effect.Effect<string, ArtifactError> =>
    Effect.map(readable(digest, Download.read(client, key)), (object) => object.digest)

  /**
   * What to fail with if bytes arrived that have another digest, `arrived`. The object is read again until it is right or
   * wrong in the same way twice: only then is it taken for altered, and not the bytes on their way.
   */
  const wrong = Effect.fnUntraced(function* (
    digest: string,
    arrived: string
  ): Effect.fn.Return<ArtifactError, ArtifactError> {
    let last = arrived
    for (let read = 0; read < rereads; read++) {
      const next = yield* hashOf(digest)
      if (next === digest) break
      if (next === last) {
        if (!readOnly) yield* Effect.ignore(ledger.settle(digest, -1, damaged))
        return Problem.altered(places, digest)
      }
      last = next
    }
    return Problem.garbled(places, digest)
  })

  /** Whether an object has a digest. */
  const isIntact = Effect.fnUntraced(function* (digest: string, key?: string) {
    if ((yield* hashOf(digest, key)) === digest) return true
    // Bytes may have been altered on their way.
    return (yield* hashOf(digest, key)) === digest
  })

  /** The bytes, straight from the bucket. What arrived altered on the way is fetched once more. */
  const fetch = Effect.fnUntraced(function* (digest: string): Effect.fn.Return<Uint8Array, ArtifactError> {
    const once = readable(digest, Download.whole(client, keyOf(digest)))
    const first = yield* once
    if (first.digest === digest) return first.bytes
    const second = yield* once
    if (second.digest === digest) return second.bytes
    return yield* Effect.flatMap(wrong(digest, second.digest), Effect.fail)
  })

  /** A whole object, verified at its end. */
  const streamed = (digest: string, reuse: boolean): Stream.Stream<Uint8Array, ArtifactError> =>
    Stream.suspend(() => {
      const hash = createHash("sha256")
      const end = Effect.suspend(() => {
        const arrived = hash.digest("hex")
        return arrived === digest ? Effect.void : Effect.flatMap(wrong(digest, arrived), Effect.fail)
      })
      return Stream.concat(
        Stream.tap(raw(digest, whole, reuse), (part) => Effect.sync(() => hash.update(part))),
        Stream.fromEffectDrain(end)
      )
    })

  const cache = Cache.make({
    ...options.cache,
    fetch: (digest, file, failed) => readable(digest, Download.toFile(client, keyOf(digest), file, { failed })),
    wrong
  })

  let isTold = false
  /** Reads past a cache that can't be used: a run must not fail by it. */
  const orDirectly = <A>(
    cached: Effect.Effect<A, ArtifactError | Cache.Unusable>,
    direct: Effect.Effect<A, ArtifactError>
  ): Effect.Effect<A, ArtifactError> =>
    Effect.catchTag(cached, "Unusable", ({ error }) => {
      if (isTold) return direct
      isTold = true
      return Effect.andThen(Effect.logWarning(`The cache can't be used. ${error.message}`), direct)
    })

  /** Whether an object is there and as it was written. */
  const isThere = Effect.fnUntraced(function* (
    digest: string,
    size: number,
    recorded: { readonly size: number; readonly etag: string }
  ) {
    if (recorded.etag === damaged) return false
    const object = yield* Effect.catchIf(
      Effect.asSome(client.look(keyOf(digest))),
      (error) => error.kind === "missing",
      () => Effect.succeedNone
    ).pipe(Effect.mapError((error) => Problem.unreadable(places, digest, error)))
    if (object._tag === "None") return false
    const { etag } = object.value
    if (size >= 0 && object.value.size !== size) return false
    if (etag === recorded.etag && etag !== "") return true
    // Somebody else has written it: its bytes have to tell.
    const intact = yield* isIntact(digest)
    yield* ledger.settle(digest, intact ? object.value.size : -1, intact ? etag : damaged)
    return intact
  })

  const blobs: Blobs = {
    isRemote: true,
    owners: Owners.make(client, places),
    local: {
      has: (digest) => (Places.isDigest(digest) ? cache.has(digest) : Effect.succeed(false)),
      put: cache.put,
      path: (digest) => Effect.andThen(valid(digest), cache.path(digest)),
      name: cache.name
    },
    put: (chunks, address) =>
      writing(
        Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          const named = address ?? { digest: Digest.ofChunks(chunks), size: Bytes.sizeOf(chunks) }
          return yield* Write.write(client, ledger, places, Write.ofChunks(chunks, named), now)
        })
      ),
    putFile: (path) =>
      writing(
        Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          return yield* Write.write(client, ledger, places, yield* FileSource.open(path), now)
        }).pipe(Effect.scoped)
      ),
    get: (digest) =>
      Effect.andThen(valid(digest), cache.isKept ? orDirectly(cache.get(digest), fetch(digest)) : fetch(digest)),
    stream: (digest, range, { reuse = false } = {}) =>
      Stream.unwrap(
        Effect.flatMap(valid(digest), () => {
          if (range !== undefined) return Effect.succeed(raw(digest, range, reuse))
          const direct = Effect.sync(() => streamed(digest, reuse))
          return cache.isKept ? orDirectly(cache.open(digest), direct) : direct
        })
      ),
    touch: (artifacts) =>
      artifacts.length === 0
        ? Effect.succeed(new Set())
        : writing(
            Effect.gen(function* () {
              const now = yield* Clock.currentTimeMillis
              const claims: Array<Claim> = []
              for (const artifact of artifacts) {
                const { digest, size } = typeof artifact === "string" ? { digest: artifact, size: -1 } : artifact
                if (Places.isDigest(digest)) claims.push({ digest, size, etag: "" })
              }
              const entries = yield* ledger.claim(claims, now)
              const intact = new Set<string>()
              yield* Effect.forEach(
                claims,
                ({ digest, size }) => {
                  const entry = entries.get(digest)
                  if (entry === undefined) return Effect.void // it is being removed
                  return Effect.map(isThere(digest, size, entry), (isIntact) => void (isIntact && intact.add(digest)))
                },
                { concurrency, discard: true }
              )
              return intact
            })
          ),
    old: (before) => Sweep.old(client, ledger, places, before),
    remove: (artifacts, before) =>
      writing(
        Effect.tap(Sweep.remove(client, ledger, places, artifacts, before), (gone) => cache.remove(gone, before))
      ),
    tidy: (before) => writing(Effect.andThen(Sweep.abortStale(client, ledger, places, before), cache.tidy(before))),
    verify: (each) => Verify.verify(client, places, isIntact, each),
    restore: (digest, from) => writing(Verify.restore(client, places, digest, places.keyIn(from), isIntact)),
    setApart: (digest) => writing(ledger.settle(digest, -1, damaged)),
    discard: (path) =>
      writing(
        Effect.asVoid(
          Effect.mapError(client.remove([places.keyIn(path)]), (error) => Problem.ofStore(places, "removed", error))
        )
      )
  }
  return { blobs, close: cache.close }
}
