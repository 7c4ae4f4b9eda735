/**
 * Proof that the processes of a group share their storage. A directory of blobs has a random token in a file, a bucket in an
 * object, and a run database in a table. Workers register both tokens, and a process whose tokens are others is refused when it starts,
 * instead of failing later with a missing artifact. A driver that was there first sends its own with each attempt.
 */
import { randomUUID } from "node:crypto"
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Location } from "../../../ArtifactStore.ts"
import { ExecutorError } from "../../../Executor.ts"
import { codeOf, messageOf } from "../../cause.ts"
import type { BucketLocation } from "../../store/artifactStore.ts"
import { blobsOf, databaseUrl } from "../../store/location.ts"
import { createSchema, createTable, orUnreachable, schema, whileAway, withConnection } from "./connection.ts"
import type { WorkerRecord } from "./registry.ts"
import type { Shared } from "./settings.ts"

/** The tokens of the storage that a process sees. An empty token is not compared. */
export interface Identity {
  readonly blobs: string
  readonly store: string
}

/** The file with a directory's token. */
const fileName = "identity"

/** The token of a directory. The first process that asks creates it. */
export const ofDirectory = (directory: string): Effect.Effect<string, ExecutorError> =>
  Effect.tryPromise({
    try: async () => {
      const file = join(directory, fileName)
      const read = () => readFile(file, "utf8")
      const existing = await read().catch(() => undefined)
      if (existing !== undefined) return existing.trim()
      await mkdir(directory, { recursive: true })
      const token = randomUUID()
      const temporary = `${file}-${token}`
      await writeFile(temporary, `${token}\n`, { flush: true })
      // Unlike a rename, a link does not replace the token of a process that was faster.
      await link(temporary, file).catch((cause) => {
        if (codeOf(cause) !== "EEXIST") throw cause
      })
      await rm(temporary)
      return (await read()).trim()
    },
    catch: (cause) =>
      new ExecutorError({
        reason: "store",
        message: `The directory of blobs ${directory} can't be used: ${messageOf(cause)}. Set EFFECT_FLOW_BLOBS to a directory that every worker and driver can write to.`
      })
  })

/** The token of a bucket and prefix. The first process that asks creates it. */
const ofBucket = (location: BucketLocation): Effect.Effect<string, ExecutorError> =>
  Effect.flatMap(
    Effect.promise(() => import("../../store/s3/open.ts")),
    ({ token }) => token(location)
  ).pipe(Effect.mapError(({ message }) => new ExecutorError({ reason: "store", message })))

/** The token of a database. */
const ofDatabase = Effect.fnUntraced(function* (sql: SqlClient) {
  const table = `${schema}.identity`
  yield* sql.unsafe(createSchema)
  yield* createTable(sql, `${table} (is_only BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (is_only), token TEXT NOT NULL)`)
  yield* sql.unsafe(`INSERT INTO ${table} (token) VALUES ($1) ON CONFLICT DO NOTHING`, [randomUUID()])
  const [row] = yield* sql.unsafe<{ readonly token: string }>(`SELECT token FROM ${table}`)
  return row?.token ?? ""
})

/**
 * The tokens of a store.
 *
 * @param sql A connection to the cluster's database, which is mostly the store's, too.
 */
export const of = Effect.fnUntraced(function* (
  location: Location | undefined,
  { url }: Shared,
  sql: SqlClient
): Effect.fn.Return<Identity, ExecutorError> {
  if (location === undefined) return { blobs: "", store: "" }
  if (location.kind === "local") {
    const token = yield* ofDirectory(location.directory)
    return { blobs: token, store: token }
  }
  const blobs = yield* location.kind === "s3" ? ofBucket(location) : ofDirectory(location.blobs)
  const runs = databaseUrl(location)
  if (runs === undefined) {
    // The runs of a bucket may be in a directory.
    const { runs: local } = location as BucketLocation // a Postgres store has a URL
    return { blobs, store: local.kind === "local" ? yield* ofDirectory(local.directory) : "" }
  }
  const isClusters = Redacted.value(runs) === Redacted.value(url)
  const ofRuns = isClusters ? ofDatabase(sql) : withConnection(runs, "start", ofDatabase)
  const store = yield* orUnreachable(runs)(whileAway(ofRuns))
  return { blobs, store }
})

/** Refuses a process that sees other storage than a worker of its group. */
export const check = (
  workers: ReadonlyArray<WorkerRecord>,
  own: Identity,
  group: string,
  location: Location | undefined
): Effect.Effect<void, ExecutorError> => {
  for (const { address, blobs, draining, host, store } of workers) {
    if (draining) continue
    if (isOther(store, own.store)) {
      return refuse(
        `Worker ${address} of group "${group}" (on ${host}) keeps its runs in another database than this process. Set EFFECT_FLOW_DATABASE_URL to the same database in every worker and driver of a group, or give this deployment a group of its own with EFFECT_FLOW_GROUP.`
      )
    }
    if (isOther(blobs, own.blobs)) {
      const what =
        location?.kind === "s3" ? "the same bucket and prefix" : "a directory that all machines share, the same"
      return refuse(
        `Worker ${address} of group "${group}" (on ${host}) sees other blobs than this process does in ${blobsOf(location)}. Set EFFECT_FLOW_BLOBS to ${what} in every worker and driver of a group.`
      )
    }
  }
  return Effect.void
}

/** Which storage differs, if any. */
export const difference = (theirs: Identity, own: Identity | undefined): keyof Identity | undefined =>
  own === undefined
    ? undefined
    : isOther(theirs.store, own.store)
      ? "store"
      : isOther(theirs.blobs, own.blobs)
        ? "blobs"
        : undefined

/** Why a worker can't execute a task of a driver that sees other storage. */
export const differenceText = (worker: string, different: keyof Identity): string =>
  different === "store"
    ? `Worker ${worker} keeps its runs in another database than the run's driver. Set EFFECT_FLOW_DATABASE_URL to the same database in every worker and driver of a group, or give one of them a group of its own with EFFECT_FLOW_GROUP.`
    : `Worker ${worker} sees other blobs than the run's driver. Set EFFECT_FLOW_BLOBS to the same bucket and prefix, or to one directory that all machines share, in every worker and driver of a group.`

const isOther = (theirs: string, own: string): boolean => theirs !== "" && own !== "" && theirs !== own

const refuse = (message: string) => Effect.fail(new ExecutorError({ reason: "settings", message }))
