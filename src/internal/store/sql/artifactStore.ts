/**
 * An `ArtifactStore` in two places: small artifacts in the run database, where those of a task are written together
 * with its record, and large ones as files.
 *
 * A small artifact whose bytes no longer have their digest is marked by the size -1. It then counts as missing until a
 * task writes the same bytes again.
 */

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type Address, ArtifactError, type ArtifactStore } from "../../../ArtifactStore.ts"
import type { StoreError } from "../../../RunStore.ts"
import * as Extension from "../../artifact/extension.ts"
import * as ValueCache from "../../artifact/valueCache.ts"
import * as Digest from "../../schema/digest.ts"
import { inlineLimit } from "../artifactStore.ts"
import type { Blobs } from "../blobs.ts"
import * as Bytes from "../bytes.ts"
import * as Owners from "../owners.ts"
import type { TemporaryFiles } from "../temporaryFiles.ts"
import * as UserFile from "../userFile.ts"
import type { Database } from "./database.ts"
import type { Identity } from "./identity.ts"
import * as RecentBlobs from "./recentBlobs.ts"
import * as RecentFinder from "./recentFinder.ts"
import type { Row } from "./rows.ts"
import { ownerExists } from "./runStore.ts"
import * as SqlSources from "./sources.ts"
import * as VerifyArtifacts from "./verifyArtifacts.ts"
import type { Writer } from "./writer.ts"

/** Long lists of digests are queried in parts of this length. */
const listSize = 5000

/** The bytes of small artifacts are read and verified in parts of this size. */
const bytesAtOnce = 16 * 1024 * 1024

export const make = (options: {
  readonly database: Database
  readonly writer: Writer
  /** Where large artifacts are. */
  readonly blobs: Blobs
  readonly valueBytes: number
  /** Local files of artifacts, where the store's own directory can't be written to. */
  readonly temporary: TemporaryFiles
  readonly identity: Identity
  /** Marks nothing and writes nothing. Default: false. */
  readonly readOnly?: boolean
}): ArtifactStore["Service"] => {
  const { blobs, database, temporary, writer } = options
  const { dialect } = database
  const recent = RecentFinder.make(database)
  const readOnly = options.readOnly === true

  const asArtifactError =
    (reason: "unreadable" | "unwritable", digest?: string) =>
    (error: StoreError): ArtifactError =>
      new ArtifactError({ reason, message: error.message, ...(digest === undefined ? {} : { digest }) })

  /** Marks bytes in the database as damaged, so that a resumed run does not take them over. */
  const mark = (digest: string): Effect.Effect<void> =>
    readOnly
      ? Effect.void
      : Effect.ignore(
          database.transaction((connection) =>
            database.runAll(
              connection,
              [
                "UPDATE blobs SET size = -1 WHERE digest = ?",
                ...(dialect === "pg" ? [] : ["UPDATE recent_blobs SET size = -1 WHERE digest = ?"])
              ].map((sql) => ({ sql, params: [digest] }))
            )
          )
        )

  const altered = (digest: string): ArtifactError =>
    new ArtifactError({
      reason: "altered",
      digest,
      message:
        `Artifact ${digest} was altered: its bytes in ${database.name[0]?.toLowerCase()}${database.name.slice(1)} no longer have this digest. ` +
        "Resume the run to execute the task that wrote it again."
    })

  /** The bytes in the database, verified, or undefined if they are not there. */
  const inline = (digest: string): Effect.Effect<Uint8Array | undefined, ArtifactError> =>
    Effect.flatMap(
      Effect.mapError(
        database.query("SELECT bytes FROM blobs WHERE digest = ?", [digest]),
        asArtifactError("unreadable", digest)
      ),
      ([row]) => {
        const bytes = row?.bytes as Uint8Array | undefined // the column's type
        if (bytes !== undefined && Digest.ofChunks([bytes]) === digest) return Effect.succeed(bytes)
        return Effect.flatMap(
          Effect.mapError(recent.bytes(digest), asArtifactError("unreadable", digest)),
          (newer): Effect.Effect<Uint8Array | undefined, ArtifactError> =>
            newer !== undefined && Digest.ofChunks([newer]) === digest
              ? Effect.succeed(newer)
              : bytes === undefined && newer === undefined
                ? Effect.succeed(undefined)
                : Effect.andThen(mark(digest), Effect.fail(altered(digest)))
        )
      }
    )

  const temporarily = (digest: string, make: () => Promise<string>): Effect.Effect<string, ArtifactError> =>
    Effect.tryPromise({
      try: make,
      catch: (cause) => Bytes.failed("unwritable", "A temporary file for an artifact can't be written", cause, digest)
    })

  const inlineOr = <A, E>(
    digest: string,
    small: (bytes: Uint8Array) => Effect.Effect<A, E>,
    large: Effect.Effect<A, E>
  ): Effect.Effect<A, ArtifactError | E> =>
    Effect.flatMap(inline(digest), (bytes) => (bytes === undefined ? large : small(bytes)))

  const ask = (sql: string, params: ReadonlyArray<unknown>): Effect.Effect<ReadonlyArray<Row>, ArtifactError> =>
    Effect.mapError(database.query(sql, params), asArtifactError("unreadable"))

  /** Those of the digests that a run refers to. */
  const used = (digests: ReadonlyArray<string>): Effect.Effect<ReadonlySet<string>, ArtifactError> => {
    const marks = digests.map(() => "?").join(", ")
    return Effect.map(
      ask(
        `SELECT digest FROM uses WHERE digest IN (${marks}) UNION SELECT digest FROM cards WHERE digest IN (${marks}) UNION SELECT digest FROM checkpoints WHERE digest IN (${marks}) UNION SELECT digest FROM blobs WHERE digest IN (${marks}) AND ${ownerExists}${RecentBlobs.union(dialect, `UNION SELECT digest FROM recent_blobs WHERE digest IN (${marks})`)}`,
        [...digests, ...digests, ...digests, ...digests, ...(dialect === "pg" ? [] : digests)]
      ),
      (rows) => new Set(rows.map((row) => row.digest as string)) // the column's type
    )
  }

  /** Runs statements of one parameter list over parts of a long one. */
  const inParts = <A, B>(
    all: ReadonlyArray<A>,
    run: (part: ReadonlyArray<A>, marks: string) => Effect.Effect<ReadonlyArray<B>, ArtifactError>
  ): Effect.Effect<ReadonlyArray<B>, ArtifactError> =>
    Effect.map(
      Effect.forEach(
        Array.from({ length: Math.ceil(all.length / listSize) }, (_, i) => all.slice(i * listSize, (i + 1) * listSize)),
        (part) => run(part, part.map(() => "?").join(", "))
      ),
      (parts) => parts.flat()
    )

  const changeRows = (
    statement: string,
    params: ReadonlyArray<unknown>
  ): Effect.Effect<ReadonlyArray<Row>, ArtifactError> =>
    Effect.mapError(
      database.orStoreError(
        "write to",
        database.freeing(database.transaction((connection) => database.runOne(connection, { sql: statement, params })))
      ),
      asArtifactError("unwritable")
    )

  const change = (
    statement: string,
    params: ReadonlyArray<unknown>
  ): Effect.Effect<ReadonlyArray<string>, ArtifactError> =>
    Effect.map(changeRows(statement, params), (rows) => rows.map((row) => row.digest as string)) // every statement here returns this column

  const kept = Effect.mapError(options.identity.kept, asArtifactError("unwritable"))
  const leaveMark = blobs.owners?.mark
  let isMarked = leaveMark === undefined || readOnly
  /** Leaves this database's mark in the place of large artifacts, before the first of this process is kept there. */
  const keeping = <A>(effect: Effect.Effect<A, ArtifactError>): Effect.Effect<A, ArtifactError> =>
    Effect.suspend(() => {
      if (isMarked || leaveMark === undefined) return effect
      return Effect.flatMap(Effect.flatMap(kept, leaveMark), () => {
        isMarked = true
        return effect
      })
    })

  /** Fails if other databases keep artifacts in the same place. */
  const checkSweep: Effect.Effect<void, ArtifactError> = Effect.suspend(() => {
    const { owners } = blobs
    if (owners === undefined) return Effect.void
    const token = Effect.mapError(options.identity.token, asArtifactError("unreadable"))
    return Effect.flatMap(token, (own) => Owners.checkAlone(owners, own))
  })

  /** Moves the recent artifacts to where all others are. */
  const moveRecent: Effect.Effect<void, ArtifactError> = Effect.mapError(
    database.orStoreError(
      "write to",
      database.freeing(database.transaction((connection) => database.runAll(connection, RecentBlobs.move(dialect))))
    ),
    asArtifactError("unwritable")
  )

  /**
   * Touches artifacts in the database, and yields those whose bytes have their digest. Postgres hashes them where they
   * are.
   */
  const touchInline =
    (now: number) =>
    (part: ReadonlyArray<string>, marks: string): Effect.Effect<ReadonlyArray<string>, ArtifactError> => {
      const update = `UPDATE blobs SET touched_at = ? WHERE digest IN (${marks}) AND size >= 0`
      if (database.dialect === "pg")
        return change(`${update} AND encode(sha256(bytes), 'hex') = digest RETURNING digest`, [now, ...part])
      return Effect.gen(function* () {
        const intact: Array<string> = []
        for (const { bytes, digest } of yield* changeRows(`${update} RETURNING digest, bytes`, [now, ...part])) {
          if (Digest.ofChunks([bytes]) === digest) intact.push(digest)
          else yield* mark(digest)
        }
        return intact
      })
    }

  const put: ArtifactStore["Service"]["put"] = (chunks, address) =>
    Effect.suspend(() => {
      const size = address?.size ?? Bytes.sizeOf(chunks)
      if (size > inlineLimit) return keeping(blobs.put(chunks, address))
      const digest = address?.digest ?? Digest.ofChunks(chunks)
      return Effect.as(
        Effect.mapError(
          writer({ changes: [], blobs: [{ digest, bytes: Bytes.join(chunks, size) }] }),
          asArtifactError("unwritable", digest)
        ),
        { digest, size }
      )
    })

  /** Stores a file: a small one where small artifacts are, which takes no request to a server of objects. */
  const putFile = Effect.fnUntraced(function* (path: string): Effect.fn.Return<Address, ArtifactError> {
    const small = yield* Effect.tryPromise({
      try: () => smallFile(path),
      catch: (cause) => UserFile.unreadable(path, cause)
    })
    return yield* small === undefined ? keeping(blobs.putFile(path)) : put([small])
  })

  return {
    inlineLimit,
    put,
    putFile: (path) => (blobs.isRemote ? putFile(path) : keeping(blobs.putFile(path))),
    get: (digest) => inlineOr(digest, Effect.succeed, blobs.get(digest)),
    stream: (digest, range, options) =>
      Stream.unwrap(
        Effect.map(inline(digest), (bytes) =>
          bytes === undefined ? blobs.stream(digest, range, options) : Stream.fromIterable(Bytes.parts(bytes, range))
        )
      ),
    path: (digest, extension) =>
      Effect.gen(function* () {
        const ending = Extension.normalized(extension)
        if (!(yield* blobs.local.has(digest))) {
          const bytes = yield* inline(digest)
          if (bytes !== undefined && readOnly)
            return yield* temporarily(digest, () => temporary.write(digest + ending, bytes))
          if (bytes !== undefined) yield* blobs.local.put([bytes], { digest, size: bytes.length })
        }
        const path = yield* blobs.local.path(digest)
        if (ending === "") return path
        const named = yield* blobs.local.name(digest, ending)
        return named ?? (yield* temporarily(digest, () => temporary.link(digest + ending, path)))
      }),
    touch: (artifacts) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        if (dialect === "sqlite") {
          const areRecent = recent.hasAny(artifacts.map(digestOf))
          if (yield* Effect.mapError(areRecent, asArtifactError("unreadable"))) yield* moveRecent
        }
        const intact = new Set<string>()
        for (const part of touchedTogether(artifacts))
          for (const digest of yield* touchInline(now)(part, part.map(() => "?").join(", "))) intact.add(digest)
        const large = artifacts.filter((artifact) => !intact.has(digestOf(artifact)))
        if (large.length > 0) for (const digest of yield* keeping(blobs.touch(large))) intact.add(digest)
        return intact
      }),
    checkSweep,
    sweep: ({ before, dryRun, keep, released }) =>
      Effect.gen(function* () {
        yield* checkSweep
        const latest = Math.max(before, released?.before ?? before)
        const goes = (digest: string, touchedAt: number): boolean =>
          !keep.has(digest) && (touchedAt < before || released?.digests.has(digest) === true)
        if (dryRun !== true && dialect === "sqlite") yield* moveRecent
        const small = yield* ask("SELECT digest, size, touched_at FROM blobs WHERE touched_at < ?", [latest])
        const sizes = new Map<string, number>()
        for (const row of small) if (goes(row.digest, row.touched_at)) sizes.set(row.digest, row.size)
        const old = (yield* blobs.old(latest)).filter(({ digest, touchedAt }) => goes(digest, touchedAt))
        if (dryRun === true) return total([...sizes.values(), ...old.map(({ size }) => size)])
        // Asked again as they go: what a run has come to refer to since `keep` was made, or was put again, stays.
        const gone = yield* inParts([...sizes.keys()], (part, marks) =>
          change(`DELETE FROM blobs WHERE digest IN (${marks}) AND touched_at < ? AND ${unused} RETURNING digest`, [
            ...part,
            latest
          ])
        )
        // A removed file must not be missed by a run whose removal a power cut undoes.
        if (old.length > 0) yield* Effect.mapError(database.freeing(database.flush), asArtifactError("unwritable"))
        // Another database may have come while all were listed, which takes long in a large place.
        const removed = yield* inParts(old, (part) =>
          Effect.flatMap(Effect.andThen(checkSweep, used(part.map(({ digest }) => digest))), (inUse) =>
            blobs.remove(
              part.filter(({ digest }) => !inUse.has(digest)),
              latest
            )
          )
        )
        yield* blobs.tidy(before, keep)
        yield* Effect.mapError(database.compact, asArtifactError("unwritable"))
        return total([...gone.map((digest) => sizes.get(digest) ?? 0), ...removed.map(({ size }) => size)])
      }),
    verify: ({ repair }) =>
      Effect.andThen(
        repair && dialect === "sqlite" ? moveRecent : Effect.void,
        VerifyArtifacts.verify(
          {
            files: blobs,
            database: `${database.name[0]?.toLowerCase()}${database.name.slice(1)}`,
            dialect,
            ask,
            change
          },
          repair
        )
      ),
    ...(readOnly ? {} : { sources: SqlSources.make(database) }),
    values: ValueCache.make(options.valueBytes)
  }
}

/** The bytes of a file that is small enough for the database. */
const smallFile = (path: string): Promise<Uint8Array | undefined> =>
  UserFile.read(path, async (file) => {
    if ((await file.stat()).size > inlineLimit) return undefined
    const buffer = new Uint8Array(inlineLimit + 1)
    let length = 0
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, length)
      if (bytesRead === 0) return buffer.slice(0, length)
      length += bytesRead
    }
    return undefined // it has grown
  })

/** Digests in the order of the index, where those of one part share pages. A part has at most `bytesAtOnce` bytes. */
const touchedTogether = (artifacts: ReadonlyArray<string | Address>): ReadonlyArray<ReadonlyArray<string>> => {
  const parts: Array<Array<string>> = []
  let bytes = bytesAtOnce
  for (const artifact of [...artifacts].sort((a, b) => (digestOf(a) < digestOf(b) ? -1 : 1))) {
    const size = typeof artifact === "string" ? inlineLimit : Math.min(artifact.size, inlineLimit)
    if (bytes + size > bytesAtOnce || parts.at(-1)?.length === listSize) {
      parts.push([])
      bytes = 0
    }
    parts.at(-1)?.push(digestOf(artifact))
    bytes += size
  }
  return parts
}

const digestOf = (artifact: string | Address): string => (typeof artifact === "string" ? artifact : artifact.digest)

/** A condition: no run refers to a small artifact. */
const unused = `NOT ${ownerExists} AND NOT EXISTS (SELECT 1 FROM uses WHERE uses.digest = blobs.digest) AND blobs.digest NOT IN (SELECT digest FROM cards) AND NOT EXISTS (SELECT 1 FROM checkpoints WHERE checkpoints.digest = blobs.digest)`

const total = (sizes: ReadonlyArray<number>): { readonly artifacts: number; readonly bytes: number } => ({
  artifacts: sizes.length,
  bytes: sizes.reduce((sum, size) => sum + size, 0)
})
